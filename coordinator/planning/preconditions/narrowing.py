"""A column gets another type: every value must pass into it, by the server's own cast or by the author's USING."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import (
    FailsCast,
    Meeting,
    NoInput,
    NoLabel,
    OutOfRange,
    Overflows,
    Term,
    TooLong,
    Unfit,
)
from coordinator.planning.preconditions.asking import columns_in
from coordinator.sql.namespace import is_built_in, type_words
from coordinator.sql.nodes import given, name_of, strings, unwrap
from coordinator.sql.parser import expression_text, type_text

if TYPE_CHECKING:
    from coordinator.model.question import Test
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.TYPE
_RANGES = {
    "int2": (-(2**15), 2**15 - 1),
    "int4": (-(2**31), 2**31 - 1),
    "int8": (-(2**63), 2**63 - 1),
}
_PRINTED = {  # as PostgreSQL prints types -> as its catalog calls them
    "smallint": "int2",
    "integer": "int4",
    "int": "int4",
    "bigint": "int8",
    "character varying": "varchar",
    "character": "bpchar",
    "boolean": "bool",
    "double precision": "float8",
    "real": "float4",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "decimal": "numeric",
}
_TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
_BITS = frozenset({"bit", "varbit"})
_EXACT = frozenset({"int2", "int4", "int8", "numeric"})
# Types among which the same values are equal.
_EQUAL = (frozenset({"int2", "int4", "int8"}), frozenset({"text", "varchar"}))
# Every value of the first passes into each of the others, whatever it is.
_ALWAYS = {
    "int2": frozenset({"int4", "int8", "float4", "float8", "numeric"}),
    "int4": frozenset({"int8", "float4", "float8", "numeric"}),
    "int8": frozenset({"float4", "float8", "numeric"}),
    "float4": frozenset({"float8"}),
    "date": frozenset({"timestamp", "timestamptz"}),
    "jsonb": frozenset({"json"}),
}


def changes_type(asking: Asking, table: TableState, name: str, definition: Node) -> None:
    """ALTER COLUMN … TYPE."""
    column = table.columns.get(name)
    wanted = type_text(definition.type_name)
    what = f"type {wanted} of {table}.{name}"
    using = given(definition, "raw_default")
    columns = (name,) if using is None else columns_in(using)
    doubt = "it takes whole rows" if columns is None else asking.world.doubt(table, columns)
    if doubt:
        if column is None or not _always_passes(column.type, definition.type_name, using):
            asking.ask(_KIND, what, None, doubt)
        return
    assert column is not None or using is not None
    if using is not None and column is not None and column.not_null and not _only_casts(using, name):
        condition = f"({expression_text(using)}) IS NULL"
        none = Meeting(rows=table.rows(columns or ()), condition=condition)
        asking.ask(PreconditionKind.NOT_NULL, f"NOT NULL on {table}.{name} after {what}", none)
    before = "" if column is None else column.type
    test = _test(asking, before, name, definition.type_name, using)
    if test is None:
        return
    explicit = using is not None and _cast_of(using, name, definition.type_name)
    if not explicit and _cuts(definition.type_name):
        asking.ask(_KIND, what, None, "a cast that is asked for cuts off what this one would refuse")
        return
    # A padded text without its blanks is another one, so what is cast is what the author casts.
    plain = using is None or (explicit and _split(before)[0] != "bpchar")
    term = Term(column=name) if plain else Term(expression=expression_text(using))
    asking.ask(_KIND, what, Unfit(rows=table.rows(columns or ()), term=term, test=test))


def keeps_values(before: str, wanted: Node, using: Node | None) -> bool:
    """Whether every value passes into the type, and is equal to the same ones as before."""
    old, new = _split(before), _named(wanted)
    if using is not None or not _widens(old, new):
        return False
    if old[0] != new[0]:
        return any({old[0], new[0]} <= each for each in _EQUAL)
    return not new[1] or (bool(old[1]) and old[1] <= new[1])


def _always_passes(before: str, wanted: Node, using: Node | None) -> bool:
    """Whether every value passes into the type, perhaps as another one."""
    old, new = _split(before), _named(wanted)
    return using is None and (new[0] == "text" or _widens(old, new))


def _test(asking: Asking, before: str, name: str, wanted: Node, using: Node | None) -> Test | None:
    """How to find the values that do not pass; None when all do."""
    old, new = _split(before), _named(wanted)
    casts = using is None or _cast_of(using, name, wanted)
    labels = asking.world.labels_of(type_words(wanted), asking.names.schema)
    if labels is not None and casts and not wanted.array_bounds and old[0] != "bpchar":
        return NoLabel(labels=labels)
    if not is_built_in(type_words(wanted)):
        return FailsCast(type=_qualified(asking, wanted))
    if not casts:
        return FailsCast(type=type_text(wanted), length=_length(new))
    if _widens(old, new):
        return None
    if old[0] in _EXACT or old[0] in _TEXTS:
        found = _plain_test(old, new, wanted, explicit=using is not None)
        if found is not None:
            return found
    if new[0] in _TEXTS and _length(new) is None:
        return None  # every type has a way of being written
    return FailsCast(type=type_text(wanted), length=None if using is not None else _length(new))


def _plain_test(
    old: tuple[str, tuple[int, ...]], new: tuple[str, tuple[int, ...]], wanted: Node, *, explicit: bool
) -> Test | None:
    """Tests that can count: of numbers, and of texts."""
    length = _length(new)
    if new[0] in _TEXTS and length is not None and not explicit:
        return TooLong(length=length)
    if old[0] in _EXACT and new[0] in _RANGES:
        return OutOfRange(low=_RANGES[new[0]][0], high=_RANGES[new[0]][1])
    if old[0] in _EXACT and new[0] == "numeric" and new[1]:
        return Overflows(precision=new[1][0], scale=new[1][1] if len(new[1]) > 1 else 0)
    # Bits and items of arrays are cut off by a cast, and their input refuses them; a padded text is not as it is printed.
    tried = new[0] in _BITS or new[0].endswith("[]") or old[0] == "bpchar"
    if old[0] in _TEXTS and new[0] not in _TEXTS and not tried:
        return NoInput(type=type_text(wanted))
    return None


def _widens(old: tuple[str, tuple[int, ...]], new: tuple[str, tuple[int, ...]]) -> bool:
    if new[0] == "numeric" and not new[1] and old[0] in _EXACT:
        return True
    if new[0] in _ALWAYS.get(old[0], frozenset()) and not new[1]:
        return True
    if old[0] in _TEXTS and new[0] in _TEXTS:
        return _length(new) is None or (
            old[0] in {"varchar", "bpchar"} and bool(old[1]) and old[1][0] <= new[1][0]
        )
    if old[0] != new[0]:
        return False
    if new[0] == "numeric" and old[1]:
        (precision, scale), (old_precision, old_scale) = _digits(new[1]), _digits(old[1])
        return scale >= old_scale and precision - scale >= old_precision - old_scale
    return new[0] != "numeric"  # the same type; fewer digits of a second round and never fail


def _cuts(wanted: Node) -> bool:
    """Whether a cast that an author asks for shortens values which are refused without one."""
    name, limits = _named(wanted)
    kind, array = name.removesuffix("[]"), name.endswith("[]")
    return kind in _BITS or (array and bool(limits) and kind in _TEXTS)


def _digits(limits: tuple[int, ...]) -> tuple[int, int]:
    return limits[0], limits[1] if len(limits) > 1 else 0


def _length(type_: tuple[str, tuple[int, ...]]) -> int | None:
    """How many characters fit; None for as many as one likes, and for what is no text."""
    if type_[0] == "bpchar":
        return type_[1][0] if type_[1] else None
    return type_[1][0] if type_[0] == "varchar" and type_[1] else None


def _named(node: Node) -> tuple[str, tuple[int, ...]]:
    """A type of a statement: its name in the catalog, and what limits it; arrays keep their brackets."""
    words = type_words(node)
    brackets = "[]" * len(node.array_bounds)
    limits = tuple(each.a_const.ival.ival for each in node.typmods)
    return (words[-1] + brackets if words else "", limits)


def _split(printed: str) -> tuple[str, tuple[int, ...]]:
    """A type as the server prints it: its name in the catalog, and what limits it."""
    limits = re.search(r"\(([\d, ]+)\)", printed)
    name = re.sub(r"\([\d, ]+\)", "", printed).replace("  ", " ").strip()
    numbers = tuple(int(each) for each in limits[1].split(",")) if limits else ()
    return _PRINTED.get(name, name), numbers


def _cast_of(using: Node, name: str, wanted: Node) -> bool:
    """Whether the expression is nothing but the column, cast to the type that is wanted."""
    node = unwrap(using)
    if name_of(node) != "TypeCast" or type_text(node.type_name) != type_text(wanted):
        return False
    casts = 0
    while name_of(node) == "TypeCast":
        words = type_words(node.type_name)
        # A step in between may cut or round; only one to text says nothing else.
        if casts and words[-1:] != ("text",):
            return False
        node, casts = unwrap(node.arg), casts + 1
    return name_of(node) == "ColumnRef" and strings(node.fields)[-1:] == (name,)


def _only_casts(using: Node, name: str) -> bool:
    """Whether the expression is the column, perhaps cast: it has a value wherever the column has one."""
    node = unwrap(using)
    while name_of(node) == "TypeCast":
        node = unwrap(node.arg)
    return name_of(node) == "ColumnRef" and strings(node.fields)[-1:] == (name,)


def _qualified(asking: Asking, wanted: Node) -> str:
    """The type's name with its schema, so that no other one can be meant."""
    text = type_text(wanted)
    words = strings(wanted.names)
    return text if len(words) > 1 else f'"{asking.names.schema.replace(chr(34), chr(34) * 2)}".{text}'

"""What a table's constraint does: the columns it stands on, what a foreign key holds, its generated name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.sql.namespace import column, within
from coordinator.sql.nodes import strings, unwrap, word
from coordinator.sql.queries import QueryReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.sql.reading import Reading
    from coordinator.sql.tree import Node

_SUFFIX = {
    "CONSTR_PRIMARY": "pkey",
    "CONSTR_UNIQUE": "key",
    "CONSTR_FOREIGN": "fkey",
    "CONSTR_CHECK": "check",
    "CONSTR_EXCLUSION": "excl",
}


def read_constraint(
    reading: Reading,
    relation: ObjectName,
    node: Node,
    types: Mapping[str, str],
    columns: tuple[str, ...] = (),
) -> None:
    """One constraint. `types` are those of columns known here, `columns` the one that it stands behind."""
    kind = word(node, "contype")
    if kind not in _SUFFIX:
        return
    own = strings(node.keys) or strings(node.fk_attrs) or columns
    constraint = constraint_name(relation, node, own)
    reading.add(Verb.CREATE, constraint, columns=own, type=_SUFFIX[kind])
    for each in own:
        if each not in columns:
            reading.use(column(relation, each))
    if kind == "CONSTR_FOREIGN":
        _foreign_key(reading, constraint, node, tuple(types.get(each) for each in own))
    elif node.HasField("raw_expr"):
        # A check goes with the columns it names, so it uses them; functions and types it holds.
        QueryReader(reading, constraint).expression(unwrap(node.raw_expr), relation)


def _foreign_key(reading: Reading, constraint: ObjectName, node: Node, types: tuple[str | None, ...]) -> None:
    referenced = reading.names.relation(node.pktable)
    reading.use(referenced, constraint)
    names = strings(node.pk_attrs)
    if not names:  # it refers to the primary key, and holds that
        key = generated_name(referenced, (), _SUFFIX["CONSTR_PRIMARY"])
        reading.use(within(referenced, ObjectKind.CONSTRAINT, key), constraint)
    for name, type_name in zip(names, types, strict=False):
        reading.use(column(referenced, name), constraint, type=type_name)


def constraint_name(relation: ObjectName, node: Node, columns: tuple[str, ...]) -> ObjectName:
    """The constraint by its name: its own, that of the index which it takes, or what PostgreSQL calls it."""
    kind = word(node, "contype")
    generated = generated_name(relation, () if kind == "CONSTR_PRIMARY" else columns, _SUFFIX[kind])
    return within(relation, ObjectKind.CONSTRAINT, node.conname or node.indexname or generated)


def generated_name(relation: ObjectName, columns: tuple[str, ...], suffix: str) -> str:
    """The name PostgreSQL gives to a constraint without one, cut to its 63 bytes."""
    first, second = relation.name, "_".join(columns)
    room = 63 - len(suffix) - 1 - (1 if second else 0)
    while len(first.encode()) + len(second.encode()) > room:
        if len(first.encode()) > len(second.encode()):
            first = first[:-1]
        else:
            second = second[:-1]
    return "_".join(each for each in (first, second, suffix) if each)

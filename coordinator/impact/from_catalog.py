"""Names, shapes and unique keys as a catalog tells them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.model.known_objects import ColumnShape, KnownObjects
from coordinator.model.overload import Overload
from coordinator.sql.namespace import Namespace
from coordinator.sql.parser import parse
from coordinator.sql.shaping import overload
from coordinator.sql.tree import SqlSyntaxError
from coordinator.sql.unique_keys import unique_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.model.catalog import Address, Catalog
    from coordinator.model.effect import ObjectName
    from coordinator.model.known_objects import Key
    from coordinator.model.unique_key import UniqueKey
    from coordinator.sql.unique_keys import MadeKey

_RELATIONS = frozenset({"table", "foreign table", "view", "materialized view"})
_VIEWS = frozenset({"view", "materialized view"})
_FUNCTIONS = frozenset({"function", "procedure", "aggregate"})
_TYPES = frozenset({"enum", "domain", "range type", "base type", "composite type"})
_LABEL = re.compile(r"^label '(?P<label>(?:[^']|'')*)'$", re.MULTILINE)


def known_in(catalog: Catalog) -> KnownObjects:
    """The relations with their columns in order, the functions, the types and their labels."""
    columns: dict[Key, dict[str, ColumnShape]] = {}
    overloads: dict[Key, tuple[Overload, ...]] = {}
    functions: set[Key] = set()
    types: set[Key] = set()
    labels: dict[Key, tuple[str, ...]] = {}
    views: set[Key] = set()
    keys: dict[Key, dict[ObjectName, UniqueKey]] = {}
    for address, text in catalog.definitions.items():
        key = (address.schema, address.name)
        if address.kind in _RELATIONS:
            columns.setdefault(key, {})
            if address.kind in _VIEWS:
                views.add(key)
        elif address.kind == "column":
            columns.setdefault(key, {})[address.part] = _shape(text)
        elif address.kind in _FUNCTIONS:
            functions.add(key)
            overloads[key] = (*overloads.get(key, ()), _overload(address, text))
        elif address.kind in _TYPES:
            types.add(key)
            if address.kind == "enum":
                labels[key] = tuple(each.replace("''", "'") for each in _LABEL.findall(text))
        elif address.kind == "constraint" or _is_plain_index(address, catalog):
            for made in _unique(address, text):
                keys.setdefault(key, {})[made.name] = made.key
    return KnownObjects(
        columns=_in_order(columns, catalog.column_order),
        functions=frozenset(functions),
        overloads=overloads,
        types=frozenset(types),
        labels=labels,
        keys=keys,
        views=frozenset(views),
    )


def _overload(address: Address, text: str) -> Overload:
    """The function, read from the words that PostgreSQL has for its parameters; these may have default values."""
    lines = {word: rest for word, _, rest in (line.partition(" ") for line in text.split("\n"))}
    taken, result = lines.get("arguments", ""), lines.get("returns")
    kind = "PROCEDURE" if address.kind == "procedure" else "FUNCTION"
    returns = f" RETURNS {result}" if result is not None else ""
    try:
        (tree,) = parse(f"CREATE {kind} f({taken}){returns} LANGUAGE sql AS ''")
    except (SqlSyntaxError, ValueError):  # an aggregate with ORDER BY, a default value of several lines
        return Overload(arguments=tuple(address.part.split(", ")) if address.part else (), needed=0)
    return overload(tree.node)


def _is_plain_index(address: Address, catalog: Catalog) -> bool:
    """Whether it is an index that no constraint of its name stands on."""
    return address.kind == "index" and address._replace(kind="constraint") not in catalog.definitions


def _unique(address: Address, text: str) -> Iterator[MadeKey]:
    """The unique key that a constraint or an index is, read from the words that PostgreSQL has for it."""
    definition = text.split("\n", 1)[0]
    if definition.startswith(("PRIMARY KEY", "UNIQUE")):
        names = (f'"{each.replace(chr(34), chr(34) * 2)}"' for each in address[1:])
        definition = "ALTER TABLE {}.{} ADD CONSTRAINT {} ".format(*names) + definition
    elif not definition.startswith("CREATE UNIQUE INDEX") or "\ninvalid" in text:
        return
    try:
        trees = parse(definition)
    except SqlSyntaxError:
        return  # a clause of a newer PostgreSQL than the grammar's
    for tree in trees:
        yield from unique_keys(Namespace(address.schema), tree)


def _shape(text: str) -> ColumnShape:
    lines = text.split("\n")
    return ColumnShape(
        type=lines[0],
        mandatory="not null" in lines,
        filled=any(each.startswith(("default ", "generated ")) for each in lines[1:]),
        always=any(each.startswith("generated always ") for each in lines[1:]),
    )


def _in_order(
    columns: Mapping[Key, Mapping[str, ColumnShape]], order: Mapping[Address, tuple[str, ...]]
) -> dict[Key, Mapping[str, ColumnShape]]:
    ordered = {(address.schema, address.name): names for address, names in order.items()}
    return {
        key: {name: shapes[name] for name in ordered.get(key, tuple(shapes)) if name in shapes}
        for key, shapes in columns.items()
    }

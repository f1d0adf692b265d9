"""Names and shapes as a catalog tells them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.model.known_objects import ColumnShape, KnownObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.catalog import Address, Catalog
    from coordinator.model.known_objects import Key

_RELATIONS = frozenset({"table", "foreign table", "view", "materialized view"})
_VIEWS = frozenset({"view", "materialized view"})
_FUNCTIONS = frozenset({"function", "procedure", "aggregate"})
_TYPES = frozenset({"enum", "domain", "range type", "base type", "composite type"})
_LABEL = re.compile(r"^label '(?P<label>(?:[^']|'')*)'$", re.MULTILINE)


def known_in(catalog: Catalog) -> KnownObjects:
    """The relations with their columns in order, the functions, the types and their labels."""
    columns: dict[Key, dict[str, ColumnShape]] = {}
    functions: set[Key] = set()
    types: set[Key] = set()
    labels: dict[Key, tuple[str, ...]] = {}
    views: set[Key] = set()
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
        elif address.kind in _TYPES:
            types.add(key)
            if address.kind == "enum":
                labels[key] = tuple(each.replace("''", "'") for each in _LABEL.findall(text))
    return KnownObjects(
        columns=_in_order(columns, catalog.column_order),
        functions=frozenset(functions),
        types=frozenset(types),
        labels=labels,
        views=frozenset(views),
    )


def _shape(text: str) -> ColumnShape:
    lines = text.split("\n")
    return ColumnShape(
        type=lines[0],
        mandatory="not null" in lines,
        filled=any(each.startswith(("default ", "generated ")) for each in lines[1:]),
    )


def _in_order(
    columns: Mapping[Key, Mapping[str, ColumnShape]], order: Mapping[Address, tuple[str, ...]]
) -> dict[Key, Mapping[str, ColumnShape]]:
    ordered = {(address.schema, address.name): names for address, names in order.items()}
    return {
        key: {name: shapes[name] for name in ordered.get(key, tuple(shapes)) if name in shapes}
        for key, shapes in columns.items()
    }

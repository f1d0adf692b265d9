"""Which tables hold the rows that are read or written under some name: partitions, heirs, and what is below a view. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.catalog import Address
from coordinator.model.effect import ObjectKind
from coordinator.planning.kin import kin_in
from coordinator.sql.namespace import Namespace
from coordinator.sql.parser import parse
from coordinator.sql.reading import Reading
from coordinator.sql.statements import read_command
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.model.catalog import Catalog

    Table = tuple[str, str]  # schema and name

# Where a view's query stands among the lines of its definition.
_QUERY = re.compile(r"^ (?:SELECT|WITH)\b.*?;$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What a write under some names may come to: all `relations` on the way, those that hold the rows, and what is called."""

    relations: frozenset[Table]
    holders: frozenset[Table]
    calls: frozenset[str]


def reached(catalog: Catalog, names: Collection[Table]) -> Reached:
    """What writing to these may change rows of.

    A view stands for all that it reads, since it writes to some of that; one whose query is not understood for itself.
    """
    kin = kin_in(catalog)
    waiting = set(names)
    found: set[Table] = set()
    through: set[Table] = set()
    calls: set[str] = set()
    while waiting:
        below = kin.below(waiting) - found
        found |= below
        waiting = set()
        for each in below:
            query = _query_of(catalog, each)
            if query is not None:
                through.add(each)
                waiting |= query.relations - found
                calls |= query.calls
    return Reached(
        relations=frozenset(found),
        holders=frozenset(found - through - partitioned(catalog)),
        calls=frozenset(calls),
    )


def partitioned(catalog: Catalog) -> frozenset[Table]:
    """The tables that hold no rows themselves."""
    return frozenset(
        address[1:3]
        for address, text in catalog.definitions.items()
        if address.kind == "table" and "\npartition by " in text
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    relations: frozenset[Table]
    calls: frozenset[str]


def _query_of(catalog: Catalog, name: Table) -> _Query | None:
    """What the query of the view of that name reads and calls; None: it is no view, or not understood."""
    text = _QUERY.search(catalog.definitions.get(Address("view", *name), ""))
    if text is None:
        return None
    reading = Reading(Namespace(name[0]))
    try:
        for tree in parse(text[0]):
            read_command(reading, tree)
    except SqlSyntaxError:
        return None
    if reading.unknown:
        return None
    named = {(each.object.kind, each.object.schema, each.object.name) for each in reading.effects}
    return _Query(
        relations=frozenset(each[1:] for each in named if each[0] is ObjectKind.RELATION),
        calls=frozenset(each[2] for each in named if each[0] is ObjectKind.FUNCTION),
    )

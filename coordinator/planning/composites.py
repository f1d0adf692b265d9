"""Which columns hold values of composite types that have lost an attribute. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from coordinator.model.catalog import Address, Catalog

_ATTRIBUTE = re.compile(r'^attribute (?:"(?:[^"]|"")*"|\S+) (.+)$', re.MULTILINE)


def columns_of_shrunk_types(
    before: Catalog, after: Catalog, shrunk_tables: Collection[tuple[str, str]]
) -> tuple[Address, ...]:
    """The columns from before whose values have lost a part: with an attribute of a type, or a column of a table.

    Every table is a type too; `shrunk_tables` are those that have lost columns. An attribute that was dropped and
    made anew counts as lost.
    """
    shrunk = {f"{schema}.{name}" for schema, name in shrunk_tables}
    for address, dropped in before.numbers.items():
        if address.kind == "composite type" and after.numbers.get(address, 0) > dropped:
            shrunk.add(f"{address.schema}.{address.name}")
    if not shrunk:
        return ()
    made_of = tuple(_made_of(before))
    while more := {_owner(address) for address, used in made_of if used in shrunk} - shrunk:
        shrunk |= more
    return tuple(address for address, used in made_of if address.kind == "column" and used in shrunk)


def _owner(address: Address) -> str:
    """The type that an attribute or column belongs to, or that a domain is."""
    return f"{address.schema}.{address.name}"


def _made_of(catalog: Catalog) -> Iterator[tuple[Address, str]]:
    """Columns, attributes and domains, each with its type: without quotes, and an array's element for an array."""
    for address, text in catalog.definitions.items():
        used: Sequence[str] = ()
        if address.kind == "column":
            used = (text.partition("\n")[0],)
        elif address.kind == "composite type":
            used = _ATTRIBUTE.findall(text)
        elif address.kind == "domain":
            used = text.split("\n")[1:2]  # its owner stands above
        yield from ((address, each.replace('"', "").removesuffix("[]")) for each in used)

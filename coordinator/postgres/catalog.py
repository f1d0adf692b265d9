"""Reading what a database contains, whatever transaction is open, without leaving a trace in the session."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from coordinator.model.catalog import LEDGER_SCHEMA, RELATION_KINDS, Address, Catalog
from coordinator.postgres.catalog_query import catalog_query
from coordinator.postgres.reading import read_undisturbed
from coordinator.postgres.session import compose, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from coordinator.postgres.session import Row, Session


def read_catalog(
    session: Session,
    schemas: Collection[str] | None = None,
    *,
    ignore: Collection[tuple[str, str]] = frozenset(),
) -> Catalog:
    """Every object of these schemas, and those that lie in no schema, as the open transaction sees them.

    `schemas` None means all but PostgreSQL's own and the ledger's. `ignore` names tables (schema, name) that
    are left out with everything that belongs to them, such as version tables. Raises StatementError when the
    server refuses; an open transaction can go on after that.
    """
    wanted = None if schemas is None else sorted(schemas)
    query = compose(
        catalog_query(session.server_version),
        schemas=literal(wanted),
        ledger=literal(LEDGER_SCHEMA),
    )
    rows = read_undisturbed(session, query)
    left_out = frozenset(ignore)
    return _catalog(row for row in rows if not left_out or not _belongs(row, left_out))


def _belongs(row: Row, tables: frozenset[tuple[str, str]]) -> bool:
    relation = Address(*row[:4]).relation
    return relation is not None and relation in tables


def _catalog(rows: Iterator[Row]) -> Catalog:
    definitions: dict[Address, str] = {}
    versions: dict[Address, str] = {}
    columns: dict[tuple[str, str], list[tuple[int, str]]] = {}
    numbers: dict[Address, int] = {}
    for kind, schema, name, part, definition, body, position, version in rows:
        address = Address(kind, schema, name, part)
        definitions[address] = definition if body is None else f"{definition}\n{_normalized(body)}"
        if version is not None:
            versions[address] = version
        if position is not None:
            numbers[address] = position
            columns.setdefault((schema, name), []).append((position, part))
    order = {
        address: tuple(name for _, name in sorted(columns.get((address.schema, address.name), ())))
        for address in definitions
        if address.kind in RELATION_KINDS
    }
    return Catalog(
        definitions=MappingProxyType(definitions),
        column_order=MappingProxyType(order),
        versions=MappingProxyType(versions),
        numbers=MappingProxyType(numbers),
    )


# What may hold white space that means something: quoted texts and names, dollar quotes, comments.
_TOKENS = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
      | (?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag) | /\*.*?\*/ | --[^\n]*\n? | (?P<space>\s+)""",
    re.VERBOSE | re.DOTALL,
)


def _normalized(body: str) -> str:
    """A body (its language, a new line, its text) with white space outside of quotes made one blank."""
    language, _, text = body.partition("\n")
    if language not in {"sql", "plpgsql"}:
        return text
    return _TOKENS.sub(lambda found: " " if found["space"] else found[0], text).strip()

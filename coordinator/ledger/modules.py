"""Reads and writes `migrate.module`: what modules are, for checkouts that do not have their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.known_module import KnownModule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.module import Module
    from coordinator.postgres.session import Session

_FIRST_VERSION = 2  # of the ledger's tables that knows modules


def read_modules(session: Session, version: int) -> tuple[KnownModule, ...]:
    """Every module that a run ever had the files of, by name; none in a ledger older than that."""
    if version < _FIRST_VERSION:
        return ()
    rows = session.rows("SELECT name, schemas, version_table, owner FROM migrate.module ORDER BY name")
    return tuple(
        KnownModule(name=row[0], schemas=tuple(row[1]), version_table=row[2], owner=row[3]) for row in rows
    )


def may_read_modules(session: Session) -> bool:
    """Whether there are such rows that the session's role may read."""
    found = session.value(
        "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'migrate' AND c.relname IN ('module', 'version')"
        " AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
    )
    return bool(found == 2)


def write_modules(session: Session, modules: Iterable[Module]) -> None:
    """Note the modules of this checkout; on the ledger connection, when a run begins."""
    for module in modules:
        session.execute(
            "INSERT INTO migrate.module (name, schemas, version_table, owner) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET schemas = EXCLUDED.schemas, version_table = EXCLUDED.version_table,"
            " owner = EXCLUDED.owner, seen = clock_timestamp()",
            (
                module.name,
                list(module.schemas),
                ".".join(module.qualified_version_table),
                module.owner,
            ),
        )

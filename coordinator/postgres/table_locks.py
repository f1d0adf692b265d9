"""Locks on tables: which ones the open transaction holds, and taking them before the statements that need them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.model.locks import LockMode, TableLock, in_order
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.postgres.session import Session

_MODES = {mode.catalog_name: mode for mode in LockMode}


def lockable_tables(session: Session) -> dict[int, tuple[str, str]]:
    """Every table that LOCK TABLE takes and that is there for all sessions: its number in the catalog, schema and name."""
    rows = session.rows(
        "SELECT c.oid::bigint, n.nspname, c.relname FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
        " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', %s)",
        (LEDGER_SCHEMA,),
    )
    return {number: (schema, table) for number, schema, table in rows}


def held_locks(session: Session, tables: Mapping[int, tuple[str, str]]) -> tuple[TableLock, ...]:
    """The strongest lock that the open transaction holds on each of these tables, by the names given; reads are left out."""
    rows = session.rows(
        "SELECT relation::bigint, mode FROM pg_catalog.pg_locks"
        " WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted AND mode <> 'AccessShareLock'"
    )
    return in_order(
        tuple(
            TableLock(schema=tables[number][0], table=tables[number][1], mode=_MODES[mode])
            for number, mode in rows
            if number in tables
        )
    )


def count_entries(session: Session) -> int:
    """The entries of the server's lock table that the open transaction takes: one for each thing, however it is locked."""
    return int(
        session.value(
            "SELECT count(DISTINCT (locktype, relation, page, tuple, transactionid::text, classid, objid, objsubid))"
            " FROM pg_catalog.pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid'"
        )
    )


def take_locks(
    session: Session, locks: Sequence[TableLock], *, seconds: float, owners: Sequence[str] = ()
) -> None:
    """Take the locks in the given order, all of them within `seconds`; tables that are gone are left out.

    Where our own role may not lock a table, one of the `owners` does, if we may act as it; else the lock is left to
    the statement that needs it. Raises StatementError, with SQLSTATE 55P03 when the time is over.
    """
    deadline = time.monotonic() + seconds
    roles = _who_may(session, locks, owners)
    for each in locks:
        role = roles.get((each.schema, each.table))
        if role is None:
            continue
        left = max(1, round((deadline - time.monotonic()) * 1000))
        session.execute(
            compose(
                "SET LOCAL lock_timeout = {left}; SET LOCAL ROLE {role};"
                f" LOCK TABLE ONLY {{table}} IN {each.mode.value} MODE; SET LOCAL ROLE NONE",
                left=literal(left),
                role=identifier(role),
                table=identifier(each.schema, each.table),
            )
        )


def _who_may(
    session: Session, locks: Sequence[TableLock], owners: Sequence[str]
) -> dict[tuple[str, str], str]:
    """For each table that is there, the first role that may lock it: ourselves before any owner."""
    if not locks:
        return {}
    rows = session.rows(
        "SELECT DISTINCT ON (n.nspname, c.relname) n.nspname, c.relname, r.rolname"
        " FROM unnest(%(schemas)s::text[], %(tables)s::text[]) AS wanted (schema, name)"
        " JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema"
        " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'p')"
        " JOIN pg_catalog.pg_roles r ON r.rolname = session_user OR r.rolname = ANY (%(owners)s)"
        " WHERE pg_has_role(session_user, r.oid, 'MEMBER') AND has_schema_privilege(r.oid, n.oid, 'USAGE')"
        " AND has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE')"
        " ORDER BY n.nspname, c.relname, (r.rolname = session_user) DESC, r.rolname",
        {
            "schemas": [each.schema for each in locks],
            "tables": [each.table for each in locks],
            "owners": list(owners),
        },
    )
    return {(schema, table): role for schema, table, role in rows}

"""What a target must be when all is over: exactly one of two pictures, and a ledger that says the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.connect import connect
from coordinator.postgres.rows import row_checksums
from coordinator.postgres.session import Session
from tests.kills.shapes import BASE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.target import DatabaseUrl

_VERSIONS = "SELECT schemaname, tablename FROM pg_tables WHERE tablename = 'alembic_version' ORDER BY 1"
_BACKENDS = """
SELECT pid, application_name, state, left(query, 60) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_LOCKS = """
SELECT locktype, mode, pid FROM pg_locks
 WHERE pid <> pg_backend_pid() AND (locktype = 'advisory' OR relation IS NOT NULL)
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND pid IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend')
"""
_LEAVES_WITHIN = 8.0  # seconds: a server process sees within 2 that its client is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All that a target holds besides the ledger, whatever order its columns are in."""

    fingerprint: str
    rows: Mapping[tuple[str, str], tuple[int, str]]
    versions: Mapping[str, tuple[str, ...]]


def session_on(url: DatabaseUrl) -> Session:
    """A session of the test's own."""
    return Session(connect(url, application_name="test"))


def picture(session: Session) -> Picture:
    """What the target holds now."""
    return Picture(
        fingerprint=read_catalog(session).fingerprint,
        rows=row_checksums(session),
        versions={
            schema: tuple(
                row[0] for row in session.rows(f'SELECT version_num FROM "{schema}"."{table}" ORDER BY 1')
            )
            for schema, table in session.rows(_VERSIONS)
        },
    )


def differences(wanted: Picture, found: Picture) -> str:
    """In which ways the second is not the first."""
    told = [] if wanted.fingerprint == found.fingerprint else ["the catalog differs"]
    told.extend(
        f"rows of {'.'.join(table)}: {found.rows.get(table)} instead of {wanted.rows.get(table)}"
        for table in sorted({*wanted.rows, *found.rows})
        if wanted.rows.get(table) != found.rows.get(table)
    )
    if wanted.versions != found.versions:
        told.append(f"versions {dict(found.versions)} instead of {dict(wanted.versions)}")
    return "; ".join(told)


def await_nobody(session: Session) -> str:
    """Wait until nobody else is connected; what is left after that is told."""
    deadline = time.monotonic() + _LEAVES_WITHIN
    while left := (*session.rows(_BACKENDS), *session.rows(_LOCKS)):
        if time.monotonic() > deadline:
            return f"still there: {left}"
        time.sleep(0.01)
    return ""


def ledger_complaints(session: Session, *, applied: frozenset[str]) -> list[str]:
    """What of the ledger does not say that exactly these revisions are in, and that nothing is open.

    It may also know those that plain Alembic had applied before.
    """
    if not session.value("SELECT to_regclass('migrate.version') IS NOT NULL"):
        return ["there is no ledger"] if applied else []
    found = frozenset(row[0] for row in session.rows("SELECT module || ':' || revision FROM migrate.applied"))
    told = (
        []
        if found - set(BASE) == applied - set(BASE)
        else [f"applied are {sorted(found)} instead of {sorted(applied)}"]
    )
    told.extend(
        f"run {number} is {status}"
        for number, status in session.rows(
            "SELECT number, status FROM migrate.run WHERE status IN ('running', 'unsettled')"
        )
    )
    told.extend(_fence(session))
    told.extend(_outcomes(session))
    told.extend(_copies(session))
    return told


def _fence(session: Session) -> list[str]:
    """The fence row can be locked at once."""
    with session.transaction():
        if len(session.rows("SELECT owner FROM migrate.fence FOR UPDATE NOWAIT")) > 1:
            return ["the fence has more than one row"]
    return []


def _outcomes(session: Session) -> list[str]:
    """Each proof belongs to an intent of the same run."""
    stray = session.value(
        "SELECT count(*) FROM migrate.outcome o"
        " WHERE NOT EXISTS (SELECT FROM migrate.intent i WHERE i.token = o.token AND i.run = o.run)"
    )
    return [f"{stray} outcomes without an intent"] if stray else []


def _copies(session: Session) -> list[str]:
    """Each table of kept rows is named in the list of what is kept, and the other way round."""
    there = {
        row[0]
        for row in session.rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'migrate' AND tablename LIKE 'kept\\_%'"
        )
    }
    noted = {row[0] for row in session.rows("SELECT copy FROM migrate.kept WHERE copy IS NOT NULL")}
    return [] if there == noted else [f"kept are the tables {sorted(there)}, and noted {sorted(noted)}"]

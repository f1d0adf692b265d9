"""What another connection of ours waits for, and who holds it. Asks catalogs only, so it never waits itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

_WORDS = {
    "virtualxid": "transactions that are older than its index build",
    "transactionid": "a row that another transaction has changed",
    "tuple": "a row that another transaction has changed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingSession:
    """One row of pg_stat_activity as the server tells it; `query` still holds its values."""

    pid: int
    user: str
    application: str
    state: str
    age: float | None
    query: str


def awaited(session: Session, pid: int) -> str | None:
    """What the server process `pid` waits for, in words; None when it waits for no lock."""
    rows = session.rows(
        "SELECT l.locktype, n.nspname, c.relname FROM pg_locks l"
        " LEFT JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE l.pid = %s AND NOT l.granted LIMIT 1",
        (pid,),
    )
    if not rows:
        return None
    kind, schema, table = rows[0]
    if kind == "relation" and table is not None:
        return f"{schema}.{table}"
    return _WORDS.get(kind, f"something else ({kind})")


def blocking(session: Session, pid: int) -> tuple[BlockingSession, ...]:
    """Who keeps the server process `pid` waiting, the oldest transaction first; empty when it does not wait."""
    rows = session.rows(
        "SELECT b.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(a.state, ''),"
        " extract(epoch FROM clock_timestamp() - a.xact_start)::float8,"
        " CASE WHEN a.query = '<insufficient privilege>' THEN '' ELSE coalesce(a.query, '') END"
        " FROM (SELECT DISTINCT unnest(pg_blocking_pids(%s)) AS pid) b LEFT JOIN pg_stat_activity a USING (pid)"
        " ORDER BY a.xact_start NULLS LAST, b.pid",
        (pid,),
    )
    return tuple(
        BlockingSession(pid=row[0], user=row[1], application=row[2], state=row[3], age=row[4], query=row[5])
        for row in rows
    )

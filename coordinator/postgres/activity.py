"""Who does what on the database at a moment, and who holds which locks: reads of the catalog that never wait."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.model.incident import LOCKS, SERVER, SESSIONS, LockSeen, SessionSeen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coordinator.postgres.session import Row, Session

# Beyond this something is wrong, and the failure itself must be told.
_PATIENCE = "2s"

_SESSIONS = """
SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(a.state, ''),
       coalesce(a.wait_event_type || ' ' || a.wait_event, ''),
       extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::float8,
       extract(epoch FROM pg_catalog.clock_timestamp() - a.state_change)::float8,
       a.pid = ANY (pg_catalog.pg_blocking_pids(%(main)s)) OR a.pid = ANY (%(blockers)s::int[]), coalesce(a.query, '')
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend'
   AND a.pid <> pg_catalog.pg_backend_pid()
 ORDER BY 8 DESC, a.pid = %(main)s DESC, a.xact_start NULLS LAST, a.pid
"""
_LOCKS = """
WITH seen AS (
  SELECT l.pid, l.relation, l.mode, l.granted FROM pg_catalog.pg_locks AS l
   WHERE l.locktype = 'relation' AND l.pid <> pg_catalog.pg_backend_pid()
     AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
)
SELECT s.pid, n.nspname || '.' || c.relname, s.mode, s.granted
  FROM seen AS s JOIN pg_catalog.pg_class AS c ON c.oid = s.relation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relkind IN ('r', 'p', 'm', 'v', 'f', 'S')
   AND (s.pid = %(main)s OR NOT s.granted OR s.mode <> 'AccessShareLock'
        OR EXISTS (SELECT 1 FROM seen AS o WHERE o.pid = %(main)s AND o.relation = s.relation))
 ORDER BY s.granted, s.pid = %(main)s, s.mode = 'AccessShareLock', 2, s.pid, s.mode
"""
_SERVER = """
SELECT 'version', pg_catalog.current_setting('server_version')
UNION ALL SELECT 'started', pg_catalog.pg_postmaster_start_time()::text
UNION ALL SELECT 'standby', pg_catalog.pg_is_in_recovery()::text
UNION ALL SELECT 'role', session_user::text
UNION ALL SELECT 'connections in use', (SELECT count(*)::text FROM pg_catalog.pg_stat_activity
                                         WHERE backend_type = 'client backend')
UNION ALL SELECT 'locks held', (SELECT count(*)::text FROM pg_catalog.pg_locks)
UNION ALL SELECT name, setting || coalesce(' ' || unit, '') FROM pg_catalog.pg_settings
 WHERE name IN ('max_connections', 'max_locks_per_transaction', 'work_mem', 'maintenance_work_mem', 'temp_file_limit',
                'default_transaction_read_only', 'statement_timeout', 'lock_timeout')
"""
# An application calls itself as it likes: some put an address with a password there.
_HARMLESS_NAME = re.compile(r"[\w .:/\-\[\]()#,+]*")


def read_sessions(
    session: Session,
    main: int,
    ours: Mapping[int, str],
    mask: Callable[[str], str],
    *,
    blockers: tuple[int, ...] = (),
) -> tuple[tuple[SessionSeen, ...], int]:
    """The connections to this database besides the asking one, who blocks `main` first; and how many more there are.

    `ours` names our own connections by server process; `mask` makes a query showable. `blockers` are those that kept
    `main` waiting a moment ago: a wait that has just been given up is no longer seen.
    """
    seen = (
        SessionSeen(
            pid=row[0],
            role=row[1],
            application=shown_application(row[2]),
            state=row[3],
            waits_for=row[4],
            transaction_seconds=_rounded(row[5]),
            state_seconds=_rounded(row[6]),
            blocks_us=row[7],
            ours=ours.get(row[0], ""),
            query=mask(row[8]) if row[8] else "",
        )
        for row in _asked(session, _SESSIONS, main=main, blockers=list(blockers))
    )
    return SESSIONS.first(seen)


def read_locks(session: Session, main: int) -> tuple[tuple[LockSeen, ...], int]:
    """Locks on tables that matter to `main`, those that are waited for first; and how many more there are."""
    seen = (
        LockSeen(pid=row[0], table=row[1], mode=row[2], granted=row[3], ours=row[0] == main)
        for row in _asked(session, _LOCKS, main=main)
    )
    return LOCKS.first(seen)


def read_server(session: Session) -> tuple[tuple[tuple[str, str], ...], int]:
    """Facts about the server that explain what it ran out of."""
    return SERVER.first((row[0], row[1]) for row in _asked(session, _SERVER))


def shown_application(name: str) -> str:
    """The name that a connection gave itself, unless it holds more than a name."""
    looks_harmless = _HARMLESS_NAME.fullmatch(name) and "//" not in name
    return name if looks_harmless else "…"


def _asked(session: Session, query: str, **values: object) -> tuple[Row, ...]:
    with session.transaction(read_only=True):
        session.execute(
            f"SET LOCAL statement_timeout = '{_PATIENCE}'; SET LOCAL lock_timeout = '{_PATIENCE}'"
        )
        return session.rows(query, values)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)

"""What a database was asked lately, by whom and how often: the extension pg_stat_statements, only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.postgres.failure import StatementError
from coordinator.postgres.reading import read_undisturbed
from coordinator.postgres.session import compose, identifier

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

_HIDDEN = "<insufficient privilege>"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatement:
    """One statement with its constants taken out, the role that sent it, and how often. `search_path` is that role's."""

    sql: str
    role: str
    calls: int
    search_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatements:
    """What was seen, the most frequent first; `problem` says why this is nothing, or not all."""

    statements: tuple[LiveStatement, ...] = ()
    problem: str | None = None


def read_live_statements(session: Session) -> LiveStatements:
    """Ask pg_stat_statements about this database. Never raises for a missing extension or right: it is told."""
    home = session.value(
        "SELECT n.nspname FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'pg_stat_statements'"
    )
    if home is None:
        return LiveStatements(
            problem="which statements are sent: the extension pg_stat_statements is not installed in this database"
            " (CREATE EXTENSION pg_stat_statements)"
        )
    try:
        rows = read_undisturbed(
            session,
            compose(
                """SELECT s.query, coalesce(r.rolname, 'a role that is gone'), sum(s.calls)::bigint,
                          (SELECT split_part(o, '=', 2) FROM unnest(r.rolconfig) AS o WHERE o LIKE 'search_path=%')
                     FROM {view} AS s LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
                    WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                    GROUP BY 1, 2, 4 ORDER BY 3 DESC, 2, 1""",
                view=identifier(home, "pg_stat_statements"),
            ),
        )
    except StatementError as error:
        return LiveStatements(
            problem=f"which statements are sent: pg_stat_statements cannot be read: {error.message}"
        )
    hidden = sum(1 for row in rows if row[0] is None or row[0] == _HIDDEN)
    seen = tuple(
        LiveStatement(sql=sql, role=role, calls=int(calls), search_path=_words(path))
        for sql, role, calls, path in rows
        if sql is not None and sql != _HIDDEN
    )
    problem = None
    if hidden:
        problem = f"{hidden} statements of other roles: only a member of pg_read_all_stats may read what pg_stat_statements holds"
    return LiveStatements(statements=seen, problem=problem)


def _words(path: str | None) -> tuple[str, ...]:
    return tuple(word.strip().strip('"') for word in path.split(",") if word.strip()) if path else ()

"""Roles belong to a whole server: which there are, and dropping those that nothing stands on."""

from __future__ import annotations

import os
import re
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.limits import lift_limits
from coordinator.postgres.session import Session, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from coordinator.model.target import DatabaseUrl

KEY = 0x6D69677261746531  # of the advisory lock, which counts in the one database that `admin` names
_LONGEST_WAIT = 120.0  # seconds; who holds it makes or drops one database without rows
_DROP_WAIT = "2s"  # for who is about to let something stand on a role, which then stays
_NAMED = re.compile(r"migrate staging (?P<host>\S+) (?P<pid>\d+)")
_HOLDER = """
SELECT l.pid, coalesce(a.application_name, '')
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND ((l.classid::bigint << 32) | l.objid::bigint) = %s
"""
_ADMIN_OPTION_COUNTS = (
    160000  # server_version_num of the first release in which CREATEROLE alone drops no role
)
_LOOSE = """
SELECT r.rolname, pg_catalog.shobj_description(r.oid, 'pg_authid')
  FROM pg_catalog.pg_roles r, pg_catalog.pg_roles me
 WHERE me.rolname = current_user
   AND pg_catalog.shobj_description(r.oid, 'pg_authid') LIKE %(like)s
   AND (me.rolsuper OR (me.rolcreaterole AND NOT r.rolsuper
                        AND (%(any)s OR pg_catalog.pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'))))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend d
                    WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.refobjid = r.oid
                      AND d.dbid NOT IN (SELECT oid FROM pg_catalog.pg_database
                                          WHERE datname = ANY (%(but_in)s)))
 ORDER BY r.rolname
"""


def session_on(admin: DatabaseUrl) -> Session:
    """A session on that database, to look at the server's roles; its name says to waiters whose it is."""
    name = f"migrate staging {socket.gethostname()[:20]} {os.getpid()}"
    session = Session(connect(admin, application_name=name))
    lift_limits(session.execute, version=session.server_version, lock_wait=_DROP_WAIT)
    return session


@contextmanager
def one_at_a_time(
    admin: DatabaseUrl, *, waiting: Callable[[str, float], None], wait: float | None = None
) -> Iterator[Session]:
    """The same, which no other process has in such a block at the same time.

    `waiting` is told who is waited for, and for how many seconds already. Raises UnreachableError after `wait` seconds.
    """
    with session_on(admin) as session:
        _take_turn(session, admin, waiting, _LONGEST_WAIT if wait is None else wait)
        yield session


def _take_turn(
    session: Session, admin: DatabaseUrl, waiting: Callable[[str, float], None], wait: float
) -> None:
    began = time.monotonic()
    pause = 0.05
    while not session.value("SELECT pg_catalog.pg_try_advisory_lock(%s)", (KEY,)):
        waited = time.monotonic() - began
        found = session.rows(_HOLDER, (KEY,))
        holder = _shown(*found[0]) if found else "a process that has just ended"
        if waited >= wait:
            raise UnreachableError(
                f"The staging server '{admin}' has been held for {wait:.0f} s by {holder}.",
                help="It makes or drops a database there; if it hangs, end it, then try again.",
            )
        waiting(holder, waited)
        time.sleep(min(pause, max(0.0, wait - waited)))
        pause = min(pause * 2, 1.0)


def _shown(pid: int, application: str) -> str:
    found = _NAMED.fullmatch(application)
    who = f"process {found['pid']} on {found['host']}" if found else "another process"
    return f"{who} (server process {pid})"


def role_names(session: Session) -> frozenset[str]:
    """Every role of the server but PostgreSQL's own and the one that connects."""
    rows = session.rows("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> session_user")
    return frozenset(row[0] for row in rows)


def role_comments(session: Session, names: Collection[str]) -> dict[str, str]:
    """Those of these roles that are there, and what is written on them."""
    rows = session.rows(
        "SELECT rolname, coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '')"
        " FROM pg_catalog.pg_roles WHERE rolname = ANY (%s)",
        (list(names),),
    )
    return dict(rows)


def comment_on_role(session: Session, name: str, comment: str) -> None:
    """Write that on a role; what we may not write on stays as it is, and so does an open transaction."""
    statement = compose("COMMENT ON ROLE {name} IS {text}", name=identifier(name), text=literal(comment))
    if not session.in_transaction:
        with suppress(StatementError):
            session.execute(statement)
        return
    session.execute("SAVEPOINT migrate_mark")
    try:
        session.execute(statement)
    except StatementError:
        session.execute("ROLLBACK TO SAVEPOINT migrate_mark")
    session.execute("RELEASE SAVEPOINT migrate_mark")


def loose_roles(
    session: Session, comments_like: str, *, but_in: Collection[str] = ()
) -> tuple[tuple[str, str], ...]:
    """Name and comment of the roles with such a comment (LIKE) that we may drop and on which nothing stands.

    What stands on them in the databases `but_in` does not count.
    """
    any_may_go = session.server_version < _ADMIN_OPTION_COUNTS
    rows = session.rows(_LOOSE, {"like": comments_like, "any": any_may_go, "but_in": list(but_in)})
    return tuple((name, comment) for name, comment in rows)


def drop_roles(session: Session, names: Collection[str]) -> None:
    """Drop those of these roles on which nothing stands in any database; what we may not drop stays."""
    left = sorted(names)
    while left:
        still = [name for name in left if not _dropped(session, name)]
        if len(still) == len(left):
            return
        left = still  # one may have stood on another


def _dropped(session: Session, name: str) -> bool:
    try:
        session.execute(compose("DROP ROLE IF EXISTS {name}", name=identifier(name)))
    except StatementError:
        return False
    return True

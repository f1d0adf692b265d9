"""How one process asks another to stop its run: an advisory lock on the pid of the run's own lock connection.

It needs no table, works before there is a ledger, and is gone with whoever asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.ledger.lock import in_words
from coordinator.postgres.activity import shown_application

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

_CLASS = 0x6D696763  # "migc"; the other half of the lock's name is the pid

# The server's own rule for who may cancel another session's query: its role, or a member of pg_signal_backend
# unless the other is a superuser. `asker` and `asked` are rows of pg_roles.
_MAY = (
    "(pg_has_role(asker.oid, asked.oid, 'USAGE')"
    " OR (NOT asked.rolsuper AND pg_has_role(asker.oid, 'pg_signal_backend', 'USAGE')))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks a run to stop."""

    pid: int
    user: str
    application: str

    def __str__(self) -> str:
        application = in_words(shown_application(self.application))
        return f"{self.user} ({application}, server process {self.pid})"


def may_ask(session: Session, pid: int) -> bool:
    """Whether the session's role may stop what the server process `pid` works for."""
    return bool(
        session.value(
            f"SELECT {_MAY} FROM pg_roles asker, pg_stat_activity a JOIN pg_roles asked ON asked.oid = a.usesysid"  # noqa: S608 - constants
            " WHERE asker.rolname = current_user AND a.pid = %s",
            (pid,),
        )
    )


def ask(session: Session, pid: int) -> None:
    """Ask until the session ends; several may ask at once."""
    session.execute("SELECT pg_try_advisory_lock_shared(%s, %s)", (_CLASS, pid))


def asked_by(session: Session) -> Asker | None:
    """Who asks the run of this very session to stop and may do so, or None."""
    rows = session.rows(
        "SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, '')"  # noqa: S608 - constants
        " FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_roles asker ON asker.oid = a.usesysid"
        " JOIN pg_stat_activity o ON o.pid = pg_backend_pid() JOIN pg_roles asked ON asked.oid = o.usesysid"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        f" AND l.classid = %s AND l.objid::bigint = pg_backend_pid() AND {_MAY} LIMIT 1",
        (_CLASS,),
    )
    return Asker(pid=rows[0][0], user=rows[0][1], application=rows[0][2]) if rows else None

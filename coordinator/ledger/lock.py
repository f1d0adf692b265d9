"""One run at a time: a polled advisory lock on a connection of its own, and the fence row that backs it.

An advisory lock keeps runners apart but fences nothing: when its connection dies, the server gives it to the next
runner while the first one's transaction is still open. So each transaction of a run also locks the fence row and
commits only while the row names its run; a new owner cannot take the row before that transaction is over.
"""

from __future__ import annotations

import random
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from coordinator.errors import LockHeldError, UnsettledError
from coordinator.model.waiting import span
from coordinator.postgres.failure import ConnectionLostError, StatementError

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.postgres.session import Session

Answered = TypeVar("Answered")

# One constant for a database, whatever part of the modules a run is about ("migrate" in bytes).
KEY = 0x6D696772617465
_LOCK_NOT_AVAILABLE = "55P03"
# A transaction that has locked the row keeps this lock on its table.
_AT_THE_FENCE = (
    "SELECT pid FROM pg_locks WHERE locktype = 'relation' AND relation = 'migrate.fence'::regclass"
    " AND mode = 'RowShareLock' AND granted AND pid <> pg_backend_pid()"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY pid"
)
_NAMED = re.compile(r"migrate:(?P<run>\S+)(?: (?P<host>\S+))?(?: (?P<doing>.+))?")  # see `application_name`
_MOVES_NONE = frozenset({"accept", "cancel", "gc", "release"})
_COMMANDS = _MOVES_NONE | {"recover", "rollback"}


class LockLostError(UnsettledError):
    """The lock, or the fence behind it, is not this run's any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds the lock: the server process and what its connection calls itself."""

    pid: int
    application: str
    seconds: float

    @property
    def run(self) -> int | None:
        """The number of its run; None while it has none yet, and for a connection that is not ours."""
        found = _NAMED.fullmatch(self.application)
        return int(found["run"]) if found and found["run"].isdecimal() else None

    @property
    def moves_revisions(self) -> bool:
        """Whether it may put revisions in or take them out: a run, a recovery, or what becomes one."""
        found = _NAMED.fullmatch(self.application)
        return found is not None and found["run"] not in _MOVES_NONE

    def __str__(self) -> str:
        doing = f"{found}; " if (found := doing_of(self.application)) else ""
        facts = f"server process {self.pid}, for {span(self.seconds)}"
        return f"{in_words(self.application)} ({doing}{facts})"


def in_words(application: str) -> str:
    """Whose connection it is, by its name: "run 7 on worker-7", "a run on worker-7" before it has a number."""
    found = _NAMED.fullmatch(application)
    if found is None:
        return application or "an unnamed connection"
    name = found["run"]
    who = f"run {name}" if name.isdecimal() else f"`migrate {name}`" if name in _COMMANDS else "a run"
    return f"{who} on {found['host']}" if found["host"] else who


def doing_of(application: str) -> str:
    """What a connection of ours says that it does, or is for; empty when it says nothing, or is not ours."""
    found = _NAMED.fullmatch(application)
    return (found["doing"] or "") if found else ""


def application_name(run: str, doing: str = "") -> str:
    """What a connection of ours calls itself; a waiter reads it, and PostgreSQL cuts it at 63 bytes."""
    return f"migrate:{run} {socket.gethostname()[:20]} {doing[:24]}".rstrip()


class Lock:
    """The advisory lock on its own connection, which does nothing else but answer pings.

    A second thread may use that connection too: whoever sends something on it holds `_guard` meanwhile.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._guard = threading.RLock()
        self._name = ""

    def acquire(self, *, wait: float, waiting: Callable[[Holder | None, float], None]) -> None:
        """Take the lock, trying again and again for `wait` seconds; `waiting` is told about the holder meanwhile.

        Polls, since a backend that queues for an advisory lock holds a snapshot that CREATE INDEX CONCURRENTLY
        waits for. Raises LockHeldError when the time is over.
        """
        began = time.monotonic()
        pause = 0.1
        while not self._session.value("SELECT pg_try_advisory_lock(%s)", (KEY,)):
            waited = time.monotonic() - began
            holder = self.holder()
            if waited >= wait:
                raise LockHeldError(
                    f"another run holds the lock: {holder or 'it has just ended'}",
                    help="wait for it with --wait, look at it with `migrate status`, or stop it with `migrate cancel`",
                )
            waiting(holder, waited)
            time.sleep(min(pause * random.uniform(0.7, 1.3), max(0.0, wait - waited)))  # noqa: S311 - jitter
            pause = min(pause * 2, 1.0)

    @property
    def pid(self) -> int:
        """The server process of the lock's connection."""
        return self._session.pid_when_open

    def holder(self) -> Holder | None:
        """Who holds the lock now, or None."""
        with self._guard:
            return find_holder(self._session)

    def announce(self, run: str, doing: str) -> None:
        """Tell waiters what the run is doing."""
        with self._guard:
            self._name = application_name(run, doing)
            self._bear_name()

    def _bear_name(self) -> None:
        self._session.execute("SELECT set_config('application_name', %s, false)", (self._name,))

    def ping(self) -> None:
        """Make sure that the lock is still ours. Raises ConnectionLostError or LockLostError when it is not."""
        with self._guard:
            ours = self._session.value(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND ((classid::bigint << 32) | objid::bigint) = %s",
                (KEY,),
            )
        if not ours:
            raise LockLostError("the lock was taken away from this run")

    def regain(self) -> None:
        """Take the lock again if its connection was lost and nobody else has it yet; the fence tells of the time between.

        Raises LockLostError when another run holds it, ConnectionLostError or UnreachableError without a server.
        """
        with self._guard:
            try:
                self.ping()
            except ConnectionLostError:
                self._session.reopen()
                if not self._session.value("SELECT pg_try_advisory_lock(%s)", (KEY,)):
                    raise LockLostError(
                        f"the lock was lost, and {self.holder() or 'another run'} holds it now"
                    ) from None
                if self._name:
                    self._bear_name()

    def ask(self, question: Callable[[Session], Answered]) -> Answered:
        """Ask the catalogs something through this connection; `question` must not wait for anybody's lock."""
        with self._guard:
            return question(self._session)

    def let_go(self) -> None:
        """Give the lock back; a lost connection has given it back already."""
        with self._guard, suppress(ConnectionLostError):
            self._session.execute("SELECT pg_advisory_unlock(%s)", (KEY,))


def find_holder(session: Session) -> Holder | None:
    """Who holds the lock on this database, or None; a SELECT that any role may send."""
    rows = session.rows(
        "SELECT l.pid, coalesce(a.application_name, ''), coalesce(extract(epoch FROM now() - a.backend_start), 0)::float8"
        " FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND ((l.classid::bigint << 32) | l.objid::bigint) = %s LIMIT 1",
        (KEY,),
    )
    return Holder(pid=rows[0][0], application=rows[0][1], seconds=rows[0][2]) if rows else None


def take_fence(session: Session, run: int) -> None:
    """Make `run` the owner. Raises LockHeldError when another run's transaction is still open on the server."""
    try:
        with session.transaction():
            session.execute("SELECT owner FROM migrate.fence FOR UPDATE NOWAIT")
            session.execute(
                "INSERT INTO migrate.fence (owner) VALUES (%s) ON CONFLICT (one) DO UPDATE SET owner = EXCLUDED.owner",
                (run,),
            )
    except StatementError as error:
        if error.sqlstate != _LOCK_NOT_AVAILABLE:
            raise
        holders = session.rows(_AT_THE_FENCE)
        where = ", ".join(f"server process {pid}" for (pid,) in holders) or "it has just ended"
        raise LockHeldError(
            f"a transaction of an earlier run is still open on the server: {where}",
            help="it ends with its client; `migrate recover --end-backend` ends one that bears its run's name",
        ) from error


def stand_behind_fence(session: Session, run: int) -> None:
    """Lock the fence row for this transaction. Raises LockLostError when the row names another run."""
    rows = session.rows("SELECT owner FROM migrate.fence WHERE owner = %s FOR UPDATE NOWAIT", (run,))
    if not rows:
        raise LockLostError(f"another run has taken over from run {run}")

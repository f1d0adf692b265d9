"""Server processes that still work for a run whose client is gone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import UnsettledError
from coordinator.ledger.lock import doing_of, in_words
from coordinator.postgres.failure import StatementError
from coordinator.sql.shown import without_values

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

PATIENCE = 6.0  # seconds; the server looks every two whether its client is there
_ENDS_WITHIN = 10.0  # seconds that a process which was told to end may take
_SHOWN = 60  # characters of a query


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One server process: what it calls itself, how long it has been connected, and its latest query."""

    pid: int
    application: str
    seconds: float
    query: str

    def __str__(self) -> str:
        query = f", query {self.query!r}" if self.query else ""
        doing = f", {found}" if (found := doing_of(self.application)) else ""
        return f"server process {self.pid} ({in_words(self.application)}{doing}, for {self.seconds:.0f} s{query})"


def backends_of(session: Session, run: int) -> tuple[Backend, ...]:
    """The server processes of a run, other than our own, oldest first."""
    rows = session.rows(
        "SELECT pid, application_name, coalesce(extract(epoch FROM clock_timestamp() - backend_start), 0)::float8,"
        " coalesce(query, '') FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name LIKE %s ORDER BY backend_start, pid",
        (f"migrate:{run} %",),
    )
    return tuple(
        Backend(pid=pid, application=name, seconds=seconds, query=without_values(query, limit=_SHOWN))
        for pid, name, seconds, query in rows
    )


def await_end(
    session: Session, run: int, *, seconds: float = PATIENCE, only: int | None = None
) -> tuple[Backend, ...]:
    """Wait until the run has no server process any more (`only`: not this one); those that are left at the end."""
    deadline = time.monotonic() + seconds
    while True:
        found = tuple(each for each in backends_of(session, run) if only in (None, each.pid))
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(0.1)


def refuse_living(session: Session, run: int, *, seconds: float = PATIENCE) -> None:
    """Wait for the run's server processes a while. Raises UnsettledError naming the one that does not end."""
    found = await_end(session, run, seconds=seconds)
    if found:
        raise UnsettledError(
            f"run {run} was cut off, and {found[0]} is still at work",
            help="it ends by itself; or `migrate recover --end-backend` ends it",
        )


def end_backends(session: Session, run: int) -> tuple[Backend, ...]:
    """End exactly the run's server processes, and wait until they are gone; which these were.

    Raises UnsettledError when the role may not, or one does not end.
    """
    found = backends_of(session, run)
    for each in found:
        try:
            session.execute("SELECT pg_terminate_backend(%s)", (each.pid,))
        except StatementError as error:
            raise UnsettledError(
                f"{each} cannot be ended: {error.message}",
                help="connect as the role that it runs as, or as a member of pg_signal_backend",
            ) from error
    left = await_end(session, run, seconds=_ENDS_WITHIN)
    if left:
        raise UnsettledError(
            f"{left[0]} was told to end and does not", help="look at its wait_event in pg_stat_activity"
        )
    return found

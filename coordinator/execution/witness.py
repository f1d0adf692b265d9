"""Looks at the server at the moment of a failure, before the transaction is given back, and listens to its notices."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.categories import categorize
from coordinator.execution.events import Listener, NoticesHeard, Phase
from coordinator.execution.words import kept_notice
from coordinator.model.incident import COLLECTED, LOCKS, NOTICES, SERVER, SESSIONS, Activity
from coordinator.postgres.activity import read_locks, read_server, read_sessions
from coordinator.sql.shown import without_values

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.execution.monitor import WatchedLock
    from coordinator.model.incident import Category, Notice
    from coordinator.model.plan import Step
    from coordinator.postgres.session import Session

_QUERY_LENGTH = 300  # characters of another session's query


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen at the moment of a failure; `answered` is that moment by the server's clock, None when it was silent."""

    answered: datetime | None
    ticks: float  # the same moment in seconds of time.monotonic()
    phase: Phase
    step: Step | None
    category: Category
    activity: Activity

    def when(self, now: datetime) -> datetime:
        """The moment by the server's clock, which says `now` at this moment: our own may tell another time."""
        return self.answered or now - timedelta(seconds=time.monotonic() - self.ticks)


@dataclass(slots=True, kw_only=True)
class Witness:
    """Sees the failure of a run through the lock's connection, which never waits for the run's own locks."""

    lock: WatchedLock
    main: Session
    ledger_pid: int
    tell: Listener
    seen: Seen | None = None
    _notices: deque[Notice] = field(default_factory=lambda: deque(maxlen=NOTICES.rows))
    _unheard: int = 0

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The latest of what the server said during the steps, without values of rows."""
        return tuple(self._notices)

    @property
    def notices_left_out(self) -> int:
        """How many earlier ones there was no room for."""
        return self._unheard

    def hear(self, step: Step, phase: Phase, source: str) -> None:
        """Take what the server said during a step; `source` is the revision's text, whose words may be kept."""
        taken = self.main.take_notices()
        if not taken:
            return
        self.tell(NoticesHeard(phase=phase, step=step, notices=taken))
        self._unheard += max(len(self._notices) + len(taken) - NOTICES.rows, 0)
        self._notices.extend(_with_step(kept_notice(each, source), step) for each in taken[-NOTICES.rows :])

    def see(self, error: BaseException, step: Step | None, phase: Phase) -> None:
        """Look around now, since `error` stops the transaction. Never raises: the failure itself must be told.

        What fails while taking back comes second; the first failure is what the incident is about.
        """
        if self.seen is not None and phase is Phase.ROLL_BACK and self.seen.phase is not Phase.ROLL_BACK:
            return
        category = categorize(error)
        answered, ticks = None, time.monotonic()
        try:
            answered = self.lock.ask(lambda session: session.value("SELECT pg_catalog.clock_timestamp()"))
            activity = self._look(category)
        except CoordinatorError as unseen:
            activity = Activity(not_seen=f"the server could not be asked: {type(unseen).__name__}")
        self.seen = Seen(
            answered=answered, ticks=ticks, phase=phase, step=step, category=category, activity=activity
        )

    def forget(self) -> None:
        """What was seen came to nothing: the transaction is in after all."""
        self.seen = None

    def _look(self, category: Category) -> Activity:
        wanted = COLLECTED[category]
        main = self.main.pid_when_open
        ours = {main: "the run's steps", self.ledger_pid: "the run's ledger"}

        wait = self.lock.wait
        blockers = () if wait is None else tuple(each.pid for each in wait.blockers)

        def mask(query: str) -> str:
            return without_values(query, limit=_QUERY_LENGTH)

        def look(session: Session) -> Activity:
            sessions, more_sessions = (
                read_sessions(session, main, ours, mask, blockers=blockers) if SESSIONS in wanted else ((), 0)
            )
            locks, more_locks = read_locks(session, main) if LOCKS in wanted else ((), 0)
            server, more_server = read_server(session) if SERVER in wanted else ((), 0)
            left_out = ((SESSIONS.name, more_sessions), (LOCKS.name, more_locks), (SERVER.name, more_server))
            return Activity(
                sessions=sessions,
                locks=locks,
                server=server,
                left_out=tuple(each for each in left_out if each[1]),
            )

        return self.lock.ask(look)


def _with_step(notice: Notice, step: Step) -> Notice:
    return replace(notice, step=str(step.key))

"""The lock with a thread that watches over the run: who keeps it waiting, and whether somebody asks it to stop."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.events import CancelAsked, Listener, TableLockAwaited
from coordinator.execution.interrupts import ignore_from_now_on, ignored, interrupt
from coordinator.ledger.cancelling import asked_by
from coordinator.ledger.lock import Lock
from coordinator.model.waiting import Blocker, Wait
from coordinator.postgres.activity import shown_application
from coordinator.postgres.blockers import awaited, blocking
from coordinator.sql.shown import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.postgres.session import Session

_LOOK_EVERY = 0.5  # seconds
_STOPS_WITHIN = 5.0  # seconds that a look may still take when the run is over
_SHOWN_QUERY = 80  # characters
_SAME_WAIT = (
    30.0  # seconds between two waits that are told as one: a transaction pauses before it tries again
)


class WatchedLock(Lock):
    """The run's lock. While `watched`, a thread looks at the run through the lock's own connection.

    The thread only asks catalogs and never hides an error: what it meets on the connection, the run meets itself
    when it needs the lock. It ends with the block, whatever happens inside.
    """

    def __init__(self, session: Session, *, tell: Listener, look_every: float = _LOOK_EVERY) -> None:
        super().__init__(session)
        self._tell = tell
        self._look_every = look_every
        self._over = threading.Event()
        self._deaf = False
        self._stopped_by = ""
        self._working: Session | None = None
        self._wait_limit: float | None = None
        self._since: float | None = None
        self._last = 0.0
        self._wait: Wait | None = None
        self._ended_wait = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch over the run during the block."""
        self._over.clear()
        thread = threading.Thread(target=self._look_again_and_again, name="migrate-monitor", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(_STOPS_WITHIN)

    @contextmanager
    def watching(self, session: Session, *, wait_limit: float | None = None) -> Iterator[None]:
        """Look during the block at what that session waits for; cancel its statement after `wait_limit` seconds."""
        self.forget_wait()
        self._ended_wait = False
        self._working, self._wait_limit = session, wait_limit
        try:
            yield
        finally:
            self._working = None

    @property
    def wait(self) -> Wait | None:
        """What the watched session was last seen to wait for since `forget_wait`."""
        return self._wait

    @property
    def ended_wait(self) -> bool:
        """Whether a statement was cancelled since it had waited for longer than it may."""
        return self._ended_wait

    @property
    def stopped_by(self) -> str:
        """Who asked for the run's end and was heard; empty: nobody, so a signal came from this host."""
        return self._stopped_by

    def forget_wait(self) -> None:
        """What was waited for so far was had."""
        self._since = self._wait = None

    def begin_try(self) -> None:
        """The same is tried anew: what was in the way of the last try need not be in the way of this one."""
        self._wait = None

    @contextmanager
    def to_its_end(self) -> Iterator[None]:
        """Let the block come to its end whatever signal comes, and the run be over with it but for its telling.

        That is not to be stopped either: a signal that came after the end would hide what the run came to.
        """
        ignore_from_now_on()
        try:
            yield
        finally:
            with self._guard:
                self._deaf = True

    def _look_again_and_again(self) -> None:
        while not self._over.wait(self._look_every):
            with suppress(CoordinatorError):  # the lock's own user meets it too, and is the one to say so
                self._look()

    def _look(self) -> None:
        with self._guard:
            if self._session.closed:
                return
            asked = self._stopped_run()
            working = self._working
            wait = None if working is None else _seen_wait(self._session, working.pid_when_open)
        if asked is not None:
            self._told(asked)
        if wait is not None and working is not None:
            self._waits(wait, working)

    def _stopped_run(self) -> CancelAsked | None:
        """Stop the run when somebody asks for it. Once: a second signal would be one more Ctrl-C."""
        asker = None if self._deaf else asked_by(self._session)
        if asker is None:
            return None
        self._deaf = True
        asked = CancelAsked(by=str(asker), ignored=ignored())
        if not asked.ignored:
            self._stopped_by = asked.by
            interrupt()
        return asked

    def _waits(self, wait: Wait, working: Session) -> None:
        now = time.monotonic()
        if self._since is None or now - self._last > _SAME_WAIT:
            self._since = now
        self._last, self._wait = now, wait
        waited = now - self._since
        self._told(TableLockAwaited(wait=wait, seconds=waited))
        if self._wait_limit is not None and waited > self._wait_limit:
            self._wait_limit, self._ended_wait = None, True
            working.cancel()

    def _told(self, event: CancelAsked | TableLockAwaited) -> None:
        with suppress(OSError):  # a reader of the progress that has left must not end the watch
            self._tell(event)


def _seen_wait(session: Session, pid: int) -> Wait | None:
    on = awaited(session, pid)
    if on is None:
        return None
    blockers = tuple(
        Blocker(
            pid=each.pid,
            user=each.user,
            application=shown_application(each.application),
            state=each.state,
            age=each.age,
            query=without_values(each.query, limit=_SHOWN_QUERY) if each.query else "",
        )
        for each in blocking(session, pid)
    )
    # Nobody in the way: the wait ended between the two questions, and must not hide who was seen in its midst.
    return Wait(on=on, blockers=blockers) if blockers else None

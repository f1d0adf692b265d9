"""Autocommit blocks inside a step: out of the transaction around it, what is sent there, and back into a new one."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from coordinator.execution.patience import Patience
from coordinator.postgres.failure import TRANSIENT, StatementError
from coordinator.postgres.setting import set_during
from coordinator.sql.named import may_commit, stands_alone

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from coordinator.execution.kept.keeping import Keeping
    from coordinator.execution.step_session import StepSession
    from coordinator.execution.transaction import Transaction
    from coordinator.model.plan import Step
    from coordinator.postgres.session import Answer, Session

_LIMIT = "SELECT current_setting('lock_timeout')"


class Blocks:
    """Leaves the segment's transaction for an autocommit block and comes back to a new one."""

    def __init__(self, around: StepSession, transaction: Transaction, step: Step) -> None:
        self._around = around
        self._transaction = transaction
        self._step = step
        self._limit = ""  # of waits for locks, as the block begins
        self.keeping: Keeping | None = None  # None: nothing is kept

    def leave(self) -> None:
        """Commit what the step did so far, and act as its module without a transaction."""
        if self.keeping is not None:
            self._around.leave()
            self.keeping.pause()
        self._transaction.commit()
        self._around.enter(self._step, local=False)
        self._transaction.limit_waits(local=False)
        self._limit = self._session.value(_LIMIT)

    def come_back(self) -> None:
        """Begin a transaction for the rest of the step."""
        self._session.execute("RESET lock_timeout")
        self._around.leave(local=False)
        self._transaction.begin()
        if self.keeping is not None:
            self.keeping.resume()
        self._around.enter(self._step, local=True)

    def before_statement(self) -> None:
        """Make sure that the run may still write. Raises LockLostError or ConnectionLostError."""
        self._transaction.before_alone()

    def send(self, text: str, make_way: Callable[[str], bool] | None) -> Answer:
        """Send one text, which is a transaction of its own; `make_way` drops what a failed build of an index left."""
        verb = stands_alone(text)
        if verb.endswith("CONCURRENTLY"):
            with self._no_limit():
                return self._send_concurrent(text, make_way if verb.startswith("CREATE") else None)
        # When it fails nothing of it is in, unless it has committed something itself.
        return self._patiently(lambda: self._session.execute(text), again=lambda: not may_commit(text))

    def send_together(self, work: Callable[[], Answer]) -> Answer:
        """Do what belongs to one text in one transaction of its own."""

        def once() -> Answer:
            with self._session.transaction():
                return work()

        return self._patiently(once)

    def _patiently(self, send: Callable[[], Answer], *, again: Callable[[], bool] = lambda: True) -> Answer:
        """Once more, for a while, what only got into somebody's way; `again` is asked whether it may be."""
        patience = Patience(self._transaction.lock_patience)
        while True:
            try:
                return send()
            except StatementError as error:
                pause = patience.next_pause() if error.sqlstate in TRANSIENT and again() else None
                if pause is None:
                    raise
            time.sleep(pause)
            self.before_statement()

    def _send_concurrent(self, text: str, make_way: Callable[[str], bool] | None) -> Answer:
        """Send it; an index build that got into somebody's way once more, since it makes nobody wait."""
        try:
            return self._session.execute(text)
        except StatementError as error:
            if make_way is None or error.sqlstate not in TRANSIENT:
                raise
        make_way(text)
        return self._session.execute(text)

    def _no_limit(self) -> AbstractContextManager[None]:
        """Let a statement that blocks nobody while it waits do so, unless the revision itself has set a limit.

        With one it would never end on a busy server: it fails, leaves an invalid index, and fails again.
        """
        own = self._session.value(_LIMIT) != self._limit
        return nullcontext() if own else set_during(self._session, "lock_timeout", "0")

    @property
    def _session(self) -> Session:
        return self._around.session

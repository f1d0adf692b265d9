"""Autocommit blocks inside a step: out of the transaction around it, and back into a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.execution.kept.keeping import Keeping
    from coordinator.execution.step_session import StepSession
    from coordinator.execution.transaction import Transaction
    from coordinator.model.plan import Step


class Blocks:
    """Leaves the segment's transaction for an autocommit block and comes back to a new one."""

    def __init__(self, around: StepSession, transaction: Transaction, step: Step) -> None:
        self._around = around
        self._transaction = transaction
        self._step = step
        self.keeping: Keeping | None = None  # None: nothing is kept

    def leave(self) -> None:
        """Commit what the step did so far, and act as its module without a transaction."""
        if self.keeping is not None:
            self._around.leave()
            self.keeping.pause()
        self._transaction.commit()
        self._around.enter(self._step, local=False)
        # A concurrent index build blocks nobody while it waits, and with a lock timeout it would never end on a
        # busy server: it fails, leaves an invalid index, and fails again.
        self._around.session.execute("SET SESSION lock_timeout = 0")

    def come_back(self) -> None:
        """Begin a transaction for the rest of the step."""
        self._around.session.execute("RESET lock_timeout")
        self._around.leave(local=False)
        self._transaction.begin()
        if self.keeping is not None:
            self.keeping.resume()
        self._around.enter(self._step, local=True)

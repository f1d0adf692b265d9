"""When a transaction that did not get its locks is tried again, and for how long."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.execution.failure import StepFailedError, StepFailure
from coordinator.model.waiting import span
from coordinator.postgres.failure import TRANSIENT, StatementError

if TYPE_CHECKING:
    from coordinator.model.plan import Segment, Step
    from coordinator.model.waiting import Wait

_FIRST_PAUSE = 0.5  # seconds
_LONGEST_PAUSE = 10.0


@dataclass(slots=True)
class Patience:
    """Pauses between attempts, each twice as long as the one before, until `seconds` after the first failure."""

    seconds: float
    _began: float | None = None
    _pause: float = _FIRST_PAUSE

    def next_pause(self) -> float | None:
        """How long to wait before the next attempt; None when it is time to give up."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
        left = self._began + self.seconds - now
        if left <= 0:
            return None
        # Two runs, or a run and an application, that got into each other's way must not do so again and again.
        pause = min(self._pause * random.uniform(0.5, 1.5), left)  # noqa: S311 - jitter
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return pause

    @property
    def spent(self) -> float:
        """Seconds since the first failure."""
        return 0.0 if self._began is None else time.monotonic() - self._began


def sqlstate_of(error: BaseException) -> str | None:
    """The server's code for what stopped a segment, or None."""
    if isinstance(error, StepFailedError):
        return error.failure.sqlstate
    return error.sqlstate if isinstance(error, StatementError) else None


def may_work_later(error: BaseException) -> bool:
    """Whether the same transaction may go through a moment later, and running its code again does no harm."""
    if isinstance(error, StepFailedError) and error.failure.opened:
        return False  # what it does outside of the database would be done twice
    return sqlstate_of(error) in TRANSIENT


def why_again(error: BaseException, wait: Wait | None) -> str:
    """What kept a transaction from its end, in one phrase."""
    if wait is not None:
        return str(wait)
    return {"40P01": "a deadlock", "40001": "a conflict with another transaction"}.get(
        sqlstate_of(error) or "", "a lock"
    )


def given_up(error: BaseException, segment: Segment, wait: Wait | None, spent: float) -> BaseException:
    """The failure with what was waited for in vain; the step that needed it is named where none was at work."""
    if isinstance(error, StatementError) and error.sqlstate in TRANSIENT:
        step = _needs(segment, wait)
        failure = StepFailure(
            step=step,
            part="the taking of its transaction's locks",
            message=error.message,
            place=step.place,
            sqlstate=error.sqlstate,
            hint=error.hint,
            detail=error.detail,
        )
    elif isinstance(error, StepFailedError):
        failure = error.failure
    else:
        return error
    if wait is not None:
        tried = f", after {span(spent)} of trying" if spent >= 1 else ""
        failure = replace(failure, message=f"{failure.message}{tried}; in the way: {wait}")
    return StepFailedError(failure)


def _needs(segment: Segment, wait: Wait | None) -> Step:
    """The first step that changes the table, or the first of all."""
    wanted = None if wait is None else wait.on
    found = (
        step
        for step in segment.steps
        if any(f"{change.schema}.{change.table}" == wanted for change in step.changes)
    )
    return next(found, segment.steps[0])

"""Carries out a plan on the target: all of it, or nothing; and when even that fails, says exactly what is left."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, ReversedError, UnsettledError
from coordinator.execution.categories import categorize
from coordinator.execution.events import Listener, Phase, PhaseStarted, StepFailed
from coordinator.execution.failure import StepFailedError
from coordinator.execution.incident import Reporter
from coordinator.execution.interrupts import shielded, stopped_once
from coordinator.execution.words import interrupted, recorded
from coordinator.model.capture import Direction
from coordinator.model.run import RunStatus

if TYPE_CHECKING:
    from coordinator.execution.lone_step import LoneSegment
    from coordinator.execution.rollback import RollbackManager
    from coordinator.execution.segment import SegmentRunner
    from coordinator.execution.starting import Starting
    from coordinator.model.plan import RunPlan, Segment


@dataclass(slots=True, kw_only=True)
class Executor:
    """Applies a plan's segments in order; hands what is in to the rollback manager when one fails."""

    segments: SegmentRunner
    rollback: RollbackManager
    tell: Listener

    def apply(self, plan: RunPlan, starting: Starting, where: str) -> float:
        """Apply the plan; the seconds it took.

        Raises ReversedError (everything is as it was) or UnsettledError (not everything could be taken back).
        """
        began = time.monotonic()
        self.tell(PhaseStarted(phase=Phase.APPLY, plan=plan, where=where))
        with stopped_once():
            try:
                for segment in plan.segments:
                    self.segments.run(segment, Phase.APPLY)
            except (
                BaseException
            ) as error:  # whatever it is, a mistake of ours too: nothing may stay half done
                with shielded():
                    if isinstance(error, KeyboardInterrupt) and (by := self.segments.lock.stopped_by):
                        error.args = (by,)
                    committed = tuple(self.segments.committed)
                    if len(committed) < len(plan.segments):
                        self._take_back(plan, committed, starting, error)
                # Else all is in, and what came while the last commit was noted came too late to stop it.
            with shielded():
                self._finish(RunStatus.APPLIED, None)
        return time.monotonic() - began

    def _take_back(
        self, plan: RunPlan, committed: tuple[Segment, ...], starting: Starting, error: BaseException
    ) -> None:
        """Reverse what is in, prove that all is as it was, and raise what the run came to."""
        if isinstance(error, StepFailedError):
            self.tell(StepFailed(phase=Phase.APPLY, failure=error.failure))
        run, told, final = self.segments.journal.run, self._recorded(error), categorize(error).is_final
        with suppress(CoordinatorError):  # said once more at the end, to which taking back may not come
            self.segments.journal.ledger.note_failure(run, told, final=final)
        try:
            self.rollback.take_back(plan, committed, starting)
        except Exception as second:
            unasked = self.segments.unasked
            missing = self._report(plan, RunStatus.UNSETTLED, error, second)
            both = f"{told}; then, taking back: {self._recorded(second)}"
            self._finish(RunStatus.UNSETTLED, both, final=final)
            raise UnsettledError(
                f"run {run} failed, and not everything could be taken back",
                help=f"{_way_on(run, (second, error), unasked)}; `migrate history {run} --report` tells what was seen",
                details=(
                    f"first:  {_sentence(error)}",
                    *_details(error),
                    f"then:   {_sentence(second)}",
                    *_details(second),
                    *_what_is_left(plan.direction, self.rollback.remaining, unasked),
                    *_half_done(error, self.segments.half_done),
                    *missing,
                ),
            ) from error
        missing, others = self._report(plan, RunStatus.REVERSED, error), self.rollback.others
        outcome = (
            f"everything of run {run} is taken back"
            if others
            else f"everything is as it was before run {run}"
        )
        self._finish(RunStatus.REVERSED, told, final=final)
        raise ReversedError(
            _sentence(error),
            help=f"{outcome}; `migrate history {run} --report` tells what was seen",
            details=(*_details(error), *(f"somebody else, meanwhile: {each}" for each in others), *missing),
        ) from error

    def _report(
        self, plan: RunPlan, status: RunStatus, error: BaseException, second: BaseException | None = None
    ) -> tuple[str, ...]:
        """Write the incident; a line that says why there is none, if so."""
        reporter = Reporter(segments=self.segments, plan=plan)
        unwritten = reporter.write(status, error, second, self.rollback.remaining if second else ())
        return (unwritten,) if unwritten else ()

    def _recorded(self, error: BaseException) -> str:
        if not isinstance(error, StepFailedError):
            return recorded(error)
        return recorded(error, self.segments.words(error.failure.step.key))

    def _finish(self, status: RunStatus, error: str | None, *, final: bool = False) -> None:
        journal = self.segments.journal
        try:
            journal.ledger.finish_run(journal.run, status, error=error, final=final)
        except CoordinatorError as lost:
            what = (error or "everything is in").rstrip(".")
            raise UnsettledError(
                f"{what}; and the ledger could not be told how run {journal.run} ended: {lost}",
                help="`migrate status` tells what is in; the next run settles the ledger",
            ) from lost


def _way_on(run: int, errors: tuple[BaseException, ...], unasked: Segment | None) -> str:
    if unasked is None:
        return f"mend the cause, then `migrate recover --abort` goes on taking back run {run}"
    told = (each.help for each in errors if isinstance(each, UnsettledError) and each.help)
    return next(told, "`migrate recover` says what is in; then --abort or --resume, as you decide")


def _what_is_left(direction: Direction, remains: tuple[str, ...], unasked: Segment | None) -> tuple[str, ...]:
    side = "in" if direction is Direction.UPGRADE else "out"
    perhaps = () if unasked is None else tuple(str(step.key) for step in unasked.steps)
    surely = [each for each in remains if each not in perhaps]
    if not surely and unasked is None:
        return ("every step was taken back, but the database is not as it was",)
    how = f"{side} or not" if unasked is None or unasked.transactional else f"{side}, half done or not at all"
    return (
        *((f"still {side}: {', '.join(surely)}",) if surely else ()),
        *((f"{how}: {', '.join(perhaps)}",) if perhaps else ()),
    )


def _half_done(error: BaseException, lone: LoneSegment | None) -> tuple[str, ...]:
    if not isinstance(error, StepFailedError) or error.failure.step.transactional:
        return ()
    key, why = error.failure.step.key, lone.left if lone is not None else None
    return (
        f"{key} commits statement by statement, so what it did before it failed is in",
        *((f"it was not taken back: {why}",) if why else ()),
    )


def _sentence(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return interrupted(error)
    return str(error) if isinstance(error, CoordinatorError) else f"a mistake in the coordinator: {error!r}"


def _details(error: BaseException) -> tuple[str, ...]:
    return error.details if isinstance(error, CoordinatorError) else ()

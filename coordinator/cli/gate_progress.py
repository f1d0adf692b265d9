"""The gate's progress: a bar on a terminal; in a log one line a stage, and one for whatever failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.cli.progress import Progress
from coordinator.cli.terminal import shorten_paths
from coordinator.execution.events import (
    CheckFinished,
    CheckStarted,
    PhaseStarted,
    StepFinished,
    StepStarted,
    TargetNamed,
    Working,
)
from coordinator.model.gate import GateOutcome, stage_outcome
from coordinator.model.staging import StagingAwaited, StagingLeft
from coordinator.reports.gate.reading import COLOURS, SHOWN
from coordinator.reports.wording import counted, one_line, shortened

if TYPE_CHECKING:
    from types import TracebackType

    from coordinator.execution.events import Event
    from coordinator.model.gate import GateCheck, GateStage

_LONGEST_WHY = 220  # characters; the report has all of it
_TOLD = (GateOutcome.FAILED, GateOutcome.UNAVAILABLE)


class GateProgress(Progress):
    """Verbose, it tells every check, and every step of every pass."""

    def __init__(self, *, verbose: bool) -> None:
        super().__init__(verbose=verbose)
        self._stage: GateStage | None = None
        self._checks: list[GateCheck] = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._end_stage()
        super().__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        """Write what is worth a line."""
        match event:
            case CheckStarted():
                if event.stage is not self._stage:
                    self._end_stage()
                    self._stage = event.stage
                self._start_bar(f"{event.stage.value}: {event.check}", total=None)
            case CheckFinished():
                self._check(event.check)
            case PhaseStarted() if not self._verbose:
                steps = event.plan.steps
                self._names = max((len(str(step.key)) for step in steps), default=0)
                self._start_bar(f"{event.phase.value} on {event.where}", total=len(steps))
            case TargetNamed() | Working() | StagingAwaited() | StagingLeft():
                super().__call__(event)
            case _ if self._verbose or self._bar is not None:
                self._quietly(event)

    def _quietly(self, event: Event) -> None:
        """Steps move the bar on; only verbose are they told."""
        if self._verbose:
            super().__call__(event)
        elif isinstance(event, StepFinished):
            self._bar.advance(self._task)
        elif isinstance(event, StepStarted):
            self._describe(f"{event.phase.value} {event.step.key}")

    def _check(self, check: GateCheck) -> None:
        self._stop_bar()
        self._checks.append(check)
        if check.outcome in _TOLD:
            outcome = self._out.styled(SHOWN[check.outcome.value], COLOURS[check.outcome.value])
            why = shortened(shorten_paths(one_line(check.told)), _LONGEST_WHY)
            self._out.wrapped(f"  {check.name} {outcome}: {why}", following="    ")
        elif self._verbose:
            self._row(f"  {check.name}", check.told, check.outcome, check.seconds)

    def _end_stage(self) -> None:
        if self._stage is None or not self._checks:
            return
        seconds = sum(each.seconds for each in self._checks)
        count = counted(len(self._checks), "check")
        self._row(self._stage.value, count, stage_outcome(tuple(self._checks)), seconds)
        self._checks.clear()

    def _row(self, name: str, told: str, outcome: GateOutcome, seconds: float) -> None:
        """One aligned line: a stage or a check, and how it ended."""
        end = f"{SHOWN[outcome.value]} ({seconds:.1f} s)"
        start = f"{name:<14}  "
        room = self._out.width - len(start) - len(end) - 4
        text = shortened(one_line(told), max(room, 8))
        dots = "." * max(2, room - len(text) + 2)
        self._out.line(f"{start}{text} {dots} {self._out.styled(end, COLOURS[outcome.value])}")

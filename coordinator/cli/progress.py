"""Events of a run as lines on standard error: one line a step, outcome last; on a terminal a bar below them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.findings import show_findings
from coordinator.cli.streams import write_line
from coordinator.cli.terminal import Terminal, shorten_paths, terminal
from coordinator.cli.told import WaitLines, line_of
from coordinator.execution.events import (
    CancelAsked,
    CancelSent,
    Event,
    LockAwaited,
    NoticesHeard,
    Phase,
    PhaseStarted,
    StepByStepChosen,
    StepFailed,
    StepFinished,
    StepsRolledBack,
    StepStarted,
    TableLockAwaited,
    TargetNamed,
    TriedAgainSoon,
    Working,
)
from coordinator.model.capture import Direction
from coordinator.model.finding import Severity
from coordinator.model.rehearsal import StepGrade
from coordinator.model.staging import StagingAwaited, StagingLeft

if TYPE_CHECKING:
    from types import TracebackType

    from coordinator.cli.told import Told
    from coordinator.model.plan import RunPlan, Step

_TITLES = {Phase.REHEARSE: "rehearsing", Phase.APPLY: "applying", Phase.ROLL_BACK: "taking back"}
_WAIT_TOLD_EVERY = 10.0  # seconds


class Progress:
    """A listener that writes; use it as a context manager, so that the bar is gone when the block ends."""

    def __init__(self, *, verbose: bool, quiet: bool = False) -> None:
        self._out: Terminal = replace(terminal(), write=self._write_above_bar)
        self._verbose = verbose
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._names = 0  # width of the longest step's name in this phase
        self._grades: Counter[StepGrade] = Counter()
        self._wait_told = -_WAIT_TOLD_EVERY
        self._wait_lines = WaitLines()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_bar()

    def __call__(self, event: Event) -> None:
        """Write what is worth a line."""
        if self._quiet:
            return
        match event:
            case TargetNamed():
                self._out.line(f"target: {event.target} · environment: {event.environment}")
            case Working():
                self._start_bar(event.what, total=None)
            case LockAwaited() | TableLockAwaited() | StagingAwaited():
                self._awaited(event)
            case TriedAgainSoon() | CancelAsked() | CancelSent() | StepByStepChosen() | StagingLeft():
                self._tell(event)
            case PhaseStarted():
                self._phase(event)
            case StepStarted():
                self._describe(f"{_TITLES[event.phase]} {event.step.key}")
            case StepFinished():
                self._finished(event)
            case NoticesHeard():
                self._heard(event)
            case StepFailed():
                self._write(event.failure.step, event.phase, "FAILED", "red")
            case StepsRolledBack():
                self._rolled_back(event)

    def ask(self, plan: RunPlan) -> bool:
        """Ask a person whether to apply a plan that cannot promise all or nothing."""
        self._stop_bar()
        self._out.line(f"this run has {len(plan.segments)} transactions: {plan.guarantee.value}")
        return self.confirm("apply it?")

    def confirm(self, question: str) -> bool:
        """Ask a person; no answer means no."""
        self._stop_bar()
        return click.confirm(question, default=False, err=True)

    def pause(self) -> None:
        """Take the bar away: something else is about to be written."""
        self._stop_bar()

    def _awaited(self, event: LockAwaited | TableLockAwaited | StagingAwaited) -> None:
        if isinstance(event, TableLockAwaited | StagingAwaited):
            line = self._wait_lines.line_of(event)
            if line is not None:
                self._out.wrapped(f"    {line}", following="      ")
        elif event.seconds - self._wait_told >= _WAIT_TOLD_EVERY:
            self._wait_told = event.seconds
            holder = event.holder or "a run that has just ended"
            self._out.wrapped(f"waiting for the lock, held by {holder}", following="  ")

    def _rolled_back(self, event: StepsRolledBack) -> None:
        for step in event.steps:
            self._write(step, Phase.ROLL_BACK, "rolled back", "yellow")

    def _tell(self, event: Told) -> None:
        self._out.wrapped(f"    {line_of(event)}", following="      ")
        if isinstance(event, TriedAgainSoon) and self._bar is not None:
            self._bar.advance(self._task, -len(event.steps))

    def _phase(self, event: PhaseStarted) -> None:
        self._stop_bar()
        steps = event.plan.steps
        count = "1 step" if len(steps) == 1 else f"{len(steps)} steps"
        self._names = max((len(str(step.key)) for step in steps), default=0)
        self._grades.clear()
        title = _title(event)
        self._out.line(self._out.styled(f"{title} {count} on {event.where}", "cyan", bold=True))
        self._start_bar(title, total=len(steps))

    def _finished(self, event: StepFinished) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)
        plain = event.phase is Phase.REHEARSE and event.grade in (
            StepGrade.REVERSIBLE,
            StepGrade.COLUMN_ORDER,
        )
        if not plain or self._verbose:
            outcome = event.grade.value if event.grade is not None else "ok"
            colour = "green" if event.grade in (None, StepGrade.REVERSIBLE) else "yellow"
            self._write(event.step, event.phase, f"{outcome} ({event.seconds:.2f} s)", colour)
        warnings = tuple(
            each for each in event.findings if each.severity is not Severity.NOTE or self._verbose
        )
        show_findings(warnings, self._out)

    def _heard(self, event: NoticesHeard) -> None:
        """A server's warnings always, its notices when asked for."""
        for notice in event.notices:
            if self._verbose or notice.severity == "WARNING":
                text = " ".join(notice.message.split())
                self._out.wrapped(
                    f"    {notice.severity.lower()} in {event.step.key}: {text}", following="      "
                )

    def _write(self, step: Step, phase: Phase, outcome: str, colour: str) -> None:
        """One aligned line: what was done to which step, and how it ended."""
        forwards = (step.direction is Direction.UPGRADE) != (outcome == "rolled back")
        sign = "~" if phase is Phase.REHEARSE else "+" if forwards else "-"
        start = f"  {sign} {step.key!s:<{self._names}}  "
        room = self._out.width - len(start) - len(outcome) - 4
        message = shorten_paths(step.message)
        if len(message) > room:
            message = message[: max(room - 1, 0)] + "…"
        dots = "." * max(2, room - len(message) + 2)
        self._out.line(f"{start}{message} {dots} {self._out.styled(outcome, colour)}")

    def _start_bar(self, what: str, *, total: int | None) -> None:
        """On a terminal, show a bar for what may take longer than a moment."""
        self._stop_bar()
        if not self._out.interactive:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        console = Console(file=self._out.stream, no_color=not self._out.colour)
        counted = (BarColumn(bar_width=24), MofNCompleteColumn()) if total is not None else ()
        self._bar = Bar(
            SpinnerColumn(),
            *counted,
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(what, total=total)

    def _write_above_bar(self, text: str) -> None:
        """A line on the stream; while the bar is shown it must go through it, or the two would mix."""
        bar = self._bar  # another thread may write too, while this one takes the bar away
        if bar is None:
            write_line(text, self._out.stream, colour=self._out.colour)
            return
        from rich.text import Text

        bar.console.print(Text.from_ansi(text), soft_wrap=True)

    def _describe(self, what: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=what)

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _title(event: PhaseStarted) -> str:
    """What is being done: a rollback applies downgrades, and where it fails its steps are put in again."""
    if event.plan.direction is Direction.DOWNGRADE and event.phase is Phase.APPLY:
        return "rolling back"
    if event.plan.direction is Direction.UPGRADE and event.phase is Phase.ROLL_BACK:
        return "putting back"
    return _TITLES[event.phase]

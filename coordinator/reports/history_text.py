"""Past runs as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.capture import Direction
from coordinator.model.run import RunStatus, StepStatus
from coordinator.reports.kept_text import kept_section
from coordinator.reports.table import Cell, table
from coordinator.reports.wording import counted, moment, one_line, seconds_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.run import Run, StepRecord
    from coordinator.reports.page import Page

_COLOURS = {
    RunStatus.RUNNING: "yellow",
    RunStatus.APPLIED: "green",
    RunStatus.REVERSED: "yellow",
    RunStatus.UNSETTLED: "red",
    RunStatus.SETTLED: "cyan",
    RunStatus.OTHER: "cyan",
}
# What was done to a step, as in the progress of a run: + came in, - went out.
_SIGNS = {
    (Direction.UPGRADE, StepStatus.APPLIED): "+",
    (Direction.UPGRADE, StepStatus.FAILED): "!",
    (Direction.UPGRADE, StepStatus.ROLLED_BACK): "-",
    (Direction.DOWNGRADE, StepStatus.REVERSED): "-",
    (Direction.DOWNGRADE, StepStatus.FAILED): "!",
    (Direction.DOWNGRADE, StepStatus.ROLLED_BACK): "+",
}


def history_text(runs: Sequence[Run], *, exists: bool, page: Page) -> str:
    """The latest runs, newest first."""
    if not runs:
        return "no run yet\n" if exists else "no run yet: the target has no ledger\n"
    rows = [_row(run) for run in runs]
    lines = table(("run", "status", "kind", "started", "took", "environment", "error"), rows, page)
    lines.extend(("", f"next:  `migrate history {runs[0].number}` shows a run step by step"))
    return "\n".join(lines) + "\n"


def _row(run: Run) -> tuple[Cell | str, ...]:
    return (
        str(run.number),
        Cell(text=run.status.value, colour=_COLOURS[run.status]),
        run.kind,
        f"{run.started:%Y-%m-%d %H:%M:%S}",
        _took(run),
        run.environment,
        run.error or "",
    )


def _took(run: Run) -> str:
    return "" if run.finished is None else seconds_text((run.finished - run.started).total_seconds())


def run_text(run: Run, page: Page) -> str:
    """One run: its facts, then a line for each thing it did to a step, with the error below what failed."""
    told = page.paint(run.status.value, _COLOURS[run.status])
    lines = [f"run {run.number}: {told}"]
    for name, text in (
        ("kind", run.kind),
        ("started", moment(run.started)),
        ("finished", moment(run.finished)),
        ("took", _took(run)),
        ("by", f"process {run.pid} on {run.host}, migrate {run.program}, environment {run.environment}"),
        ("guarantee", _promised(run)),
        ("rehearsal", run.rehearsal),
        ("plan", run.plan),
        ("error", run.error or ""),
    ):
        if text:
            lines.extend(page.wrapped(one_line(text), first=f"  {name:<10} ", then=" " * 13))
    lines.append("")
    lines.extend(_steps(run, page))
    lines.extend(kept_section(run.kept, run.number, page))
    return "\n".join(lines) + "\n"


def _promised(run: Run) -> str:
    """The way back of a rollback are the upgrades."""
    return run.guarantee.replace("downgrade", "upgrade") if run.kind == "rollback" else run.guarantee


def _steps(run: Run, page: Page) -> Iterator[str]:
    if not run.steps:
        yield "no step was run"
        return
    names = max(len(str(each.key)) for each in run.steps)
    for step in run.steps:
        yield _step(step, names, page)
        if step.error:
            yield from page.wrapped(one_line(step.error), first="      ", then="      ")
    yield ""
    yield _totals(run.steps)


def _step(step: StepRecord, names: int, page: Page) -> str:
    sign = _SIGNS.get((step.direction, step.status), " ")
    outcome = step.status.value
    if step.status is not StepStatus.FAILED:
        outcome += f" ({seconds_text(step.seconds)})"
    when = "" if step.finished is None else f"{step.finished:%H:%M:%S}"
    start = f"  {sign} {step.key!s:<{names}}  {when} "
    dots = "." * max(2, page.width - len(start) - len(outcome) - 1)
    colour = "red" if step.status is StepStatus.FAILED else "green" if sign == "+" else "yellow"
    return f"{start}{dots} {page.paint(outcome, colour)}"


def _totals(steps: Sequence[StepRecord]) -> str:
    counts = {status: sum(each.status is status for each in steps) for status in StepStatus}
    told = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    return f"{counted(len(steps), 'row')}: {told}"

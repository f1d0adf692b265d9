"""What is in a database, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Severity
from coordinator.model.status import OpenState
from coordinator.reports.finding_text import finding_lines
from coordinator.reports.table import Cell, table
from coordinator.reports.wording import counted, moment, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.status import DatabaseStatus, ModuleStatus, OpenRun
    from coordinator.reports.page import Page

_SHOWN_PENDING = 4


def status_text(status: DatabaseStatus, page: Page) -> str:
    """A line for each module, what is pending, what is not over, and the next command."""
    rows = [_row(module) for module in status.modules]
    lines = table(("module", "applied", "heads", "state"), rows, page)
    for module in status.modules:
        lines.extend(_pending(module, page))
    for run in status.open_runs:
        lines.extend(("", *_open_run(run, page)))
    if status.holder:
        lines.extend(("", *page.wrapped(f"the lock is held by {one_line(status.holder)}", then="  ")))
    for finding in status.findings:
        lines.extend(("", *finding_lines(finding, page)))
    lines.extend(("", *_next(status, page)))
    return "\n".join(lines) + "\n"


def _row(module: ModuleStatus) -> tuple[Cell | str, ...]:
    applied = f"{module.applied}/{module.total}" if module.present else str(module.applied)
    return (module.name, applied, ", ".join(module.heads) or "-", _state(module))


def _state(module: ModuleStatus) -> Cell:
    if module.unknown:
        return Cell(text=f"unknown head {', '.join(module.unknown)}", colour="red")
    if not module.present:
        return Cell(text="not in this checkout", colour="cyan")
    if module.pending:
        ahead = f", {len(module.ahead)} ahead" if module.ahead else ""
        return Cell(text=f"{len(module.pending)} pending{ahead}", colour="yellow")
    if module.ahead:
        return Cell(text=f"ahead by {len(module.ahead)}", colour="cyan")
    if module.outside:
        return Cell(text=f"up to date, {len(module.outside)} applied outside", colour="cyan")
    return Cell(text="up to date", colour="green")


def _pending(module: ModuleStatus, page: Page) -> Iterator[str]:
    if module.pending:
        yield ""
        yield page.paint(f"pending in {module.name}", "cyan")
        for each in module.pending[:_SHOWN_PENDING]:
            yield from page.wrapped(f"{each.key}  {one_line(each.message)}", first="  ", then="    ")
        if len(module.pending) > _SHOWN_PENDING:
            yield f"  and {counted(len(module.pending) - _SHOWN_PENDING, 'more revision')}"


def _open_run(open_run: OpenRun, page: Page) -> Iterator[str]:
    run = open_run.run
    told = f"run {run.number} is {open_run.state.value}"
    if open_run.state is OpenState.AT_WORK:
        yield from page.wrapped(f"{told} on {run.host} since {moment(run.started)}", then="  ")
        return
    began = f"; it began on {run.host} at {moment(run.started)}"
    yield from page.wrapped(began, then="  ", lead=told, colour="red")
    if run.error:
        yield from page.wrapped(one_line(run.error), first="  ", then="  ")


def _next(status: DatabaseStatus, page: Page) -> Iterator[str]:
    pending = sum(len(module.pending) for module in status.modules)
    if any(run.state is not OpenState.AT_WORK for run in status.open_runs):
        yield "next:  `migrate recover` explains what is in and how to go on"
    elif any(module.unknown for module in status.modules):
        yield "next:  `migrate check` says what to do about heads that nobody knows"
    elif pending:
        yield from page.wrapped(f"next:  {_next_of_pending(status, pending)}", then="       ")
    else:
        yield page.paint("every revision of this checkout is in", "green")


def _next_of_pending(status: DatabaseStatus, pending: int) -> str:
    it = "it" if pending == 1 else "them"
    if status.holder:
        return "`migrate status --wait 10m` waits for the run at work, `migrate cancel` stops it"
    if any(each.severity is Severity.ERROR for each in status.findings):
        return f"`migrate all-modules` does not apply {it} before what stands above is settled"
    return f"`migrate plan` shows the order of {counted(pending, 'pending revision')}, `migrate all-modules` applies {it}"

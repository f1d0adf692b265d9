"""What a rollback came to, at its end: what is out, what is on hold, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.cli.document import telling, write_json
from coordinator.cli.findings import show_findings
from coordinator.cli.summary import show_rehearsal
from coordinator.cli.terminal import terminal
from coordinator.reports.kept_text import kept_lines
from coordinator.reports.preconditions_text import precondition_lines
from coordinator.reports.rollback_json import rollback_as_json
from coordinator.reports.rollback_text import guarantee_text
from coordinator.reports.wording import counted
from coordinator.workflow.rolling_back.rollback import Outcome

if TYPE_CHECKING:
    from coordinator.cli.terminal import Terminal
    from coordinator.settings.values import Settings
    from coordinator.workflow.rolling_back.rollback import RollbackReport


def show_rollback(
    report: RollbackReport, settings: Settings, *, form: str, verbose: bool, asked: bool
) -> None:
    """Write the summary to standard error, and all of it as JSON to standard output when asked for that."""
    if form == "json":
        with telling(done=report.outcome is Outcome.ROLLED_BACK):
            write_json(rollback_as_json(report), settings)
    out = terminal()
    match report.outcome:
        case Outcome.NOTHING_TO_DO:
            show_findings(report.findings, out, notes=verbose)
            out.wrapped(f"{out.styled('nothing to roll back', 'green')}: {report.why_none}", following="  ")
        case Outcome.WOULD_ROLL_BACK:
            out.line("nothing was touched: --dry-run")
        case Outcome.NOT_CONSENTED:
            why = "as you said" if asked else "there is no terminal to ask on; --yes says that it is wanted"
            out.wrapped(f"nothing was rolled back: {why}", following="  ")
        case Outcome.ROLLED_BACK:
            _show_done(report, out, verbose=verbose)


def _show_done(report: RollbackReport, out: Terminal, *, verbose: bool) -> None:
    assert report.plan is not None
    if report.rehearsal is not None:
        show_rehearsal(report.rehearsal, out)
    show_findings(report.findings, out, notes=verbose)
    steps = report.plan.steps
    out.line(
        f"{out.styled('done', 'green', bold=True)}: {counted(len(steps), 'revision')} taken back"
        f" in {report.seconds:.1f} s (run {report.run})"
    )
    out.wrapped(f"guarantee that held: {guarantee_text(report.plan.guarantee)}", following="  ")
    for line in precondition_lines(report.preconditions):
        out.wrapped(line, following="  ")
    for line in kept_lines(report.kept):
        out.wrapped(line, following="  ")
    names = ", ".join(str(step.key) for step in reversed(steps))
    until = (
        f"`migrate release {steps[0].key}` lets it go"
        if len(steps) == 1
        else "`migrate release` lets them go"
    )
    out.wrapped(f"on hold now: {names}; `migrate all-modules` refuses until {until}", following="  ")
    out.line(f"next:  `migrate history {report.run}` shows the run, `migrate status` what is in")

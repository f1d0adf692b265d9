"""What a run came to, at its end: the guarantee that held, how long it took, what to do next."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from coordinator.cli.document import telling, write_json
from coordinator.cli.findings import show_findings
from coordinator.cli.terminal import Terminal, terminal
from coordinator.model.capture import Direction
from coordinator.planning.holding import longest_holding
from coordinator.reports.forecast_text import forecast_lines
from coordinator.reports.kept_text import kept_lines
from coordinator.reports.page import Page
from coordinator.reports.preconditions_text import precondition_lines
from coordinator.reports.run_json import report_as_json
from coordinator.reports.sameness import sameness_lines
from coordinator.workflow.all_modules import Outcome

if TYPE_CHECKING:
    from coordinator.model.certificate import CertificateFile
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.settings.values import Settings
    from coordinator.workflow.all_modules import Report


def show_report(report: Report, settings: Settings, *, form: str, verbose: bool) -> None:
    """Write the summary to standard error, and as JSON to standard output when asked."""
    if form == "json":
        by = None if report.certificate is None else report.certificate.digest
        with telling(done=report.outcome is not Outcome.WOULD_APPLY):
            write_json({**report_as_json(report), "certificate": by}, settings)
        return
    out = terminal()
    if report.certificate is not None:
        show_certificate(report.certificate, out)
    if report.rehearsal is not None:
        show_rehearsal(report.rehearsal, out)
        _show_holding(report, out)
        _show_forecasts(report, out)
    show_findings(report.findings, out, notes=verbose)
    match report.outcome:
        case Outcome.NOTHING_TO_DO:
            # With a plan it was asked for one module, of which nothing is pending; of others something may be.
            what = "every module is" if report.plan is None else "what was named is"
            out.line(f"{out.styled('nothing to do', 'green')}: {what} at its head")
        case Outcome.WOULD_APPLY:
            assert report.plan is not None
            _show_demands(report, out)
            out.line(f"would apply {_steps(len(report.plan.steps))}; `migrate plan` shows them")
            out.wrapped(f"guarantee: {report.plan.guarantee.value}", following="  ")
        case Outcome.APPLIED:
            assert report.plan is not None
            done = out.styled("done", "green", bold=True)
            out.line(
                f"{done}: {_steps(len(report.plan.steps))} applied in {report.seconds:.1f} s (run {report.run})"
            )
            _show_demands(report, out)
            for line in kept_lines(report.kept):
                out.wrapped(line, following="  ")
            out.wrapped(f"guarantee that held: {report.plan.guarantee.value}", following="  ")
            out.line(f"next:  `migrate history {report.run}` shows the run, `migrate status` what is in")


def show_certificate(file: CertificateFile, out: Terminal) -> None:
    """Which certificate took the place of a rehearsal; what it rehearsed is told after it."""
    made = file.certificate.made
    out.wrapped(
        f"by certificate {file.digest[:12]} of {made:%Y-%m-%d %H:%M} UTC, nothing was rehearsed now",
        following="  ",
    )


def show_rehearsal(rehearsal: Rehearsal, out: Terminal) -> None:
    """Where a plan was rehearsed, and how its steps can be taken back."""
    grades = Counter(step.grade for step in rehearsal.steps)
    told = ", ".join(
        f"{count} {grade.value}" for grade, count in sorted(grades.items(), key=lambda each: each[0].name)
    )
    out.wrapped(f"rehearsed on {rehearsal.where} in {rehearsal.seconds:.1f} s: {told}", following="  ")
    back = (
        "the whole run was taken back and left no trace"
        if rehearsal.reversed_whole
        else "the whole run could not be taken back"
    )
    out.line(f"  {back}")
    for line in sameness_lines(rehearsal.differences):
        out.wrapped(f"  {line}", following="    ")
    show_findings(rehearsal.findings, out)


def _show_holding(report: Report, out: Terminal) -> None:
    """How long readers and writers waited for the longest transaction, by the times of the rehearsal."""
    if report.plan is None or report.rehearsal is None:
        return
    holding = longest_holding(report.plan, report.rehearsal)
    if holding is not None:
        out.wrapped(f"  the longest transaction holds {holding}", following="    ")


def _show_forecasts(report: Report, out: Terminal) -> None:
    """What a traced rehearsal means at the target's sizes."""
    page = Page(width=out.width, paint=out.styled)
    for line in forecast_lines(report.forecasts, page, direction=Direction.UPGRADE, where="the target"):
        out.line(line)


def _show_demands(report: Report, out: Terminal) -> None:
    """Whether the rows met what the plan demands of them; what was not looked at is always told."""
    for number, line in enumerate(precondition_lines(report.preconditions)):
        out.wrapped(f"  {line}" if number else line, following="    ")


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"

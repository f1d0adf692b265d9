"""What `migrate check` found, as people read it and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from coordinator.model.finding import Severity
from coordinator.reports.finding_json import findings_as_json
from coordinator.reports.finding_text import finding_lines
from coordinator.reports.wording import counted

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.reports.page import Page


class CheckReport(Protocol):
    """What was looked at, and the findings in the order in which they are told."""

    @property
    def target(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def modules(self) -> int: ...
    @property
    def revisions(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...


def check_text(report: CheckReport, page: Page) -> str:
    """The findings, and how many there are of each severity."""
    lines: list[str] = []
    for finding in report.findings:
        lines.extend(finding_lines(finding, page))
    looked = f"{counted(report.revisions, 'revision')} of {counted(report.modules, 'module')}"
    lines.extend(
        ([""] if lines else []) + [f"looked at {looked}, {report.pending} pending: {_totals(report, page)}"]
    )
    return "\n".join(lines) + "\n"


def _totals(report: CheckReport, page: Page) -> str:
    counts = {severity: sum(each.severity is severity for each in report.findings) for severity in Severity}
    told = [counted(count, severity.value) for severity, count in counts.items() if count]
    return ", ".join(told) if told else page.paint("nothing is wrong", "green")


def check_as_json(report: CheckReport) -> dict[str, object]:
    """The same for machines."""
    return {
        "target": report.target,
        "environment": report.environment,
        "modules": report.modules,
        "revisions": report.revisions,
        "pending": report.pending,
        "errors": sum(each.severity is Severity.ERROR for each in report.findings),
        "findings": findings_as_json(report.findings),
    }

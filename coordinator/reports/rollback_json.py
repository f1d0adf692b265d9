"""A rollback as JSON: the user's `RollbackAnalysis` and `RollbackDecision`, the plan, and what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from coordinator.reports.run_json import RunReport, report_as_json

if TYPE_CHECKING:
    from coordinator.model.rollback import RollbackAnalysis, RollbackDecision


class RollbackRunReport(RunReport, Protocol):
    """What is told of a rollback besides what is told of any run."""

    @property
    def analysis(self) -> RollbackAnalysis | None: ...
    @property
    def decision(self) -> RollbackDecision | None: ...
    @property
    def why_none(self) -> str: ...


def rollback_as_json(report: RollbackRunReport) -> dict[str, object]:
    """The whole report; no value of a row is in it."""
    return {
        **report_as_json(report),
        "reason": report.why_none or None,
        "analysis": None if report.analysis is None else report.analysis.as_json(),
        "decision": None if report.decision is None else report.decision.as_json(),
    }

"""What `migrate all-modules` came to, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from coordinator.reports.finding_json import findings_as_json
from coordinator.reports.forecast_json import forecasts_as_json, traces_as_json
from coordinator.reports.plan_json import plan_as_json
from coordinator.reports.preconditions_json import preconditions_as_json
from coordinator.reports.sameness import differences_as_json

if TYPE_CHECKING:
    import enum

    from coordinator.model.finding import Finding
    from coordinator.model.forecast import Forecast
    from coordinator.model.locks import SegmentLocks
    from coordinator.model.plan import RunPlan
    from coordinator.model.precondition import PreconditionResult
    from coordinator.model.rehearsal import Rehearsal, RehearsedStep


class RunReport(Protocol):
    """What is told of a run: `outcome` has a word as its value, `run` is its number in the ledger."""

    @property
    def outcome(self) -> enum.Enum: ...
    @property
    def target(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def plan(self) -> RunPlan | None: ...
    @property
    def rehearsal(self) -> Rehearsal | None: ...
    @property
    def run(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def forecasts(self) -> tuple[Forecast, ...]: ...
    @property
    def preconditions(self) -> tuple[PreconditionResult, ...]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...


def report_as_json(report: RunReport) -> dict[str, object]:
    """The report; the target is shown without its password, and no value of a row is in it."""
    return {
        "outcome": report.outcome.value,
        "target": report.target,
        "environment": report.environment,
        "run": report.run,
        "seconds": round(report.seconds, 3),
        "plan": None if report.plan is None else plan_as_json(report.plan),
        "rehearsal": None if report.rehearsal is None else rehearsal_as_json(report.rehearsal),
        "preconditions": preconditions_as_json(report.preconditions),
        **({"forecasts": forecasts_as_json(report.forecasts)} if report.forecasts else {}),
        "findings": findings_as_json(report.findings),
    }


def rehearsal_as_json(rehearsal: Rehearsal) -> dict[str, object]:
    """Where it was rehearsed, and how each step can be taken back."""
    return {
        "where": rehearsal.where,
        "serverVersion": rehearsal.server_version,
        "seconds": round(rehearsal.seconds, 3),
        "reversedWhole": rehearsal.reversed_whole,
        "steps": [_step(each) for each in rehearsal.steps],
        "locks": [_locks(each) for each in rehearsal.locks],
        "differences": differences_as_json(rehearsal.differences),
        "findings": findings_as_json(rehearsal.findings),
        **({"traces": traces_as_json(rehearsal.traces)} if rehearsal.traces else {}),
    }


def _locks(locks: SegmentLocks) -> dict[str, object]:
    return {
        "direction": locks.direction.value,
        "steps": [str(key) for key in locks.steps],
        "tables": [{"table": str(each), "mode": each.mode.value} for each in locks.tables],
    }


def _step(step: RehearsedStep) -> dict[str, object]:
    return {
        "module": step.key.module,
        "revision": step.key.revision,
        "grade": step.grade.value,
        "seconds": round(step.seconds, 3),
        "lost": list(step.lost),
        "atStake": list(step.at_stake),
        "findings": findings_as_json(step.findings),
    }

"""A gate's report as the one JSON document; `docs/schemas/gate-report-1.schema.json` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from coordinator.model.gate import GateOutcome, GateStage, Verdict, stage_outcome
from coordinator.reports.finding_json import findings_as_json, place_as_json
from coordinator.reports.impact.json_ import impact_as_json
from coordinator.reports.plan_text import binding_edges, brief
from coordinator.reports.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.model.forecast import Forecast
    from coordinator.model.gate import GateCheck, GateCommand, GateRehearsal, GateReport, GateStep
    from coordinator.model.plan import Dependency, RunPlan, Step
    from coordinator.model.sameness import Difference
    from coordinator.model.status import PendingRevision

Document: TypeAlias = dict[str, Any]

FORMAT: Final = 1


def gate_as_json(report: GateReport, *, root: str, hide: Callable[[str], str]) -> Document:
    """The document. Files below `root`, the project's folder, are named from there; `hide` is asked about every text."""
    document: Document = {
        "format": FORMAT,
        "program": report.program,
        "verdict": report.verdict.value,
        "exitCode": report.exit_code,
        "summary": summary_of(report),
        "reasons": [_reason(each) for each in report.reasons],
        "environment": report.environment,
        "started": report.started.isoformat(timespec="seconds"),
        "seconds": round(report.seconds, 3),
        "folder": report.folder,
        "settings": report.settings,
        "baseline": None
        if report.baseline is None
        else {
            "kind": report.baseline.kind.value,
            "shown": report.baseline.shown,
            "serverVersion": report.baseline.server_version,
        },
        "staging": None
        if report.staging is None
        else {"shown": report.staging, "serverVersion": report.staging_version},
        "modules": list(report.modules),
        "absentModules": list(report.absent),
        "pending": [_pending(each) for each in report.pending],
        "stages": [_stage(report, each) for each in GateStage],
        "plan": None if report.plan is None else _plan(report.plan),
        "rehearsals": [_rehearsal(each) for each in report.rehearsals],
        "impacts": [impact_as_json(each) for each in report.impacts],
        "forecasts": [_forecast(each) for each in report.forecasts],
        "differences": [_difference(each) for each in report.differences],
        "certificate": report.certificate,
    }
    folder = f"{root.rstrip('/')}/"
    shown: Document = _shown(document, lambda text: hide(text if folder == "/" else text.replace(folder, "")))
    return shown


def summary_of(report: GateReport) -> str:
    """The verdict as one sentence."""
    if not report.pending and report.baseline is not None:
        what = "nothing is pending"
    else:
        modules = dict.fromkeys(each.key.module for each in report.pending)
        what = f"{counted(len(report.pending), 'pending revision')} of {counted(len(modules), 'module')}"
    match report.verdict:
        case Verdict.APPROVED:
            return f"approved: {what}, and every check that could look has passed"
        case Verdict.BLOCKED:
            return f"blocked: {counted(len(report.reasons), 'check')} failed ({what})"
        case Verdict.UNAVAILABLE:
            return "unavailable: something that is needed could not be reached; nothing was judged for good, try again"


def _reason(check: GateCheck) -> Document:
    return {"stage": check.stage.value, "check": check.name, "why": check.told}


def _pending(each: PendingRevision) -> Document:
    return {
        "module": each.key.module,
        "revision": each.key.revision,
        "message": each.message,
        "place": place_as_json(each.place),
    }


def _stage(report: GateReport, stage: GateStage) -> Document:
    checks = report.of_stage(stage)
    return {
        "name": stage.value,
        "outcome": stage_outcome(checks).value,
        "seconds": round(sum(each.seconds for each in checks), 3),
        "checks": [_check(each) for each in checks],
    }


def _check(check: GateCheck) -> Document:
    return {
        "name": check.name,
        "title": check.title,
        "outcome": check.outcome.value,
        "told": check.told,
        "seconds": round(check.seconds, 3),
        "findings": findings_as_json(check.findings),
        "command": None if check.command is None else _command(check.command),
    }


def _command(command: GateCommand) -> Document:
    return {
        "text": command.text,
        "exitCode": command.exit_code,
        "limit": command.limit,
        "output": command.output,
        "cut": command.cut,
    }


def _plan(plan: RunPlan) -> Document:
    binding = binding_edges(plan)
    return {
        "digest": plan.digest,
        "guarantee": plan.guarantee.value,
        "transactions": len(plan.segments),
        "steps": [
            _step(step, binding[step.key], segment.position, transactional=segment.transactional)
            for segment in plan.segments
            for step in segment.steps
        ],
    }


def _step(step: Step, edges: tuple[Dependency, ...], transaction: int, *, transactional: bool) -> Document:
    """One step; `after` are the steps of other modules that hold it where it is."""
    return {
        "position": step.position,
        "transaction": transaction,
        "transactional": transactional,
        "module": step.key.module,
        "revision": step.key.revision,
        "message": step.message,
        "place": place_as_json(step.place),
        "changes": [
            {"type": each.type.value, "description": each.description, "losesData": each.loses_data}
            for each in step.changes
        ],
        "after": [
            {
                "module": edge.before.module,
                "revision": edge.before.revision,
                "reason": edge.reason.value,
                "why": brief(edge),
            }
            for edge in edges
        ],
        "irreversible": step.irreversible,
    }


def _rehearsal(rehearsal: GateRehearsal) -> Document:
    return {
        "start": rehearsal.start,
        "where": rehearsal.where,
        "seconds": round(rehearsal.seconds, 3),
        "reversedWhole": rehearsal.reversed_whole,
        "steps": [_rehearsed(each) for each in rehearsal.steps],
    }


def _rehearsed(step: GateStep) -> Document:
    return {
        "module": step.key.module,
        "revision": step.key.revision,
        "outcome": step.outcome.value,
        "grade": None if step.grade is None or step.outcome is not GateOutcome.PASSED else step.grade.value,
        "seconds": round(step.seconds, 3),
        "told": step.told,
        "findings": findings_as_json(step.findings),
    }


def _forecast(each: Forecast) -> Document:
    return {
        "module": each.key.module,
        "revision": each.key.revision,
        "line": each.line or None,
        "table": f"{each.schema}.{each.table}",
        "owner": each.module,
        "lock": each.mode.value,
        "works": [work.value for work in each.works],
        "named": each.named,
        "blocks": each.blocks.value,
        "rows": None if each.size is None or each.size.rows < 0 else each.size.rows,
        "bytes": None if each.size is None else each.size.bytes,
        "estimate": None
        if each.estimate is None
        else {"seconds": round(each.estimate.seconds, 3), "basis": each.estimate.basis},
        "told": each.sentence,
    }


def _difference(each: Difference) -> Document:
    return {
        "what": each.what,
        "here": each.here,
        "there": each.there,
        "grade": each.grade.value,
        "why": each.why,
    }


def _shown(value: Any, change: Callable[[str], str]) -> Any:
    """The same value with every text of it changed so; keys are ours."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _shown(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each, change) for each in value]
    return value

"""An incident as the document that the ledger keeps and `migrate history RUN --report --format json` prints."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from coordinator.model.incident import COLLECTED, RETENTION_DAYS, STEPS
from coordinator.reports.incident_advice import lessons, next_steps, outcome, prevention

if TYPE_CHECKING:
    from coordinator.model.incident import Activity, Cause, Incident, Notice, TakenBack

FORM = 1
FIELDS = (
    "form",
    "incident_id",
    "run",
    "kind",
    "environment",
    "host",
    "program",
    "start_time",
    "end_time",
    "category",
    "severity",
    "technical_summary",
    "causes",
    "running",
    "rollback",
    "sessions",
    "locks",
    "server",
    "not_seen",
    "notices",
    "kept",
    "next_steps",
    "lessons_learned",
    "prevention_actions",
    "data_collection",
)


def incident_document(incident: Incident) -> dict[str, Any]:
    """The document; docs/incident-report.md describes every field."""
    modules = list(incident.affected)
    return {
        "form": FORM,
        "incident_id": incident.id,
        "run": incident.run,
        "kind": incident.kind,
        "environment": incident.environment,
        "host": incident.host,
        "program": incident.program,
        "start_time": incident.began.isoformat(),
        "end_time": _moment(incident.ended),
        "category": incident.category.value,
        "severity": incident.severity.value,
        "technical_summary": {
            "root_cause": incident.causes[0].message,
            "affected_modules": modules,
            "rollback_scope": _scope(incident),
            "recovery_time": _seconds(incident.began, incident.ended),
        },
        "causes": [_cause(each) for each in incident.causes],
        "running": {
            "phase": incident.phase,
            "guarantee": incident.guarantee,
            "rehearsal": incident.rehearsal,
            "waiting": [str(each) for each in incident.waiting],
        },
        "rollback": _rollback(incident),
        "notices": [_notice(each) for each in incident.notices],
        **_activity(incident.activity),
        "kept": [],
        "next_steps": list(next_steps(incident)),
        "lessons_learned": list(lessons(incident)),
        "prevention_actions": list(prevention(incident)),
        "data_collection": _collection(incident, modules),
    }


def in_order(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its fields in the order of this page; the ledger does not keep one."""
    known = {name: document[name] for name in FIELDS if name in document}
    return {**known, **document}


def settled_document(document: dict[str, Any], incident: Incident, *, by: str) -> dict[str, Any]:
    """The document of an incident that a later command has settled: its end, its outcome and what to do now.

    `by` says how it was settled; empty: it is not yet.
    """
    told = {**document["technical_summary"]}
    told["rollback_scope"] = _scope(incident)
    told["recovery_time"] = _seconds(incident.began, incident.ended)
    return {
        **document,
        "end_time": _moment(incident.ended),
        "severity": incident.severity.value,
        "technical_summary": told,
        "rollback": {**_rollback(incident), **({"settled_by": by} if by else {})},
        "next_steps": list(next_steps(incident)),
    }


def without_expired(document: dict[str, Any], now: datetime) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The document without what has been kept for long enough, and the names of what was taken out."""
    gone = tuple(
        str(each["name"])
        for each in document["data_collection"]["dataCategories"]
        if not each["deleted"] and datetime.fromisoformat(each["until"]) <= now
    )
    if not gone:
        return document, ()
    kept = {**document, **{name: [] for part in gone for name in _PARTS.get(part, ())}}
    if "cause" in gone:
        kept["causes"] = [{**each, "statement": "", "frames": []} for each in document["causes"]]
    if "steps" in gone:
        kept["rollback"] = {**document["rollback"], "steps": []}
    kept["data_collection"] = {
        **document["data_collection"],
        "dataCategories": [
            {**each, "deleted": each["deleted"] or each["name"] in gone}
            for each in document["data_collection"]["dataCategories"]
        ],
    }
    return kept, gone


_GONE = ("rolled back", "reversed")
# What a data category is called -> the document's parts that hold it.
_PARTS = {
    "notices": ("notices",),
    "sessions": ("sessions",),
    "locks": ("locks",),
    "server": ("server",),
}


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "message": cause.message,
        "sqlstate": cause.sqlstate,
        "step": None if cause.step is None else str(cause.step),
        "direction": None if cause.direction is None else cause.direction.value,
        "part": cause.part,
        "file": cause.file,
        "line": cause.line,
        "statement": cause.statement,
        "frames": list(cause.frames),
    }


def _scope(incident: Incident) -> list[str]:
    return list(dict.fromkeys(str(each.step) for each in incident.steps if each.how in _GONE))


def _rollback(incident: Incident) -> dict[str, Any]:
    return {
        "status": incident.status.value,
        "outcome": outcome(incident),
        "steps": [_step(each) for each in STEPS.latest(incident.steps)[0]],
        "still_in": list(incident.still_in),
    }


def _step(step: TakenBack) -> dict[str, Any]:
    return {
        "step": str(step.step),
        "direction": step.direction.value,
        "status": step.how,
        "seconds": round(step.seconds, 3),
    }


def _notice(notice: Notice) -> dict[str, Any]:
    return {
        "step": notice.step,
        "severity": notice.severity,
        "sqlstate": notice.sqlstate,
        "message": notice.message,
    }


def _activity(activity: Activity) -> dict[str, Any]:
    return {
        "sessions": [
            {
                "pid": each.pid,
                "role": each.role,
                "application": each.application,
                "state": each.state,
                "waits_for": each.waits_for,
                "transaction_seconds": each.transaction_seconds,
                "state_seconds": each.state_seconds,
                "blocks_the_run": each.blocks_us,
                "ours": each.ours,
                "query": each.query,
            }
            for each in activity.sessions
        ],
        "locks": [
            {
                "pid": each.pid,
                "table": each.table,
                "mode": each.mode,
                "granted": each.granted,
                "ours": each.ours,
            }
            for each in activity.locks
        ],
        "server": [{"name": name, "value": value} for name, value in activity.server],
        "not_seen": activity.not_seen,
    }


def _collection(incident: Incident, modules: list[str]) -> dict[str, Any]:
    left_out = {**dict(incident.activity.left_out), STEPS.name: STEPS.latest(incident.steps)[1]}
    return {
        "errorType": incident.category.value,
        "severity": incident.severity.value,
        "affectedModules": modules,
        "dataCategories": [
            {
                "name": each.name,
                "priority": each.priority,
                "storageLimit": each.limit,
                "collectionRule": each.rule,
                "retentionPeriod": each.days,
                "until": (incident.began + timedelta(days=each.days)).isoformat(),
                "leftOut": left_out.get(each.name, 0),
                "deleted": False,
            }
            for each in COLLECTED[incident.category]
        ],
        "retentionPeriod": RETENTION_DAYS,
    }


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()


def _seconds(began: datetime, ended: datetime | None) -> float | None:
    return None if ended is None else round((ended - began).total_seconds(), 3)

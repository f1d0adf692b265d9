"""An impact report as JSON; the user's `DatabaseChange` has its own field names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.impact import ChangeImpact, Consumer, ImpactReport


def impact_as_json(report: ImpactReport) -> dict[str, object]:
    """The whole report."""
    return {
        "module": report.module,
        "since": report.since,
        "baseline": report.baseline,
        "verdict": report.verdict.value,
        "revisions": [str(each) for each in report.revisions],
        "affectedModules": list(report.affected_modules),
        "changes": [_change(each) for each in report.changes],
        "shipFirst": [
            {
                "revision": str(each.revision),
                "why": each.why,
                "place": str(each.place) if each.place else None,
                "direct": each.direct,
            }
            for each in report.ship_first
        ],
        "owners": [
            {
                "module": each.module,
                "owner": each.owner,
                "codeOwners": list(each.code_owners),
                "breaks": each.breaks,
                "degrades": each.degrades,
            }
            for each in report.owners
        ],
        "wayOut": [
            {
                "change": way.change,
                "steps": [
                    {
                        "stage": step.stage.value,
                        "module": step.module,
                        "what": step.what,
                        "code": step.code or None,
                        "places": list(step.places),
                    }
                    for step in way.steps
                ],
            }
            for way in report.way_out
        ],
        "notKnown": list(report.not_known),
        "notes": list(report.notes),
    }


def _change(impact: ChangeImpact) -> dict[str, object]:
    return {
        "revision": str(impact.revision),
        "place": str(impact.place),
        "verdict": impact.verdict.value,
        "change": impact.change.as_json(),
        "consumers": [_consumer(each) for each in impact.consumers],
    }


def _consumer(consumer: Consumer) -> dict[str, object]:
    found: dict[str, object] = {
        "kind": consumer.kind.value,
        "name": consumer.name,
        "module": consumer.module,
        "place": consumer.place,
        "uses": consumer.uses,
        "verdict": consumer.verdict.value,
        "why": consumer.why,
        "evidence": consumer.evidence.value,
    }
    if consumer.through is not None:
        found["through"] = consumer.through
    if consumer.calls is not None:
        found |= {"calls": consumer.calls, "role": consumer.role}
    return found

"""A plan as JSON: the ordered run, and each module's part of it with the user's field names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.reports.at_stake import NO_STAKES, stakes_as_json
from coordinator.reports.finding_json import findings_as_json, place_as_json
from coordinator.reports.preconditions_json import preconditions_as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.finding import Finding
    from coordinator.model.plan import Dependency, MigrationPlan, RunPlan, Segment, Step
    from coordinator.model.precondition import PreconditionResult
    from coordinator.reports.at_stake import Stakes


def plans_as_json(
    plans: Sequence[RunPlan],
    findings: Sequence[Finding],
    *,
    target: str,
    environment: str,
    pending: int,
    stakes: Stakes = NO_STAKES,
    preconditions: Sequence[PreconditionResult] = (),
) -> dict[str, object]:
    """What `migrate plan` found: the likeliest plan whole, of the other orders only the steps.

    `plan` is null when nothing is `pending`, and when what is pending cannot be planned. `destroys` is what the
    plan's steps destroy of what the target holds, `preconditions` what they demand of its rows.
    """
    return {
        "target": target,
        "environment": environment,
        "pending": pending,
        "plan": plan_as_json(plans[0]) if plans else None,
        "destroys": stakes_as_json(stakes),
        "preconditions": preconditions_as_json(preconditions),
        "otherOrders": [[str(step.key) for step in each.steps] for each in plans[1:]],
        "findings": findings_as_json(findings),
    }


def plan_as_json(plan: RunPlan) -> dict[str, object]:
    """The whole plan: `segments` in order with their `steps`, `modules` as MigrationPlan objects."""
    return {
        "digest": plan.digest,
        "direction": plan.direction.value,
        "atomicity": plan.atomicity.value,
        "guarantee": plan.guarantee.value,
        "segments": [_segment(each) for each in plan.segments],
        "modules": [module_plan_as_json(each) for each in plan.modules],
        "findings": findings_as_json(plan.findings),
    }


def module_plan_as_json(part: MigrationPlan) -> dict[str, object]:
    """One module's part: exactly the five fields of the user's MigrationPlan."""
    return {
        "module": part.module,
        "changes": [each.as_json() for each in part.changes],
        "affectedModules": list(part.affected_modules),
        "dependencies": list(part.dependencies),
        "rollbackScript": part.rollback_script,
    }


def dependency_as_json(edge: Dependency) -> dict[str, object]:
    """One edge: `before` goes first."""
    return {
        "before": str(edge.before),
        "after": str(edge.after),
        "reason": edge.reason.value,
        "why": edge.why,
        "place": place_as_json(edge.place),
    }


def step_as_json(step: Step) -> dict[str, object]:
    """One step at its place."""
    return {
        "position": step.position,
        "module": step.key.module,
        "revision": step.key.revision,
        "direction": step.direction.value,
        "message": step.message,
        "place": place_as_json(step.place),
        "transactional": step.transactional,
        "because": [dependency_as_json(each) for each in step.because],
        "changes": [each.as_json() for each in step.changes],
        "touches": list(step.touches),
        "deletesRows": step.deletes_rows,
        "irreversible": step.irreversible,
    }


def _segment(segment: Segment) -> dict[str, object]:
    return {
        "position": segment.position,
        "transactional": segment.transactional,
        "steps": [step_as_json(each) for each in segment.steps],
    }

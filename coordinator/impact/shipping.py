"""Which revisions of other modules must be in first, by the edges of the plan. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.impact import ShipFirst

if TYPE_CHECKING:
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency, RunPlan


def ship_first(plan: RunPlan, branch: frozenset[RevisionKey]) -> tuple[ShipFirst, ...]:
    """The pending revisions of other modules that those of the branch wait for, in the order of the plan."""
    module = {key.module for key in branch}
    because = {step.key: step.because for step in plan.steps}
    reasons: dict[RevisionKey, Dependency] = {}
    waiting, seen = list(branch), set(branch)
    while waiting:
        for edge in because.get(waiting.pop(), ()):
            reasons.setdefault(edge.before, edge)
            if edge.before not in seen:
                seen.add(edge.before)
                waiting.append(edge.before)
    direct = {
        edge.before: edge
        for key in sorted(branch)
        for edge in because.get(key, ())
        if edge.before not in branch
    }
    return tuple(
        ShipFirst(
            revision=step.key,
            why=(direct.get(step.key) or reasons[step.key]).why,
            place=(direct.get(step.key) or reasons[step.key]).place,
            direct=step.key in direct,
        )
        for step in plan.steps
        if step.key in reasons and step.key not in branch and step.key.module not in module
    )

"""What a rehearsal decided where the trees alone left several orders. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.model.plan import Reason, RunPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.plan import Dependency, Step


def found_by_rehearsal(chosen: RunPlan, candidates: Sequence[RunPlan]) -> RunPlan:
    """The plan that ran, its deciding edges marked: those that not every candidate has.

    With one candidate there was nothing to decide, and the plan comes back as it is.
    """
    if len(candidates) < 2:
        return chosen
    common = set.intersection(
        *({edge for step in each.steps for edge in step.because} for each in candidates)
    )
    segments = tuple(
        replace(segment, steps=tuple(_marked(step, common) for step in segment.steps))
        for segment in chosen.segments
    )
    place = candidates.index(chosen) + 1
    note = Finding(
        rule="found-by-rehearsal",
        severity=Severity.NOTE,
        message=f"{len(candidates)} orders were possible; number {place} is the first that ran in rehearsal",
        help="say what is meant with `requires`, and no rehearsal has to find it",
    )
    return replace(chosen, segments=segments, findings=(*chosen.findings, note))


def _marked(step: Step, common: set[Dependency]) -> Step:
    because = tuple(
        each if each in common else replace(each, reason=Reason.REHEARSED) for each in step.because
    )
    return replace(step, because=because)

"""The preflight checks over all modules, before anything is touched."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts
from coordinator.checks.preflight.registry import run_preflight

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.state import TargetState


def preflight(
    project: Project,
    state: TargetState,
    captured: Captured | None,
    *,
    steps: frozenset[RevisionKey] | None = None,
    gate: bool = False,
    changed: frozenset[str] | None = None,
) -> tuple[Finding, ...]:
    """What the preflight checks say; without captures those that look at what revisions send stay silent.

    `steps` are the pending revisions that the run is about; None: all of them. `gate`: a pull request is judged;
    `changed` are the modules that it touches, None: all of them.
    """
    facts = preflight_facts(project, state, captured, steps=steps, gate=gate)
    return run_preflight(replace(facts, changed=changed))


def preflight_facts(
    project: Project,
    state: TargetState,
    captured: Captured | None,
    *,
    steps: frozenset[RevisionKey] | None = None,
    gate: bool = False,
) -> PreflightFacts:
    """All that the preflight checks look at."""
    return PreflightFacts(
        trees=project.trees,
        today=datetime.datetime.now(datetime.UTC).date(),
        heads=state.heads,
        applied=state.recorded,
        captures=() if captured is None else captured.pending(state.pending(project)),
        widths=state.widths,
        accepted=frozenset((each.key, each.digest) for each in state.acceptances),
        effects={} if captured is None else captured.effects,
        steps=steps,
        gate=gate,
    )

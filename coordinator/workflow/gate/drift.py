"""What is in where the pending revisions start from, compared with what the applied revisions make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.baseline import BaselineKind
from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.drift import find_drift
from coordinator.workflow.gate.interface import Check, Said, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.effect import Effect
    from coordinator.workflow.gate.bench import Bench


def _compare(bench: Bench) -> Said:
    if bench.baseline.kind is BaselineKind.REPLAY:
        return skipped("the baseline is a replay itself")
    if not any(bench.state.applied.values()):
        return skipped("nothing is applied yet")
    findings = find_drift(
        bench.settings,
        bench.project,
        bench.state,
        bench.baseline,
        staging=bench.floor.staging,
        tell=bench.tell,
        touched=_touched(bench),
    )
    told = counted(len(findings), "finding") if findings else "as the applied revisions make it"
    return Said(told=told, findings=findings)


def _touched(bench: Bench) -> frozenset[tuple[str, str]]:
    """Schema and name of everything that a pending revision changes, uses or holds."""

    def names(effect: Effect) -> Iterator[tuple[str, str]]:
        for each in (effect.object, effect.to, effect.holder, *effect.alternatives):
            if each is not None:
                yield each.schema, each.name

    return frozenset(
        name
        for key in bench.pending
        for effect in bench.captured.effects[key].effects
        for name in names(effect)
    )


DRIFT = Check(
    name="drift",
    stage=GateStage.SETUP,
    title="what is there is what the applied revisions make",
    run=_compare,
    needs=("capture", "staging"),
)

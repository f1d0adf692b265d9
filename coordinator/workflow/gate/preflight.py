"""The preflight checks, as a pull request is judged by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.gate.branch import changed_modules
from coordinator.workflow.gate.interface import Check, Said
from coordinator.workflow.preflight import preflight

if TYPE_CHECKING:
    from coordinator.workflow.gate.bench import Bench


def _look(bench: Bench) -> Said:
    changed = changed_modules(bench)
    findings = preflight(bench.project, bench.state, bench.captured, gate=True, changed=changed)
    told = counted(len(findings), "finding") if findings else "nothing was found"
    return Said(told=told, findings=findings)


PREFLIGHT = Check(
    name="preflight",
    stage=GateStage.SETUP,
    title="what is wrong with the revisions before any of them runs",
    run=_look,
    needs=("capture",),
)

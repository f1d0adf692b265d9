"""The lint of the pending revisions, of which a waiver that is over blocks only those who touch its module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.gate.branch import changed_modules
from coordinator.workflow.gate.interface import Check, Said, skipped
from coordinator.workflow.lint import lint_pending
from coordinator.workflow.map_view import read_map_view

if TYPE_CHECKING:
    from coordinator.workflow.gate.bench import Bench


def _lint(bench: Bench) -> Said:
    if not bench.pending:
        return skipped("nothing is pending")
    findings = lint_pending(
        bench.settings,
        bench.project,
        bench.state,
        bench.captured,
        read_map_view(bench.settings),
        uses=bench.baseline.uses(),
        sizes=bench.baseline.sizes(),
        changed=changed_modules(bench),
    )
    told = counted(len(findings), "finding") if findings else "nothing was found"
    return Said(told=told, findings=findings)


LINT = Check(
    name="lint",
    stage=GateStage.SETUP,
    title="the pending revisions' SQL by squawk's rules, and by those that need modules",
    run=_lint,
    needs=("capture",),
)

"""Where the pending revisions start from: open it, and see what is in there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.baseline.open import open_file_or_target
from coordinator.workflow.gate.interface import Check, Said

if TYPE_CHECKING:
    from coordinator.workflow.gate.bench import Bench


def _open(bench: Bench) -> Said:
    baseline = bench.stack.enter_context(
        open_file_or_target(bench.settings, bench.request.snapshot, bench.tell)
    )
    bench.opened(baseline, baseline.state(bench.project))
    major = baseline.server_version // 10000
    pending = counted(len(bench.pending), "pending revision") if bench.pending else "nothing is pending"
    return Said(told=f"{baseline.shown}, PostgreSQL {major}: {pending}")


BASELINE = Check(
    name="baseline",
    stage=GateStage.SETUP,
    title="what the pending revisions start from",
    run=_open,
    needs=("revisions",),
)

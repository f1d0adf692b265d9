"""Where the pending revisions start from: open it, and see what is in there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import SettingsError
from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.repository.git import merge_base
from coordinator.settings.values import NoTarget
from coordinator.workflow.baseline.open import names_a_target, open_baseline
from coordinator.workflow.baseline.snapshot import SnapshotBaseline, incomplete
from coordinator.workflow.gate.interface import Check, Said
from coordinator.workflow.gate.staging import gate_staging

if TYPE_CHECKING:
    from coordinator.settings.values import Settings
    from coordinator.workflow.gate.bench import Bench

_SHOWN_ID = 12  # characters of a commit's id: enough to name it, and short enough to read


def _open(bench: Bench) -> Said:
    request = bench.request
    since = None
    if request.since is not None:
        since = merge_base(bench.settings.root, request.since, request.environment)[:_SHOWN_ID]
    elif request.snapshot is None and not names_a_target(bench.settings):
        raise _no_baseline(bench.settings)
    baseline = bench.stack.enter_context(
        open_baseline(
            bench.settings,
            bench.tell,
            snapshot=request.snapshot,
            since=since,
            replay=since is not None,
            staging=gate_staging(bench.settings),
        )
    )
    bench.opened(baseline, baseline.state(bench.project))
    major = baseline.server_version // 10000
    pending = counted(len(bench.pending), "pending revision") if bench.pending else "nothing is pending"
    missing = incomplete(baseline.snapshot) if isinstance(baseline, SnapshotBaseline) else ()
    return Said(told=f"{baseline.shown}, PostgreSQL {major}: {pending}", findings=missing)


def _no_baseline(settings: Settings) -> SettingsError:
    """Nothing is taken in silence: a gate that starts from nothing by mistake would judge something else."""
    assert isinstance(settings.chosen_target, NoTarget), "else there is a target"
    return SettingsError(
        f"Nothing says where the pending revisions start from. {settings.chosen_target.message}",
        help="Name a snapshot (--baseline FILE), a git ref whose revisions are in (--since origin/main), or a target:"
        f" {settings.chosen_target.help}",
    )


BASELINE = Check(
    name="baseline",
    stage=GateStage.SETUP,
    title="what the pending revisions start from",
    run=_open,
    needs=("revisions",),
)

"""The pending revisions have an order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.finding import Severity
from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.gate.interface import Check, Said, skipped
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.planned import make_plans
from coordinator.workflow.refusals import held_findings

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.workflow.gate.bench import Bench


def _order(bench: Bench) -> Said:
    if not bench.pending:
        return skipped("nothing is pending")
    read_map(bench)
    plans = make_plans(
        bench.project,
        bench.state,
        bench.captured,
        bench.map_view,
        atomicity=bench.settings.atomic,
        lasting=bench.baseline.lasting(),
    )
    bench.planned(plans)
    others = f"; {len(plans)} orders are possible, the rehearsal decides" if len(plans) > 1 else ""
    told = (
        f"{counted(len(plans[0].steps), 'step')} in {counted(len(plans[0].segments), 'transaction')}{others}"
    )
    return Said(told=told, findings=(*plans[0].findings, *_held(bench)))


def read_map(bench: Bench) -> None:
    """From here on plans take from the map what it says, and the project knows it, and who is absent."""
    map_view = read_map_view(bench.settings)
    bench.mapped(map_view)
    bench.known_project = replace(
        bench.project, map_references=map_view.references, absent=bench.state.absent.modules
    )


def _held(bench: Bench) -> tuple[Finding, ...]:
    """What a deploy would refuse until somebody releases it; no fault of what is judged here."""
    held = held_findings(bench.state, bench.pending)
    return tuple(replace(each, severity=Severity.WARNING) for each in held)


ORDER = Check(
    name="order",
    stage=GateStage.MIGRATE,
    title="the pending revisions have a safe order",
    run=_order,
    needs=("capture",),
)

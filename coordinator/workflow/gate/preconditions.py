"""What the pending steps demand of rows, asked of the rows that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.gate import GateStage
from coordinator.model.precondition import PreconditionOutcome
from coordinator.reports.wording import counted
from coordinator.workflow.baseline.target import TargetBaseline
from coordinator.workflow.gate.interface import Check, Said, skipped
from coordinator.workflow.preconditions import looked_at_rows
from coordinator.workflow.reading import reader

if TYPE_CHECKING:
    from coordinator.workflow.gate.bench import Bench


def _ask(bench: Bench) -> Said:
    baseline = bench.baseline
    if not bench.pending:
        return skipped("nothing is pending")
    if not isinstance(baseline, TargetBaseline):
        return skipped(
            f"{baseline.shown} has no rows to ask: the deploy asks them before it applies anything"
        )
    with reader(baseline.target, "gate") as session:
        checked = looked_at_rows(
            session,
            bench.plans,
            bench.captured,
            bench.project,
            bench.settings.check_budget,
            tell=bench.tell,
        )
    asked = sum(each.outcome is not PreconditionOutcome.NOT_CHECKED for each in checked.results)
    rest = len(checked.results) - asked
    told = f"{counted(asked, 'demand')} asked" + (f", {rest} not" if rest else "")
    return Said(
        told=told if checked.results else "nothing demands anything of rows", findings=checked.findings
    )


PRECONDITIONS = Check(
    name="preconditions",
    stage=GateStage.MIGRATE,
    title="the rows that are there meet what the pending steps demand",
    run=_ask,
    needs=("order",),
)

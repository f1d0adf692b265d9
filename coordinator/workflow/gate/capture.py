"""What the pending revisions do, found by running them with nobody behind the pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.execution.events import Working
from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.gate.interface import Check, Said
from coordinator.workflow.gate.request import FromEmpty
from coordinator.workflow.planned import capture_all

if TYPE_CHECKING:
    from coordinator.model.names import RevisionKey
    from coordinator.workflow.gate.bench import Bench


def _capture(bench: Bench) -> Said:
    bench.tell(Working(what="reading what the revisions do"))
    bench.read(
        capture_all(
            bench.project,
            bench.pending,
            bench.workers,
            bench.state.server_version,
            noted=_also(bench),
        )
    )
    changes = sum(len(bench.captured.effects[key].changes) for key in bench.pending)
    told = counted(changes, "change") if bench.pending else "nothing is pending"
    return Said(told=told, findings=bench.captured.findings)


def _also(bench: Bench) -> tuple[RevisionKey, ...]:
    """Whose way back is wanted though they are in: of all of them, when all are run from empty and taken back."""
    if bench.request.from_empty is not FromEmpty.ALL:
        return ()
    waiting = frozenset(bench.pending)
    return tuple(
        each.key for tree in bench.project.trees for each in tree.revisions if each.key not in waiting
    )


CAPTURE = Check(
    name="capture",
    stage=GateStage.SETUP,
    title="what the pending revisions do",
    run=_capture,
    needs=("baseline",),
)

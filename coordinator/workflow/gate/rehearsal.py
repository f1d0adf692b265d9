"""The rehearsal from the baseline: each pending step up, down and up again, then the whole run backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.gate.building import note_built, starts_empty
from coordinator.workflow.gate.interface import Check, Said, skipped
from coordinator.workflow.gate.reversal import of_way_back
from coordinator.workflow.gate.watching import Watching
from coordinator.workflow.rehearse import rehearse_on

if TYPE_CHECKING:
    from coordinator.workflow.gate.bench import Bench


def rehearsal(prepared: tuple[str, ...]) -> Check:
    """The check; `prepared` are the commands that must have passed before."""
    return Check(
        name="rehearsal",
        stage=GateStage.MIGRATE,
        title="every pending step runs, from where the target is",
        run=_rehearse,
        needs=("order", "staging", *prepared),
    )


def _rehearse(bench: Bench) -> Said:
    if not bench.pending:
        return skipped("nothing is pending")
    watching = Watching(bench.tell, bench.project)
    found = None
    try:
        found = rehearse_on(
            bench.floor.session_on_copy,
            bench.plans,
            where=bench.floor.staging.label,
            facts=bench.floor.facts,
            settings=bench.settings,
            project=bench.project,
            captured=bench.captured,
            workers=bench.workers,
            tell=watching,
            trace=True,
            at_top=lambda session: note_built(bench, session) if starts_empty(bench) else None,
        )
    finally:
        if watching.began:
            done = None if found is None else found.rehearsal
            bench.rehearsals.append(watching.seen("baseline", done))
    bench.plan, bench.rehearsed = found.plan, found
    steps = counted(len(found.plan.steps), "step")
    found_there = (each for step in found.rehearsal.steps for each in step.findings)
    findings = tuple(each for each in found_there if not of_way_back((each,)))  # these are the next check's
    return Said(told=f"{steps} on {found.rehearsal.where}", findings=(*findings, *found.plan.findings))

"""A staging database in which everything pending is in, for the user's commands and the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.execution.events import Working
from coordinator.execution.replay import Replayer
from coordinator.execution.step import StepRunner
from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.gate.interface import Check, Said
from coordinator.workflow.integrity import integrity_checks

if TYPE_CHECKING:
    from coordinator.workflow.gate.bench import Bench


def migrated(prepared: tuple[str, ...]) -> Check:
    """The check; `prepared` are the commands that must have passed before."""
    return Check(
        name="migrated",
        stage=GateStage.MIGRATE,
        title="a staging database with everything pending in it",
        run=_migrate,
        needs=("rehearsal", "staging", *prepared),
    )


def _migrate(bench: Bench) -> Said:
    url = bench.stack.enter_context(bench.floor.copy())
    if bench.plan is None:
        bench.migrated = url
        return Said(told="as the baseline is: nothing is pending")
    bench.tell(Working(what="applying everything pending to a staging database"))
    with bench.floor.session(url) as session:
        checks = integrity_checks(bench.project)
        try:
            Replayer(
                runner=StepRunner(session, bench.workers, bench.project, checks, bench.plan),
                project=bench.project,
                lock_wait=bench.settings.lock_wait,
            ).replay(bench.plan)
        finally:
            bench.workers.forget_all()
    bench.migrated = url
    return Said(told=f"{counted(len(bench.plan.steps), 'step')} applied")

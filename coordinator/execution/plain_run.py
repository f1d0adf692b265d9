"""Applies a plan to a throw-away database for good: steps and version rows, without ledger, lock or way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.events import Listener, Phase, PhaseStarted, StepFailed, StepFinished, StepStarted
from coordinator.execution.failure import StepFailedError
from coordinator.execution.transaction import Transaction
from coordinator.execution.versions import prepare_module, read_heads, write_heads
from coordinator.planning.heads import heads_after

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.execution.step import StepRunner
    from coordinator.model.catalog import Catalog
    from coordinator.model.plan import RunPlan, Segment, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRun:
    """Runs the plan's own segments on the session of its runner."""

    runner: StepRunner
    project: Project
    tell: Listener
    where: str
    lock_wait: float

    def apply(self, plan: RunPlan) -> None:
        """Run and commit every segment. Raises StepFailedError; the segments before the failed one stay in."""
        self.tell(PhaseStarted(phase=Phase.APPLY, plan=plan, where=self.where))
        for segment in plan.segments:
            self._segment(segment)

    def _segment(self, segment: Segment) -> None:
        transaction = Transaction(self.runner.session, lock_wait=self.lock_wait)
        transaction.begin()
        try:
            catalog = self.runner.catalog()
            for step in segment.steps:
                catalog = self._step(step, transaction, catalog)
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise

    def _step(self, step: Step, transaction: Transaction, before: Catalog) -> Catalog:
        session, module = self.runner.session, self.project.module(step.key.module)
        tree = self.project.tree(module.name)
        self.tell(StepStarted(phase=Phase.APPLY, step=step))
        if prepare_module(session, module):
            before = self.runner.catalog()
        try:
            result = self.runner.run(step, transaction, before, token=f"plain {step.key}")
        except StepFailedError as error:
            self.tell(StepFailed(phase=Phase.APPLY, failure=error.failure))
            raise
        heads = (read_heads(session, module) or frozenset()) & tree.ids
        after = heads_after(tree, heads, self.project.revision(step.key), step.direction)
        write_heads(session, module, heads, after)
        self.tell(
            StepFinished(phase=Phase.APPLY, step=step, seconds=result.seconds, findings=result.findings)
        )
        return result.after

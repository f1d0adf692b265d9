"""Runs revisions on a database of ours and commits them, unjudged: they are in elsewhere, so they must only run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.transaction import Transaction
from coordinator.execution.versions import move_heads, prepare_module

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.execution.step import StepRunner
    from coordinator.model.plan import RunPlan, Segment, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer:
    """Runs plans forwards on the session of its runner, with their version rows; `lock_wait` is in seconds."""

    runner: StepRunner
    project: Project
    lock_wait: float

    def replay(self, plan: RunPlan) -> None:
        """Run and commit every segment. Raises StepFailedError; segments before the failed one stay in."""
        for segment in plan.segments:
            self._segment(segment)

    def _segment(self, segment: Segment) -> None:
        transaction = Transaction(self.runner.session, lock_wait=self.lock_wait)
        transaction.begin()
        try:
            for step in segment.steps:
                self._step(step, transaction)
            transaction.commit()
        finally:
            transaction.rollback()

    def _step(self, step: Step, transaction: Transaction) -> None:
        session, module = self.runner.session, self.project.module(step.key.module)
        prepare_module(session, module)
        self.runner.run(step, transaction, self.runner.catalog(), token=f"replay {step.key}")
        tree, revision = self.project.tree(step.key.module), self.project.revision(step.key)
        move_heads(session, module, tree, revision, step.direction)

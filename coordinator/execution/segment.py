"""Runs one segment on the target: its steps, version rows, ledger rows and proof, committed together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.events import Listener, Phase, StepFinished, StepsRolledBack, StepStarted
from coordinator.execution.failure import StepFailedError, from_statement
from coordinator.execution.interrupts import held, shielded
from coordinator.execution.journal import Journal, recorded
from coordinator.execution.lone_step import tidy
from coordinator.execution.lost_commit import was_committed
from coordinator.execution.transaction import Transaction
from coordinator.execution.versions import prepare_module, read_heads, write_heads
from coordinator.ledger.lock import Lock, stand_behind_fence
from coordinator.ledger.store import write_outcome
from coordinator.model.capture import Direction
from coordinator.planning.heads import heads_after
from coordinator.postgres.failure import StatementError

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.execution.step import StepRunner
    from coordinator.model.catalog import Catalog
    from coordinator.model.plan import Segment, Step


@dataclass(slots=True)
class SegmentRunner:
    """Runs segments, forwards or backwards, one transaction each. A segment is in, or it left no trace."""

    runner: StepRunner
    project: Project
    journal: Journal
    lock: Lock
    tell: Listener
    lock_wait: float
    made: dict[str, tuple[str, ...]] = field(default_factory=dict)  # module -> schemas and tables made for it
    committed: list[Segment] = field(default_factory=list)  # in order, backwards ones too
    _making: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the same, by the open transaction
    _intents: int = 0

    def run(self, segment: Segment, phase: Phase) -> None:
        """Run and commit a segment. When it raises, nothing of it is in, or UnsettledError says what is."""
        session = self.runner.session
        token = self.journal.ledger.intend(
            self.journal.run, self._next(), segment, segment.steps[0].direction
        )
        transaction = Transaction(
            session,
            lock_wait=self.lock_wait,
            at_begin=lambda: stand_behind_fence(session, self.journal.run),
            before_commit=self.lock.ping,
            after_commit=self._keep_made,
        )
        self._making.clear()
        done: list[Step] = []
        current: Step | None = None
        start: Catalog | None = None
        try:
            transaction.begin()
            start = catalog = self.runner.catalog()
            for current in segment.steps:
                self.tell(StepStarted(phase=phase, step=current))
                self.lock.announce(str(self.journal.run), str(current.key))
                catalog = self._step(current, transaction, catalog, phase)
                done.append(current)
            current = None
            write_outcome(session, self.journal.run, token)
            with held():
                transaction.commit()
                self._is_committed(segment)
        except BaseException as error:
            if segment in self.committed:
                raise
            with shielded():
                if was_committed(session, self.journal, transaction, token, error):
                    self._keep_made()
                    self._is_committed(segment)
                    return
                transaction.rollback()
                self._note_rolled_back(done, current, error)
                if not segment.transactional and start is not None:
                    with suppress(CoordinatorError):  # whoever compares the catalogs tells what is left
                        tidy(self.runner, start)
            raise

    def _step(self, step: Step, transaction: Transaction, before: Catalog, phase: Phase) -> Catalog:
        session, module = self.runner.session, self.project.module(step.key.module)
        tree = self.project.tree(step.key.module)
        if step.direction is Direction.UPGRADE and (made := self._prepare(step)):
            self._making[module.name] = (*self._making.get(module.name, ()), *made)
            before = self.runner.catalog()
        result = self.runner.run(step, transaction, before, token=f"{phase.value} {step.key}")
        revision = self.project.revision(step.key)
        try:
            # A table that several modules share holds the others' heads too.
            heads = (read_heads(session, module) or frozenset()) & tree.ids
            write_heads(session, module, heads, heads_after(tree, heads, revision, step.direction))
        except StatementError as error:
            raise StepFailedError(from_statement(step, "the writing of its version row", error)) from error
        self.journal.step_done(session, step, revision, result.seconds)
        self.tell(StepFinished(phase=phase, step=step, seconds=result.seconds, findings=result.findings))
        return result.after

    def _prepare(self, step: Step) -> tuple[str, ...]:
        module = self.project.module(step.key.module)
        try:
            return prepare_module(self.runner.session, module)
        except StatementError as error:
            part = f"the making of module {module.name!r}'s schemas and version table"
            raise StepFailedError(from_statement(step, part, error)) from error

    def _is_committed(self, segment: Segment) -> None:
        self.committed.append(segment)
        self.journal.committed()

    def _keep_made(self) -> None:
        """What was made for modules is in with the commit, also with one in the middle of a step."""
        for name, made in self._making.items():
            self.made[name] = (*self.made.get(name, ()), *made)
        self._making.clear()

    def _note_rolled_back(self, done: list[Step], current: Step | None, error: BaseException) -> None:
        for step in reversed([*done, *([current] if current is not None else [])]):
            # A worker that has died remembers nothing; the next one starts with nothing, which is the same.
            with suppress(CoordinatorError):
                self.runner.forget(step, f"{Phase.APPLY.value} {step.key}")
        # What failed is told by the error that is on its way; these rows are history, and must not hide it.
        with suppress(CoordinatorError):
            self.journal.rolled_back(current, recorded(error))
        if done:
            self.tell(StepsRolledBack(steps=tuple(reversed(done))))

    def _next(self) -> int:
        self._intents += 1
        return self._intents

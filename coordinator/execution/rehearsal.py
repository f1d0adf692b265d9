"""Rehearses a plan on a throw-away database: up, check, down, compare, up; then the whole run backwards.

The rehearsal has the plan's own segments, so it meets the errors of one long transaction and those of committed
steps exactly where the target would meet them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from coordinator.errors import CoordinatorError
from coordinator.execution.categories import is_of_surroundings
from coordinator.execution.events import Listener, Phase, PhaseStarted, StepFailed, StepFinished, StepStarted
from coordinator.execution.failure import StepFailedError
from coordinator.execution.grading import (
    cannot_go_back,
    changed_rows,
    compared,
    destroyed,
    fails_again,
    graded,
    irreversible,
    judged_by_chain,
    leaves_traces,
    phrases,
    whole_run,
)
from coordinator.execution.tracing import StepTracer
from coordinator.execution.transaction import Transaction
from coordinator.execution.versions import prepare_module, unprepare_module
from coordinator.model.capture import Direction
from coordinator.model.catalog import Catalog
from coordinator.model.definition import made_by
from coordinator.model.locks import SegmentLocks
from coordinator.model.rehearsal import Rehearsal, RehearsedStep, StepGrade
from coordinator.postgres.rows import row_checksums
from coordinator.postgres.table_locks import count_entries, held_locks, lockable_tables
from coordinator.postgres.tracing import tables_by_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coordinator.execution.project import Project
    from coordinator.execution.starting import RowSums
    from coordinator.execution.step import StepResult, StepRunner
    from coordinator.model.catalog import Address
    from coordinator.model.finding import Finding
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan, Segment, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """The staging database at one moment: its catalog, and the sums of the module's rows."""

    catalog: Catalog
    sums: RowSums


@dataclass(slots=True, kw_only=True)
class Rehearser:
    """Rehearses one plan on the session of its runner; the database is left as the last reversal left it.

    `judged` are the steps that are taken back too; None: all of them, and the whole run.
    """

    runner: StepRunner
    project: Project
    tell: Listener
    where: str
    lock_wait: float
    opposite: Callable[[Step], Step]  # the same revision in the other direction
    reverse: Callable[[tuple[Segment, ...]], RunPlan]
    judged: frozenset[RevisionKey] | None = None
    at_top: Callable[[], None] = lambda: None  # called when everything is in and nothing was taken back yet
    trace: bool = False  # note what each statement does to tables
    _start: _State = field(default_factory=lambda: _State(catalog=Catalog(definitions={}), sums={}))
    _catalog: Catalog = field(default_factory=lambda: Catalog(definitions={}))  # as the last step left it
    _steps: dict[str, RehearsedStep] = field(default_factory=dict)
    _made: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _locks: list[SegmentLocks] = field(default_factory=list)
    _tracers: list[StepTracer] = field(default_factory=list)
    _tables: Mapping[int, tuple[str, str]] = field(
        default_factory=dict
    )  # by their names before the first step
    _left: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # step -> what its rehearsal adds to the grade
    _role: str = ""

    def rehearse(self, plan: RunPlan) -> Rehearsal:
        """Rehearse all segments and the whole run's reversal. Raises StepFailedError when a step fails going forward.

        Also when it fails going back by something that may pass, since that says nothing about the way back.
        """
        began = time.monotonic()
        self.tell(PhaseStarted(phase=Phase.REHEARSE, plan=plan, where=self.where))
        self._role = str(self.runner.session.value("SELECT session_user"))
        self._start = _State(catalog=self.runner.catalog(), sums=self._sums(self.project.modules))
        self._catalog = self._start.catalog
        if self.trace:
            self._tables = tables_by_number(self.runner.session)
        for segment in plan.segments[:-1]:
            self._commit(segment)
        reversed_whole, findings = self._last(plan, self._start.catalog)
        return Rehearsal(
            where=self.where,
            server_version=self.runner.session.server_version,
            steps=tuple(
                judged_by_chain(replace(each, **self._left[name]), reversed_whole)
                for name, each in self._steps.items()
            ),
            seconds=time.monotonic() - began,
            reversed_whole=reversed_whole,
            findings=findings,
            locks=tuple(self._locks),
            traces=tuple(each for tracer in self._tracers for each in tracer.traces),
        )

    def _tracer(self, step: Step) -> StepTracer | None:
        """Who watches the step's statements, where a trace was asked for."""
        if not self.trace:
            return None
        schema = self.project.module(step.key.module).schema
        self._tracers.append(StepTracer(self.runner.session, step, schema, self._tables))
        return self._tracers[-1]

    def _last(self, plan: RunPlan, start: Catalog) -> tuple[bool, tuple[Finding, ...]]:
        """The last segment, and the way back from it to the start.

        A last transactional segment is taken back inside its own transaction where it is the only one: that is how
        the target would be left by a failure, and by the downgrades that a later rollback would run.
        """
        if not plan.segments:
            self.at_top()
            return True, ()
        last = plan.segments[-1]
        if len(plan.segments) > 1 or not self._goes_back_inside(last):
            self._commit(last)
            self.at_top()
            return (False, ()) if self.judged is not None else self._backwards(plan, start)
        transaction = self._transaction()
        transaction.begin()
        try:
            self._forwards(last, transaction)
            self.at_top()
            if self.judged is not None:
                return False, ()
            return self._backwards_inside(last, transaction, start)
        finally:
            transaction.rollback()

    def _goes_back_inside(self, segment: Segment) -> bool:
        """Whether a segment can be taken back in the transaction that it ran in."""
        return segment.transactional and (
            self.judged is not None or all(self.opposite(step).transactional for step in segment.steps)
        )

    def _is_judged(self, step: Step) -> bool:
        return self.judged is None or step.key in self.judged

    def _commit(self, segment: Segment) -> None:
        transaction = self._transaction()
        transaction.begin()
        try:
            self._forwards(segment, transaction)
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise

    def _forwards(self, segment: Segment, transaction: Transaction) -> None:
        tables = lockable_tables(self.runner.session)
        for step in segment.steps:
            self.tell(StepStarted(phase=Phase.REHEARSE, step=step))
            try:
                if segment.transactional:
                    self._shared_step(step, transaction)
                else:
                    self._lone_step(step, transaction)
            except StepFailedError as error:
                self.tell(StepFailed(phase=Phase.REHEARSE, failure=error.failure))
                raise
            done = self._steps[str(step.key)]
            self.tell(
                StepFinished(
                    phase=Phase.REHEARSE,
                    step=step,
                    seconds=done.seconds,
                    grade=done.grade,
                    findings=done.findings,
                )
            )
        self._note_locks(segment, tables)

    def _note_locks(self, segment: Segment, tables: dict[int, tuple[str, str]]) -> None:
        """What the open transaction holds of the tables that were there before it, by the names that they had then."""
        if segment.transactional:
            self._locks.append(
                SegmentLocks(
                    direction=segment.steps[0].direction,
                    steps=tuple(step.key for step in segment.steps),
                    tables=held_locks(self.runner.session, tables),
                    entries=count_entries(self.runner.session),
                )
            )

    def _shared_step(self, step: Step, transaction: Transaction) -> None:
        """Up, down and up again of a step that shares its transaction, by savepoints where that is the same."""
        before = self._prepare(step)
        result = self._forward(step, transaction, before)
        if not self._is_judged(step) or not self.opposite(step).transactional:
            # Its way back is not asked for, or would end the transaction that it shares: the whole run's reversal judges it.
            self._steps[str(step.key)] = replace(
                graded(step, StepGrade.REVERSIBLE, ()),
                seconds=result.seconds,
                gone=destroyed(result.after.difference(before.catalog)),
            )
            self._catalog = result.after
            return
        session = self.runner.session
        session.execute("SAVEPOINT migrate_up")
        try:
            grade = self._grade_reversal(step, transaction, before, result)
        finally:
            # Up again: going back to the savepoint is the same as running it, unless the reversal left something.
            if not session.closed:
                session.execute("ROLLBACK TO SAVEPOINT migrate_up; RELEASE SAVEPOINT migrate_up")
            self.runner.forget(step, f"rehearse back {step.key}")
        self._catalog = result.after
        gone = destroyed(result.after.difference(before.catalog))
        self._steps[str(step.key)] = replace(grade, seconds=result.seconds, gone=gone)

    def _lone_step(self, step: Step, transaction: Transaction) -> None:
        """The same for a step that commits by itself: every direction is run for real."""
        before = self._prepare(step)
        result = self._forward(step, transaction, before)
        gone = destroyed(result.after.difference(before.catalog))
        if not self._is_judged(step):
            self._catalog = result.after
            self._steps[str(step.key)] = replace(
                graded(step, StepGrade.REVERSIBLE, ()), seconds=result.seconds, gone=gone
            )
            return
        found = self._grade_reversal(step, transaction, before, result)
        if found.grade is not StepGrade.IRREVERSIBLE:
            again = self.runner.run(
                step, transaction, self.runner.catalog(), token=f"rehearse again {step.key}"
            )
            result = replace(result, after=again.after)
        self._catalog = self.runner.catalog() if found.grade is StepGrade.IRREVERSIBLE else result.after
        self._steps[str(step.key)] = replace(found, seconds=result.seconds, gone=gone)

    def _forward(self, step: Step, transaction: Transaction, before: _State) -> StepResult:
        """Run a step going forward, and remember what it made and what it read."""
        result = self.runner.run(
            step, transaction, before.catalog, token=f"rehearse {step.key}", tracer=self._tracer(step)
        )
        made = made_by(before.catalog, result.after, self._role)
        self._left[str(step.key)] = {"made": made, "inputs": result.inputs}
        return result

    def _prepare(self, step: Step) -> _State:
        if step.direction is Direction.UPGRADE:
            module = self.project.module(step.key.module)
            if made := prepare_module(self.runner.session, module):
                self._made[module.name] = (*self._made.get(module.name, ()), *made)
                self._catalog = self.runner.catalog()
        sums = self._sums(self._may_write(step)) if self._is_judged(step) else {}
        return _State(catalog=self._catalog, sums=sums)

    def _may_write(self, step: Step) -> tuple[Module, ...]:
        """The modules whose tables the step may change: its own, and those that it says it touches."""
        names = {step.key.module, *step.touches}
        return tuple(module for module in self.project.modules if module.name in names)

    def _sums(self, modules: tuple[Module, ...]) -> RowSums:
        schemas = [schema for module in modules for schema in module.schemas]
        return row_checksums(self.runner.session, schemas=schemas, ignore=self.project.version_tables)

    def _grade_reversal(
        self, step: Step, transaction: Transaction, before: _State, result: StepResult
    ) -> RehearsedStep:
        """Take the step back and say how well that went."""
        back = self.opposite(step)
        gone = destroyed(result.after.difference(before.catalog))
        try:
            reversal = self.runner.run(back, transaction, result.after, token=f"rehearse back {step.key}")
        except StepFailedError as error:
            if is_of_surroundings(error):
                raise
            said = () if step.irreversible else (cannot_go_back(step, error),)
            return irreversible(step, said, gone, self._at_stake(gone, ()))
        state = _State(catalog=reversal.after, sums=self._sums(self._may_write(step)))
        difference = state.catalog.difference(before.catalog)
        if difference:
            again = self._try_again(step, transaction, state)
            findings = (leaves_traces(step, difference), *again)
            return irreversible(step, findings, gone, self._at_stake(gone, ()))
        rows = changed_rows(before.sums, state.sums)
        if gone or rows:
            return RehearsedStep(
                key=step.key,
                grade=StepGrade.LOSSY,
                seconds=0.0,
                lost=(*phrases(gone), *(f"rows of {'.'.join(each)}" for each in rows)),
                at_stake=self._at_stake(gone, rows),
            )
        if difference.column_order_changed:
            return graded(step, StepGrade.COLUMN_ORDER, ())
        return graded(step, StepGrade.REVERSIBLE, ())

    def _at_stake(self, gone: tuple[Address, ...], rows: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
        """What of it was there before the run: the run's own tables were empty."""
        definitions = (str(each) for each in gone if each in self._start.catalog.definitions)
        return (*definitions, *(f"rows of {'.'.join(each)}" for each in rows if each in self._start.sums))

    def _try_again(self, step: Step, transaction: Transaction, state: _State) -> tuple[Finding, ...]:
        """After a reversal that left something: does the step still run? For real, since it may not."""
        try:
            self.runner.run(step, transaction, state.catalog, token=f"rehearse again {step.key}")
        except StepFailedError as error:
            if is_of_surroundings(error):
                raise
            return (fails_again(step, error),)
        return ()

    def _backwards_inside(
        self, segment: Segment, transaction: Transaction, start: Catalog
    ) -> tuple[bool, tuple[Finding, ...]]:
        try:
            catalog = self._catalog
            for step in reversed(segment.steps):
                token = f"rehearse whole {step.key}"
                catalog = self.runner.run(self.opposite(step), transaction, catalog, token=token).after
            self._unprepare()
        except CoordinatorError as error:
            if is_of_surroundings(error):
                raise
            return False, (whole_run(str(error)),)
        return compared(self.runner.catalog().difference(start))

    def _backwards(self, plan: RunPlan, start: Catalog) -> tuple[bool, tuple[Finding, ...]]:
        """Reverse all committed segments, each as the rollback manager would."""
        try:
            catalog = self._catalog
            for segment in self.reverse(plan.segments).segments:
                transaction = self._transaction()
                transaction.begin()
                tables = lockable_tables(self.runner.session)
                try:
                    for step in segment.steps:
                        token = f"rehearse whole {step.key}"
                        catalog = self.runner.run(step, transaction, catalog, token=token).after
                    self._note_locks(segment, tables)
                    transaction.commit()
                finally:
                    transaction.rollback()
            self._unprepare()
        except CoordinatorError as error:
            if is_of_surroundings(error):
                raise
            return False, (whole_run(str(error)),)
        return compared(self.runner.catalog().difference(start))

    def _unprepare(self) -> None:
        for name, made in reversed(self._made.items()):
            unprepare_module(self.runner.session, self.project.module(name), made)

    def _transaction(self) -> Transaction:
        return Transaction(self.runner.session, lock_wait=self.lock_wait)

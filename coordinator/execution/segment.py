"""Runs one segment on the target: its steps, version rows, ledger rows and proof, committed together."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.events import (
    Listener,
    Phase,
    StepFinished,
    StepsRolledBack,
    StepStarted,
    TriedAgainSoon,
)
from coordinator.execution.failure import StepFailedError, from_statement
from coordinator.execution.interrupts import held, shielded
from coordinator.execution.lone_step import LoneSegment, around
from coordinator.execution.lost_commit import was_committed
from coordinator.execution.patience import Patience, given_up, may_work_later, why_again
from coordinator.execution.progress import Progress
from coordinator.execution.transaction import Transaction
from coordinator.execution.unseen import Writing
from coordinator.execution.versions import move_heads, prepare_module
from coordinator.execution.words import recorded
from coordinator.ledger.lock import stand_behind_fence
from coordinator.ledger.made import write_made
from coordinator.ledger.store import write_outcome
from coordinator.model.capture import Direction
from coordinator.model.touched import touched_by
from coordinator.postgres.failure import StatementError
from coordinator.postgres.rows import changed_by_us, table_marks, written_by_us
from coordinator.postgres.table_locks import take_locks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from coordinator.execution.journal import Journal
    from coordinator.execution.known_heads import KnownHeads
    from coordinator.execution.monitor import WatchedLock
    from coordinator.execution.project import Project
    from coordinator.execution.step import StepRunner
    from coordinator.execution.witness import Witness
    from coordinator.model.catalog import Catalog
    from coordinator.model.locks import TableLock
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Segment, Step
    from coordinator.model.recovery import HalfDone
    from coordinator.planning.way_back import WayBack
    from coordinator.postgres.rows import Table, TableMark

# A concurrent index build makes nobody wait, so it may wait long for transactions that are older than itself.
LONE_WAIT_LIMIT = 1800.0  # seconds


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One try at a segment, as far as it has come. `begun`: before that, another run's transaction is in the way."""

    transaction: Transaction
    lone: LoneSegment | None
    phase: Phase
    begun: bool = False
    start: Catalog | None = None
    current: Step | None = None
    done: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class SegmentRunner:
    """Runs segments, forwards or backwards, one transaction each. A segment is in, or it left no trace.

    `locks` says which locks a segment takes before its first step, in their order; `lock_wait` is how long it may
    wait for them in total, `lock_patience` how long it is tried again (seconds).
    """

    runner: StepRunner
    project: Project
    journal: Journal
    lock: WatchedLock
    witness: Witness
    tell: Listener
    lock_wait: float
    lock_patience: float
    locks: Callable[[Segment], tuple[TableLock, ...]]
    heads: KnownHeads
    way_back: Callable[[Step], WayBack | None] = lambda _: None  # of a step that stopped half way
    resumed: Mapping[RevisionKey, HalfDone] = field(
        default_factory=dict
    )  # cut off reversals, brought to their end
    half_done: LoneSegment | None = None  # the one that failed
    unasked: Segment | None = None  # something of it may be in, and no server could be asked
    made: dict[str, tuple[str, ...]] = field(default_factory=dict)  # module -> schemas and tables made for it
    committed: list[Segment] = field(default_factory=list)  # in order, backwards ones too
    start: Catalog | None = None  # what was there before the latest segment
    # OIDs of all that the committed transactions may have changed rows of; None: not known, as of what ran outside of one.
    written: frozenset[int] | None = frozenset()
    changed: set[Table] = field(default_factory=set)  # tables of which committed transactions did change rows
    unseen: Writing = field(default_factory=Writing)  # the same of what ran outside of them, by its SQL
    _marks: Mapping[int, TableMark] | None = None  # before the first of them
    _making: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the same, by the open transaction
    _intents: int = 0

    def follow(self, earlier: SegmentRunner) -> None:
        """Number on from another runner of the same run."""
        self.journal, self._intents = earlier.journal, earlier._intents

    def words(self, key: RevisionKey) -> str:
        """A text of the words that may be kept of a step that failed: its revision's own, and names of what was there."""
        definitions = () if self.start is None else self.start.definitions
        names = {name for address in definitions for name in address[1:]}
        return "\n".join((self.project.revision(key).source, *sorted(names)))

    def run(self, segment: Segment, phase: Phase) -> None:
        """Run and commit a segment. When it raises, nothing of it is in, or UnsettledError says what is.

        A transaction that does not get its locks is given back whole, so that nobody waits for what it holds, and
        tried again until `lock_patience` seconds are over.
        """
        token = self.journal.ledger.intend(
            self.journal.run, self._next(), segment, segment.steps[0].direction
        )
        patience = Patience(self.lock_patience)
        wait_limit = None if segment.transactional else LONE_WAIT_LIMIT
        with self.lock.watching(self.runner.session, wait_limit=wait_limit):
            while (pause := self._attempt(segment, phase, token, patience)) is not None:
                time.sleep(pause)

    def _attempt(self, segment: Segment, phase: Phase, token: UUID, patience: Patience) -> float | None:
        """Run the segment once. None: it is in; else all of it was given back, and that is the pause before the next try."""
        session = self.runner.session
        lone = None if segment.transactional else self._lone(segment, token)
        if lone is not None:
            self.written = None
        transaction = Transaction(
            session,
            lock_wait=self.lock_wait,
            lock_patience=self.lock_patience,
            at_begin=lambda: stand_behind_fence(session, self.journal.run),
            before_commit=lambda: self._before_commit(lone),
            before_alone=self.lock.ping,
            after_commit=self._keep_made,
        )
        self._making.clear()
        self.lock.begin_try()
        attempt = _Attempt(transaction=transaction, lone=lone, phase=phase)
        try:
            self._forwards(segment, attempt)
            write_outcome(session, self.journal.run, token)
            with held():
                transaction.commit()
                self._is_committed(segment)
        except BaseException as error:
            if segment in self.committed:
                raise
            nothing_is_in = lone is None or not lone.has_committed
            again = attempt.begun and nothing_is_in and may_work_later(error)
            pause = patience.next_pause() if again else None
            # Until the next try begins, a signal may stop the run; while it is taken back for good, none may.
            with shielded() if pause is None else held():
                if pause is None:
                    self._look_around(attempt, error)
                if self._was_committed(segment, attempt, token, error):
                    self.witness.forget()
                    self._keep_made()
                    self._is_committed(segment)
                    return None
                transaction.rollback()
                if pause is not None:
                    self._give_back(attempt, error, pause)
                    return pause
                failure = self._given_up(segment, error, patience)
                self._take_back(attempt, failure)
            if failure is error:
                raise
            raise failure from error
        return None

    def _before_commit(self, lone: LoneSegment | None) -> None:
        session = self.runner.session
        self.changed |= changed_by_us(session, self._marks or {})
        if self.written is not None:
            written = written_by_us(session)
            self.written = None if written is None else self.written | written
        if lone is None:
            self.lock.ping()
        else:
            lone.before_commit()

    def _forwards(self, segment: Segment, attempt: _Attempt) -> None:
        """Everything of the segment but the proof that it is in, and the commit."""
        attempt.transaction.begin()
        attempt.begun = True
        if self._marks is None:
            self._marks = table_marks(self.runner.session)
        self._take_locks(segment, attempt.transaction)
        modules = [step.key.module for step in segment.steps]
        self.heads.prove(self.runner.session, modules)
        attempt.start = self.start = catalog = self.runner.catalog()
        for step in segment.steps:
            attempt.current = step
            self.tell(StepStarted(phase=attempt.phase, step=step))
            self.lock.announce(str(self.journal.run), _doing(step, attempt.phase))
            catalog = self._step(step, attempt, catalog)
            attempt.done.append(step)
        attempt.current = None
        self.heads.leave(self.runner.session, modules)

    def _was_committed(self, segment: Segment, attempt: _Attempt, token: UUID, error: BaseException) -> bool:
        lone = attempt.lone
        try:
            return was_committed(self.runner.session, self.journal, attempt.transaction, token, error)
        except BaseException:
            if attempt.transaction.committing or (lone is not None and lone.has_committed):
                self.unasked = segment
            raise

    def _look_around(self, attempt: _Attempt, error: BaseException) -> None:
        if attempt.current is not None:
            self._hear(attempt.current, attempt.phase)
        self.witness.see(error, attempt.current, attempt.phase)

    def _give_back(self, attempt: _Attempt, error: BaseException, pause: float) -> None:
        """The transaction is rolled back and will be tried again: nobody shall remember it."""
        self._forget(attempt)
        self.journal.given_back()
        why = why_again(error, self.lock.wait)
        self.tell(TriedAgainSoon(why=why, steps=tuple(reversed(attempt.done)), pause=pause))

    def _take_back(self, attempt: _Attempt, failure: BaseException) -> None:
        """The transaction is rolled back for good: write that down, and take away what had been committed within it."""
        self._note_rolled_back(attempt, failure)
        if attempt.lone is None or attempt.start is None:
            return
        self.half_done = attempt.lone
        attempt.lone.stopped()
        # An index is dropped without making anybody wait, so whoever was in the way of its build is so again.
        with (
            suppress(CoordinatorError),  # whoever compares the catalogs tells what is left
            self.lock.watching(self.runner.session, wait_limit=self.lock_patience),
        ):
            self.lock.regain()
            attempt.lone.bring_back(attempt.transaction)

    def _lone(self, segment: Segment, token: UUID) -> LoneSegment:
        step = segment.steps[0]
        way = self.way_back(step)
        return LoneSegment(
            step=step,
            runner=self.runner,
            ledger=self.journal.ledger,
            lock=self.lock,
            token=token,
            schemas=around(step, way, self.project),
            lock_wait=self.lock_wait,
            way=way,
            unseen=self.unseen,
            continued=self.resumed.get(step.key),
        )

    def _take_locks(self, segment: Segment, transaction: Transaction) -> None:
        """Take at once what the steps would take one after the other, so that the waiting is over before the work begins."""
        locks = self.locks(segment) if segment.transactional else ()
        if locks:
            self.lock.announce(str(self.journal.run), "taking its locks")
            owners = dict.fromkeys(module.owner for module in self.project.modules if module.owner)
            take_locks(self.runner.session, locks, seconds=self.lock_wait, owners=tuple(owners))
            transaction.limit_waits()

    def _given_up(self, segment: Segment, error: BaseException, patience: Patience) -> BaseException:
        named = self.lock.wait if may_work_later(error) or self.lock.ended_wait else None
        return given_up(error, segment, named, patience.spent)

    def _step(self, step: Step, attempt: _Attempt, before: Catalog) -> Catalog:
        phase, progress = attempt.phase, self._progress(step, attempt)
        session, module, bare = self.runner.session, self.project.module(step.key.module), before
        if step.direction is Direction.UPGRADE and (made := self._prepare(step)):
            self._making[module.name] = (*self._making.get(module.name, ()), *made)
            write_made(session, self.journal.run, module.name, made)
            before = self.runner.catalog()
        if attempt.lone is not None:
            attempt.lone.begin(before, bare)
        result = self.runner.run(
            step,
            attempt.transaction,
            before,
            token=f"{phase.value} {step.key}",
            lenient=step.key in self.resumed,
            progress=progress,
        )
        self._hear(step, phase)
        revision = self.project.revision(step.key)
        try:
            move_heads(session, module, self.project.tree(step.key.module), revision, step.direction)
        except StatementError as error:
            raise StepFailedError(from_statement(step, "the writing of its version row", error)) from error
        touched = touched_by(before, result.after)
        self.journal.step_done(session, step, revision, result.seconds, touched)
        self.tell(StepFinished(phase=phase, step=step, seconds=result.seconds, findings=result.findings))
        return result.after

    def _progress(self, step: Step, attempt: _Attempt) -> Progress | None:
        if attempt.lone is not None:
            return attempt.lone.progress
        # Its file may have been mended since it was cut off, and commits only at its end now.
        half = self.resumed.get(step.key)
        return None if half is None else Progress(again=True, done=half.done)

    def _prepare(self, step: Step) -> tuple[str, ...]:
        module = self.project.module(step.key.module)
        try:
            return prepare_module(self.runner.session, module)
        except StatementError as error:
            part = f"the making of module {module.name!r}'s schemas and version table"
            raise StepFailedError(from_statement(step, part, error)) from error

    def _is_committed(self, segment: Segment) -> None:
        self.committed.append(segment)
        self.heads.committed()
        self.journal.committed()

    def _keep_made(self) -> None:
        """What was made for modules is in with the commit, also with one in the middle of a step."""
        for name, made in self._making.items():
            self.made[name] = (*self.made.get(name, ()), *made)
        self._making.clear()

    def _forget(self, attempt: _Attempt) -> None:
        """Bring Alembic's memory back to before the transaction, as the database went back too."""
        for step in reversed([*attempt.done, *([attempt.current] if attempt.current is not None else [])]):
            # A worker that has died remembers nothing; the next one starts with nothing, which is the same.
            with suppress(CoordinatorError):
                self.runner.forget(step, f"{attempt.phase.value} {step.key}")

    def _note_rolled_back(self, attempt: _Attempt, error: BaseException) -> None:
        self._forget(attempt)
        # What failed is told by the error that is on its way; these rows are history, and must not hide it.
        with suppress(CoordinatorError):
            words = "" if attempt.current is None else self.words(attempt.current.key)
            self.journal.rolled_back(attempt.current, recorded(error, words))
        if attempt.done:
            self.tell(StepsRolledBack(steps=tuple(reversed(attempt.done))))

    def _hear(self, step: Step, phase: Phase) -> None:
        self.witness.hear(step, phase, self.project.revision(step.key).source)

    def _next(self) -> int:
        self._intents += 1
        return self._intents


def _doing(step: Step, phase: Phase) -> str:
    return f"taking back {step.key}" if phase is Phase.ROLL_BACK else str(step.key)

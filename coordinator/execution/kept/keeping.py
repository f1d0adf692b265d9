"""Keeps what one step destroys: a copy before it, narrowed after it, and put back by the opposite step.

Everything happens on the step's own connection, inside its transaction and savepoint: what is taken back with the
step is taken back with its copies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.execution.kept.copying import Copying
from coordinator.execution.kept.keep_failure import KeepFailures, putting_back
from coordinator.execution.kept.missing import Missing
from coordinator.execution.kept.own_values import Function, OwnValues
from coordinator.execution.kept.putting_back import PuttingBack
from coordinator.execution.kept.recording import Recording
from coordinator.ledger.kept import read_open
from coordinator.model.capture import Capture, Statement
from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.model.kept import Ending, LossKind
from coordinator.planning.key_losses import with_followers
from coordinator.planning.losses import losses_of, merged
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.keeping.estimate import estimate
from coordinator.postgres.keeping.source import find_source, find_source_by_oid, has_rows, printing
from coordinator.postgres.rows import perhaps_filled, table_marks, written_by_us
from coordinator.revisions.effects import effects_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.execution.kept.keeper import Keeper
    from coordinator.model.capture import Direction
    from coordinator.model.catalog import Catalog
    from coordinator.model.finding import Finding
    from coordinator.model.kept import KeptData, Loss
    from coordinator.model.plan import Step
    from coordinator.planning.losses import Losses
    from coordinator.postgres.rows import TableMark


class Keeping:
    """The keeping of one run of one step."""

    def __init__(self, keeper: Keeper, step: Step, before: Catalog, losses: Losses) -> None:
        self.back: PuttingBack | None = None  # what the opposite step had destroyed, if that is kept
        self._keeper = keeper
        self._session = keeper.session
        self._policy = keeper.plan.policy
        self._step = step
        self._before = before
        self._losses = losses
        self._marks: Mapping[int, TableMark] = {}  # before the step
        self._since: Mapping[int, TableMark] = {}  # as its open transaction began
        self._filled: frozenset[int] = (
            frozenset()
        )  # tables that may have had rows as one of its transactions began
        self._unkept: tuple[Loss, ...] = ()  # there, not copied, and not written down yet
        self._outside: set[Loss] = set()  # rows that texts of autocommit blocks were seen to change
        self._failures = KeepFailures(step=step, policy=self._policy)
        self._copying = Copying(
            keeper=keeper,
            step=step,
            before=before,
            losses=losses.losses,
            computed=losses.computed,
            failures=self._failures,
        )
        self._recording = Recording(
            session=keeper.session,
            run=keeper.run,
            step=step,
            keep_for=self._policy.keep_for,
            limit=self._policy.limit,
            digest=self._digest,
            opposite=self._function(step.direction.opposite),
        )

    def _function(self, direction: Direction) -> Function:
        return Function(
            effects=self._keeper.plan.effects.get((self._step.key, direction)), catalog=self._before
        )

    @property
    def _digest(self) -> str:
        return self._keeper.project.revision(self._step.key).digest

    def begin(self) -> None:
        """Make the copies, and mark in those of the opposite step which rows were changed since."""
        with self._failures.as_step():
            held = read_open(self._session, self._step.key, self._step.direction.opposite)
            if held or self._losses.losses:
                self._begin(held)
        self._marks = self._since = table_marks(self._session)
        if not self._step.transactional and self._policy.keeps(self._step.key):
            self._filled = perhaps_filled(self._session)

    def _begin(self, held: tuple[KeptData, ...]) -> None:
        with printing(self._session):
            self.back = self._putting_back(held) if held else None
            if self.back is not None:
                with putting_back(self._step, held[0].run):
                    self.back.mark()
            without = self._losses.losses
            if self._policy.keeps(self._step.key):
                self._copying.copy_all()
                without = self._copying.beyond_copying
            self._unkept = tuple(each for each in without if self._holds_something(each))

    def _putting_back(self, held: tuple[KeptData, ...]) -> PuttingBack:
        function = self._function(self._step.direction)
        own_values = OwnValues(
            session=self._session,
            function=function,
            digest=self._digest,
            run=self._keeper.run,
            limit=self._policy.limit,
        )
        return PuttingBack(self._session, self._step, held, own_values)

    def _holds_something(self, loss: Loss) -> bool:
        """Whether there is anything that the step could destroy and the run did not make; reads no row."""
        source = find_source(self._session, loss.schema, loss.table)
        if source is None or not self._keeper.was_there(source):
            return False
        lost = [source.column(each) for each in loss.columns]
        old = not lost or any(each is not None and self._keeper.was_there(source, each) for each in lost)
        return old and estimate(self._session, source, loss.columns) > 0

    def pause(self) -> None:
        """Before a commit in the middle: what is destroyed by now keeps its copy, and where there is none the step fails."""
        with self._failures.as_step():
            missed = self._missed_by_now()
        self._account_for(missed)
        with self._failures.as_step(), printing(self._session):
            self._note_made_anew()
            self._copying.settle(self._recording)
            self._write_unkept()

    def resume(self) -> None:
        """In the transaction after that: copy what it may destroy."""
        if self._policy.keeps(self._step.key):
            with self._failures.as_step(), printing(self._session):
                self._copying.copy_all()
                self._since = table_marks(self._session)
                self._filled |= perhaps_filled(self._session)  # others write meanwhile
                if self.back is not None:
                    self.back.forget_filled()

    def _missed_by_now(self) -> tuple[Loss, ...]:
        """What the step destroyed besides; a transaction that wrote in no table is not looked at closer."""
        if not self._policy.keeps(self._step.key):
            return ()
        written = written_by_us(self._session)
        tables = {oid for oid, mark in self._marks.items() if mark.schema != LEDGER_SCHEMA}
        if written is not None and not written & tables:
            return ()
        after = read_catalog(self._session, ignore=self._keeper.project.version_tables)
        return self.missed(after, table_marks(self._session))

    def destroys(self, sql: str) -> str | None:
        """What a text of an autocommit block destroys of what was there and is to be kept, in words, or None.

        Rows that it changes, or keys with it, are no reason to refuse it: they are told at the next commit.
        """
        if not self._policy.keeps(self._step.key):
            return None
        effects = effects_of(
            Capture(key=self._step.key, direction=self._step.direction, statements=(Statement(sql=sql),)),
            schema=self._keeper.project.module(self._step.key.module).schema,
        )
        losses = losses_of(effects, (), self._before).losses
        for loss in losses:
            source = find_source(self._session, loss.schema, loss.table)
            if loss.kind is LossKind.ROWS or source is None or not self._keeper.was_there(source):
                continue
            lost = [source.column(each) for each in loss.columns]
            old = not lost or any(each is not None and self._keeper.was_there(source, each) for each in lost)
            if old and has_rows(self._session, source):
                return str(loss)
        self._tell_outside({each for each in losses if each.kind is LossKind.ROWS})
        return None

    def _tell_outside(self, rows: set[Loss]) -> None:
        """Have rows told that a text of an autocommit block changes, and those that keys change with them."""
        new = sorted(rows - self._outside, key=str)
        self._outside.update(new)
        self._tell(
            each
            for each in with_followers(self._before, new)
            if not self._is_told(each) and self._holds_something(each)
        )

    def _is_told(self, loss: Loss) -> bool:
        return any(each.relation == loss.relation and each.holds(loss) for each in self._losses.losses)

    def _tell(self, losses: Iterable[Loss]) -> None:
        """Have them written down as destroyed without a copy; they are known from here on."""
        found = tuple(losses)
        self._unkept = merged((*self._unkept, *found))
        self._losses = replace(self._losses, losses=merged((*self._losses.losses, *found)))

    def missed(self, after: Catalog, marks: Mapping[int, TableMark]) -> tuple[Loss, ...]:
        """What the step destroyed besides; asked right after it, before anything else is written."""
        if not self._policy.keeps(self._step.key):
            return ()
        missing = Missing(
            keeper=self._keeper,
            step=self._step,
            before=self._before,
            losses=self._losses,
            covered=self._copying.covered,
            marks=self._marks,
            since=self._since if self.back is None else self.back.with_filled(self._since),
        )
        return missing.find(after, marks)

    def finish(self, missed: tuple[Loss, ...]) -> tuple[Finding, ...]:
        """Put back what the opposite step had destroyed; then make this step's copies final and write them down.

        `missed` is only given of a step that commits by itself: it cannot be run once more.
        """
        self._account_for(missed)
        if self.back is None and not self._copying.made and not self._losses.losses:
            return ()
        with self._failures.as_step(), printing(self._session):
            findings = self._put_back()
            self._note_made_anew()
            for made in self._copying.made:
                self._recording.write(made)
            for made in self._copying.never_kept:
                self._recording.write_never_kept(made)
            if self._step.key in self._policy.discard:
                self._recording.write_unkept(self._losses.losses, Ending.DISCARDED)
            self._write_unkept()
        return findings

    def _write_unkept(self) -> None:
        """Write down, once, what is destroyed without a copy: at the first commit, whatever becomes of the step."""
        if self._step.key in self._policy.discard:
            return
        why = Ending.COMMITTED if self._policy.keeps(self._step.key) else Ending.OFF
        self._recording.write_unkept(self._unkept, why)
        self._unkept = ()

    def _put_back(self) -> tuple[Finding, ...]:
        if self.back is None:
            return ()
        with putting_back(self._step, self.back.held[0].run):
            findings = self.back.put_back(self._keeper.run)
        for source, columns in self.back.restored:
            self._keeper.note_put_back(source, columns)
        return findings

    def _note_made_anew(self) -> None:
        for loss in (*(each.loss for each in self._copying.made), *self._unkept):
            self._keeper.note_made_anew(loss, self._before)

    def _account_for(self, missed: tuple[Loss, ...]) -> None:
        """Refuse what is gone without a copy, and tell of rows that were changed: a step that commits copies none."""
        if not missed:
            return
        with self._failures.as_step(), printing(self._session):
            held = tuple(each for each in missed if self._held_rows(each))
        lost = [str(each) for each in held if each.kind is not LossKind.ROWS]
        if lost:
            raise self._failures.failure(
                f"it destroys {', '.join(lost)}, which nobody could foresee, and there is no copy",
                f"write what it destroys as plain SQL, or accept the loss with --discard {self._step.key}",
            )
        self._tell(held)

    def _held_rows(self, loss: Loss) -> bool:
        """Whether there may have been anything to lose in a table, which may be gone or emptied by now."""
        oid = next(oid for oid, mark in self._marks.items() if mark.table == loss.relation)
        now = find_source_by_oid(self._session, oid)
        if now is not None and has_rows(self._session, now):
            return True
        return loss.kind is not LossKind.COLUMNS and oid in self._filled

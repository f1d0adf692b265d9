"""Keeps what a step destroys: a copy before it, narrowed after it, and put back by the opposite step.

Everything happens on the step's own connection, inside its transaction and savepoint: what is taken back with the
step is taken back with its copies.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.execution.failure import StepFailedError, StepFailure, from_statement
from coordinator.execution.putting_back import PuttingBack
from coordinator.ledger.kept import read_open, write_kept
from coordinator.model.capture import Capture, Statement
from coordinator.model.catalog import LEDGER_SCHEMA, Address
from coordinator.model.kept import Ending, KeepPolicy, KeptData, Loss, LossKind
from coordinator.model.sizes import format_size
from coordinator.planning.losses import Losses, loses_by_type, losses_of, merged
from coordinator.postgres import keep_copy
from coordinator.postgres.failure import StatementError
from coordinator.postgres.keep_source import (
    columns_there,
    find_source,
    find_source_by_oid,
    has_rows,
    lock_source,
    partitions_of,
    printing,
)
from coordinator.postgres.rows import table_marks
from coordinator.revisions.effects import effects_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.execution.project import Project
    from coordinator.model.capture import Direction
    from coordinator.model.catalog import Catalog, CatalogDifference
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step
    from coordinator.postgres.keep_source import Source, SourceColumn
    from coordinator.postgres.rows import TableMark
    from coordinator.postgres.session import Session

PART = "the keeping of what it destroys"
_CANCELED = "57014"  # query_canceled: the limit of time
_HIDDEN = "42501"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPlan:
    """What is known before a run about what its steps destroy.

    `effects` by revision and direction, as far as they were read; `gone` are tables and columns that each step
    dropped in its rehearsal. `forward` is the run's own direction: a step in the other one takes it back.
    """

    policy: KeepPolicy
    forward: Direction
    effects: Mapping[tuple[RevisionKey, Direction], RevisionEffects] = field(default_factory=dict)
    gone: Mapping[RevisionKey, tuple[Address, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What a step destroyed that nobody had foreseen. `columns` tell where each column is now, by number."""

    gone: tuple[Address, ...] = ()
    losses: tuple[Loss, ...] = ()
    identities: frozenset[tuple[int, int]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.gone or self.losses)


@dataclass(slots=True, kw_only=True)
class _Learned:
    """What was found out about a step by trying it."""

    gone: list[Address] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    harmless: set[object] = field(default_factory=set)


class Keeper:
    """Keeps data for the steps of one run."""

    def __init__(self, session: Session, project: Project, run: int, plan: KeepPlan) -> None:
        self.session = session
        self.project = project
        self.run = run
        self.plan = plan
        self.there: Mapping[int, int] | None = None  # tables before the run, by OID, and their highest column
        self._learned: dict[tuple[RevisionKey, Direction], _Learned] = {}

    def begin(self, step: Step, before: Catalog) -> Keeping:
        """Copy what the step is going to destroy, and look at what it is going to bring back.

        As ourselves, before the author's function. Raises StepFailedError when something cannot be kept.
        """
        if self.there is None:
            self.there = columns_there(self.session)
        learned = self.learned(step)
        known = self.plan.effects.get((step.key, step.direction))
        forward = step.direction is self.plan.forward
        gone = self.plan.gone.get(step.key, ()) if forward else ()
        losses = losses_of(known, (*gone, *learned.gone), before)
        losses = replace(losses, losses=merged((*losses.losses, *learned.losses)))
        keeping = Keeping(keeper=self, step=step, before=before, losses=losses)
        keeping.begin()
        return keeping

    def learned(self, step: Step) -> _Learned:
        """What earlier tries of the step have shown."""
        return self._learned.setdefault((step.key, step.direction), _Learned())

    def learn(self, step: Step, missed: Missed) -> None:
        """Note what the step destroys; the database is back where it was before it."""
        learned = self.learned(step)
        for address in missed.gone:
            source = find_source(self.session, address.schema, address.name)
            column = source.column(address.part) if source is not None and address.part else None
            moved = source is None or (
                any(oid == source.oid for oid, _ in missed.identities)
                if column is None
                else (source.oid, column.number) in missed.identities
            )
            new = source is not None and not self.was_there(source, column)
            computed = column is not None and column.generated
            if source is None or moved or new or computed or not has_rows(self.session, source):
                learned.harmless.add(address)
            else:
                learned.gone.append(address)
        for loss in missed.losses:
            source = find_source(self.session, loss.schema, loss.table)
            if source is None or not self.was_there(source) or not has_rows(self.session, source):
                learned.harmless.add(loss.relation)
            else:
                learned.losses.append(loss)

    def was_there(self, source: Source, column: SourceColumn | None = None) -> bool:
        """Whether a table, or a column of it, was there before the run, under whatever name."""
        assert self.there is not None
        highest = self.there.get(source.oid)
        return highest is not None and (column is None or column.number <= highest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """One copy that was made before the step and is not in the ledger yet."""

    loss: Loss
    source: Source
    number: int
    columns: tuple[str, ...]  # all columns of the copy
    kept: tuple[str, ...]  # those whose values are wanted back
    row_key: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def name(self) -> str:
        return keep_copy.name_of_copy(self.number)


@dataclass(slots=True, kw_only=True)
class Keeping:
    """The keeping of one run of one step."""

    keeper: Keeper
    step: Step
    before: Catalog
    losses: Losses
    marks: Mapping[int, TableMark] = field(default_factory=dict)
    back: PuttingBack | None = None
    _copies: list[_Copy] = field(default_factory=list)
    _left_out: list[KeptData] = field(default_factory=list)
    _done: dict[tuple[tuple[str, str], LossKind], set[str]] = field(default_factory=dict)  # before a commit
    _covered: set[tuple[str, str]] = field(default_factory=set)  # partitions of what is copied

    @property
    def _session(self) -> Session:
        return self.keeper.session

    @property
    def _policy(self) -> KeepPolicy:
        return self.keeper.plan.policy

    @property
    def _is_reversal(self) -> bool:
        """Whether the run takes its own step back: it must not stop half way because of a limit."""
        return self.step.direction is not self.keeper.plan.forward

    def begin(self) -> None:
        """Make the copies, and mark in those of the opposite step which rows were changed since."""
        with self._failing_as_step():
            held = read_open(self._session, self.step.key, self.step.direction.opposite)
            if held or self.losses.losses:
                self._begin(held)
        self.marks = table_marks(self._session)

    def _begin(self, held: tuple[KeptData, ...]) -> None:
        with printing(self._session):
            known = self.keeper.plan.effects.get((self.step.key, self.step.direction))
            self.back = PuttingBack(self._session, self.step, held, known) if held else None
            if self.back is not None:
                self.back.mark()
            if self._policy.keeps(self.step.key):
                self._copy_all()

    def _copy_all(self) -> None:
        began = time.monotonic()
        hold = self._policy.hold
        if not self._is_reversal:
            self._session.execute(f"SET LOCAL statement_timeout = {max(int(hold * 1000), 1)}")
        for loss in self.losses.losses:
            if loss.kind is LossKind.ROWS and not self.step.transactional:
                continue  # between two of its commits others write too, and whose change is whose cannot be told
            done = self._done.get((loss.relation, loss.kind))
            left = tuple(each for each in loss.columns if done is None or each not in done)
            if done is not None and not left:
                continue
            self._copy(replace(loss, columns=left))
            self._check_limits(time.monotonic() - began)
        if not self._is_reversal:
            self._session.execute("SET LOCAL statement_timeout = 0")

    def _copy(self, loss: Loss) -> None:
        source = find_source(self._session, loss.schema, loss.table)
        if source is None:
            return
        if source.partitioned:
            self._covered.update(partitions_of(self._session, source))
        if loss.relation in self._covered or not self.keeper.was_there(source):
            return
        lock_source(
            self._session,
            source,
            mode="SHARE ROW EXCLUSIVE" if loss.kind is LossKind.ROWS else "ACCESS EXCLUSIVE",
        )
        if not has_rows(self._session, source):
            return
        made = self._planned(loss, source)
        if not made.kept:
            if made.left_out:
                self._left_out.append(self._never_kept(made, Ending.LEFT_OUT))
            return
        rows, counted = keep_copy.make_copy(self._session, source, made.name, made.columns)
        copied = keep_copy.checksum_of_copy(self._session, made.name, made.columns, step_is_over=False)
        if rows != counted or copied != keep_copy.checksum_of_source(self._session, source, made.columns):
            raise self._failure(f"the copy of {loss} is not what it was made from: {rows} of {counted} rows")
        self._copies.append(made)

    def _planned(self, loss: Loss, source: Source) -> _Copy:
        stored = tuple(
            each.name
            for each in sorted(source.columns, key=lambda each: each.name)
            if not each.generated and self.keeper.was_there(source, each)
        )
        lost = tuple(each for each in loss.columns if each in stored) if loss.columns else stored
        if loss.columns and not lost:  # computed again, or made by this run
            return self._made(loss, source, (), (), ())
        row_key = source.key_without(loss.columns if loss.kind is LossKind.COLUMNS else ())
        if loss.kind is LossKind.COLUMNS and not row_key:
            row_key = self._retyped_key(loss, source)
        if not row_key or (loss.kind is LossKind.ROWS and set(row_key) & set(lost)):
            lost = stored  # only whole rows can be told apart, or made anew
        out = self._policy.left_out(loss, lost)
        kept = tuple(each for each in lost if each not in out)
        if set(row_key) & set(self._policy.left_out(loss, row_key)):
            row_key = ()
        if loss.columns and not set(kept) & set(loss.columns):
            kept = ()
        return self._made(loss, source, kept, row_key, out)

    def _retyped_key(self, loss: Loss, source: Source) -> tuple[str, ...]:
        """A key that the step changes itself: it will do if each of its values is printed as before."""
        dropped = {
            each.part
            for each in self.keeper.plan.gone.get(self.step.key, ())
            if each.relation == loss.relation
        }
        return source.key_without(dropped)

    def _made(
        self,
        loss: Loss,
        source: Source,
        kept: tuple[str, ...],
        row_key: tuple[str, ...],
        out: tuple[str, ...],
    ) -> _Copy:
        return _Copy(
            loss=loss,
            source=source,
            number=keep_copy.next_number(self._session),
            columns=tuple(dict.fromkeys((*row_key, *kept))),
            kept=kept,
            row_key=row_key,
            left_out=out,
        )

    def _check_limits(self, seconds: float) -> None:
        if self._is_reversal:
            return
        size = sum(keep_copy.size_of(self._session, each.name) for each in self._copies)
        what = ", ".join(str(each.loss) for each in self._copies)
        if size > self._policy.limit:
            limit = format_size(self._policy.limit)
            raise self._too_much(f"keeping {what} takes {format_size(size)}, and {limit} is the limit")
        if seconds > self._policy.hold:
            raise self._too_much(
                f"keeping {what} holds its locks for more than {self._policy.hold:g} s, which is the limit"
            )

    def _too_much(self, message: str) -> StepFailedError:
        key = self.step.key
        return self._failure(
            message,
            f"--keep-limit SIZE and the setting keep_hold allow more; --discard {key} destroys it without a copy",
        )

    def _failure(self, message: str, hint: str | None = None) -> StepFailedError:
        return StepFailedError(
            StepFailure(step=self.step, part=PART, message=message, place=self.step.place, hint=hint)
        )

    @contextmanager
    def _failing_as_step(self) -> Iterator[None]:
        try:
            yield
        except StatementError as error:
            failure = from_statement(self.step, PART, error)
            if error.sqlstate == _HIDDEN:
                failure = replace(
                    failure,
                    hint="a copy must hold all rows: let the role that deploys read them (BYPASSRLS, or a policy"
                    f" that it is exempt from), or give them up with --discard {self.step.key}",
                )
            elif error.sqlstate == _CANCELED:
                raise self._too_much(
                    f"a copy takes more than {self._policy.hold:g} s, and others wait so long for its locks"
                ) from error
            raise StepFailedError(failure) from error

    def _never_kept(self, made: _Copy, ending: Ending) -> KeptData:
        return KeptData(
            number=made.number,
            run=self.keeper.run,
            key=self.step.key,
            direction=self.step.direction,
            kind=made.loss.kind,
            schema=made.loss.schema,
            table=made.loss.table,
            columns=made.loss.columns,
            left_out=made.left_out,
            ending=ending,
        )

    def pause(self) -> None:
        """Before a commit in the middle: what is destroyed by now keeps its copy, the other copies would grow old."""
        with self._failing_as_step(), printing(self._session):
            for made in self._copies:
                now = find_source_by_oid(self._session, made.source.oid)
                lost = made.loss.columns if now is None else _lost(made, now)
                if now is not None and not lost:
                    keep_copy.drop_copy(self._session, made.name)
                    continue
                pending = tuple(each for each in made.loss.columns if each not in lost)
                self._write(_only(made, lost) if pending else made, pending)
                self._done.setdefault((made.loss.relation, made.loss.kind), set()).update(lost)
            self._copies.clear()

    def resume(self) -> None:
        """In the transaction after that: copy what it may destroy."""
        if self._policy.keeps(self.step.key):
            with self._failing_as_step(), printing(self._session):
                self._copy_all()

    def destroys(self, sql: str) -> str | None:
        """What a text destroys of what was there and is to be kept, in words, or None."""
        if not self._policy.keeps(self.step.key):
            return None
        effects = effects_of(
            Capture(key=self.step.key, direction=self.step.direction, statements=(Statement(sql=sql),)),
            schema=self.keeper.project.module(self.step.key.module).schema,
        )
        for loss in losses_of(effects, (), self.before).losses:
            source = find_source(self._session, loss.schema, loss.table)
            if loss.kind is LossKind.ROWS or source is None or not self.keeper.was_there(source):
                continue
            lost = [source.column(each) for each in loss.columns]
            old = not lost or any(each is not None and self.keeper.was_there(source, each) for each in lost)
            if old and has_rows(self._session, source):
                return str(loss)
        return None

    def missed(self, after: Catalog, marks: Mapping[int, TableMark]) -> Missed:
        """What the step destroyed besides; asked right after it, before anything else is written."""
        if not self._policy.keeps(self.step.key):
            return Missed()
        difference = after.difference(self.before)
        learned = self.keeper.learned(self.step)
        gone = tuple(
            each for each in difference.dropped if self._is_lost(each) and each not in learned.harmless
        )
        return Missed(
            gone=gone,
            losses=(*self._retyped(difference), *self._written(difference, marks)),
            identities=self._identities(difference) if gone else frozenset(),
        )

    def _is_lost(self, address: Address) -> bool:
        if address.kind not in {"table", "column"} or address in self.losses.renamed:
            return False
        where = (address.schema, address.name)
        if where in self._covered or self._loss(where, LossKind.TABLE) is not None:
            return False
        if address.kind == "table":
            return True
        if Address("table", *where) not in self.before.definitions:
            return False  # a view's or a foreign table's
        columns = self._loss(where, LossKind.COLUMNS)
        return columns is None or address.part not in columns.columns

    def _loss(self, where: tuple[str, str], kind: LossKind) -> Loss | None:
        return next(
            (each for each in self.losses.losses if each.relation == where and each.kind is kind), None
        )

    def _retyped(self, difference: CatalogDifference) -> Iterator[Loss]:
        for each in difference.changed:
            address = each.address
            where = (address.schema, address.name)
            if address.kind != "column" or not loses_by_type(each.before, each.after):
                continue
            if where in self._covered:
                continue
            if Address("table", *where) not in self.before.definitions:
                continue
            known = self._loss(where, LossKind.COLUMNS)
            harmless = where in self.keeper.learned(self.step).harmless
            if not harmless and (known is None or address.part not in known.columns):
                yield Loss(kind=LossKind.COLUMNS, schema=where[0], table=where[1], columns=(address.part,))

    def _written(self, difference: CatalogDifference, marks: Mapping[int, TableMark]) -> Iterator[Loss]:
        """Tables that were there and in which rows were changed or deleted without a copy."""
        if not self.step.transactional:
            return
        effects = self.keeper.plan.effects.get((self.step.key, self.step.direction))
        whole_truth = effects is not None and not effects.unknown
        rewritten = {
            each.address.relation
            for each in difference.changed
            if each.address.kind in {"table", "column", "index"}
        } | {each.relation for each in (*difference.created, *difference.dropped) if each.kind == "column"}
        for oid, then in self.marks.items():
            now = marks.get(oid)
            where = (then.schema, then.name)
            if now is None or not self._counts(where):
                continue
            known = self._loss(where, LossKind.ROWS)
            deleted = now.deleted > then.deleted
            updated = now.updated > then.updated
            emptied = now.file != then.file and where not in rewritten
            if known is not None and not known.columns:
                continue
            if whole_truth and not deleted and not emptied and (known or where in self.losses.harmless):
                continue
            if deleted or updated or emptied:
                yield Loss(kind=LossKind.ROWS, schema=where[0], table=where[1])

    def _counts(self, where: tuple[str, str]) -> bool:
        return (
            where[0] != LEDGER_SCHEMA
            and where not in self.keeper.project.version_tables
            and where not in self._covered
            and where not in self.keeper.learned(self.step).harmless
            and Address("table", *where) in self.before.definitions
            and self._loss(where, LossKind.TABLE) is None
        )

    def _identities(self, difference: CatalogDifference) -> frozenset[tuple[int, int]]:
        """Numbers of the tables and columns that came: what has only moved is found among them."""
        tables = {each.relation for each in difference.created if each.kind in {"table", "column"}}
        sources = (find_source(self._session, *table) for table in tables if table is not None)
        return frozenset(
            (source.oid, column.number)
            for source in sources
            if source is not None
            for column in source.columns
        )

    def finish(self, missed: Missed) -> tuple[Finding, ...]:
        """Put back what the opposite step had destroyed; then make this step's copies final and write them down.

        What was missed is told by a step that commits by itself: it cannot be run once more.
        """
        self._refuse_missed(missed)
        if self.back is None and not self._copies and not self.losses.losses:
            return ()
        with self._failing_as_step(), printing(self._session):
            findings = self.back.put_back(self.keeper.run) if self.back is not None else ()
            for made in self._copies:
                self._write(made)
            for each in self._left_out:
                self._record(each)
            if self.step.key in self._policy.discard:
                self._write_discarded()
        return findings

    def _refuse_missed(self, missed: Missed) -> None:
        known = {(mark.schema, mark.name): mark.estimate for mark in self.marks.values()}
        lost = [str(each) for each in missed.gone if known.get((each.schema, each.name), 0)]
        lost.extend(str(each) for each in missed.losses if known.get(each.relation, 0))
        if lost:
            raise self._failure(
                f"it destroys {', '.join(lost)}, which nobody could foresee, and there is no copy",
                f"write what it destroys as plain SQL, or accept the loss with --discard {self.step.key}",
            )

    def _write_discarded(self) -> None:
        for loss in self.losses.losses:
            number = keep_copy.next_number(self._session)
            self._record(
                KeptData(
                    number=number,
                    run=self.keeper.run,
                    key=self.step.key,
                    direction=self.step.direction,
                    kind=loss.kind,
                    schema=loss.schema,
                    table=loss.table,
                    columns=loss.columns,
                    ending=Ending.DISCARDED,
                )
            )

    def _record(self, kept: KeptData) -> None:
        write_kept(self._session, kept, keep_for=self._policy.keep_for)

    def _write(self, made: _Copy, pending: tuple[str, ...] = ()) -> None:
        """Make a copy final; `pending` are columns that the step is still going to destroy."""
        now = find_source_by_oid(self._session, made.source.oid)
        if now is None:
            now = find_source(self._session, made.loss.schema, made.loss.table)
        row_key, left_as, rest = self._finish_copy(made, now, pending)
        rows, size, checksum = keep_copy.measure(self._session, made.name, made.columns)
        if rows == 0:
            keep_copy.drop_copy(self._session, made.name)
            return
        self._record(
            KeptData(
                number=made.number,
                run=self.keeper.run,
                key=self.step.key,
                direction=self.step.direction,
                kind=made.loss.kind,
                schema=made.loss.schema,
                table=made.loss.table,
                columns=made.kept if row_key else made.columns,
                row_key=row_key,
                rest=rest,
                left_as=left_as,
                rows=rows,
                bytes=size,
                checksum=checksum,
                left_out=made.left_out,
                copy=made.name,
            )
        )

    def _finish_copy(
        self, made: _Copy, now: Source | None, pending: tuple[str, ...]
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Narrow the copy; the key that it has now, what the table and the key are called now, and its columns."""
        names = {} if now is None else _names_now(made.source, now)
        keys = {each: names[each] for each in made.row_key if each in names}
        if now is None:
            keep_copy.keep_all(self._session, made.name)
            return made.row_key, (), ()
        if not made.row_key or len(keys) < len(made.row_key):
            there = all(names.get(each) == each for each in made.columns)
            if there and made.loss.kind is not LossKind.COLUMNS:
                keep_copy.narrow_without_key(self._session, now, made.name, made.columns)
            else:
                keep_copy.keep_all(self._session, made.name)
            return (), (now.schema, now.name), ()
        compared = {each: names[each] for each in made.kept if each in names}
        lost = set(made.loss.columns) if made.loss.kind is LossKind.COLUMNS else set()
        rest = tuple(each for each in now.stored if each not in pending)
        keep_copy.narrow(
            self._session,
            now,
            made.name,
            rest=rest,
            columns=made.columns,
            keys=keys,
            compared=compared,
            all_rows=bool(lost - set(names)),
        )
        row_key = made.row_key
        if set(row_key) & lost and keep_copy.unmatched(self._session, made.name):
            row_key = ()
        return row_key, (now.schema, now.name, *keys.values()), rest


def _lost(made: _Copy, now: Source) -> tuple[str, ...]:
    """Those of the columns at stake that the table is without by now, or holds as another type."""
    types = {each.number: each.type for each in now.columns}
    return tuple(
        each.name
        for each in made.source.columns
        if each.name in made.loss.columns and types.get(each.number) != each.type
    )


def _only(made: _Copy, lost: tuple[str, ...]) -> _Copy:
    """The copy of only these of the columns; whole rows, where it has no key, stay whole."""
    if not made.row_key:
        return made
    kept = tuple(each for each in made.kept if each in lost)
    return replace(made, kept=kept, columns=tuple(dict.fromkeys((*made.row_key, *kept))))


def _names_now(before: Source, now: Source) -> dict[str, str]:
    """What the columns are called now, by their numbers; in another table of the same name, by their names."""
    if before.oid != now.oid:
        return {each: each for each in before.stored if each in now.stored}
    numbers = {each.number: each.name for each in now.columns if not each.generated}
    return {each.name: numbers[each.number] for each in before.columns if each.number in numbers}

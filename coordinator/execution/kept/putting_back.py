"""Puts back what the opposite step destroyed: marks what was changed since, fills, inserts, and proves it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.execution.failure import StepFailedError, StepFailure
from coordinator.execution.kept.keep_failure import PART_BACK, give_up_help
from coordinator.execution.kept.newer_rows import NEWER_HELP, as_left, newer_rows
from coordinator.execution.kept.own_values import compared_with
from coordinator.execution.kept.put_back_findings import PutBackFindings
from coordinator.ledger.kept import write_put_back
from coordinator.model.kept import ORIGIN_LOCK, PUT_BACK_LOCK, LossKind
from coordinator.postgres.keeping import back as keep_back
from coordinator.postgres.keeping import copy as keep_copy
from coordinator.postgres.keeping import outcome as keep_outcome
from coordinator.postgres.keeping import target as keep_target
from coordinator.postgres.keeping import won as keep_won
from coordinator.postgres.keeping.each import BY_ANY, BY_ITSELF
from coordinator.postgres.keeping.origins import lock_origins
from coordinator.postgres.keeping.source import find_source, full_types, has_rows, lock_source, printing
from coordinator.postgres.rows import table_marks
from coordinator.sql.mandatory import relaxed
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.execution.kept.own_values import Function, Own, OwnValues
    from coordinator.model.effect import ObjectName
    from coordinator.model.finding import Finding
    from coordinator.model.kept import KeptData
    from coordinator.model.plan import Step
    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.rows import TableMark
    from coordinator.postgres.session import Session
    from coordinator.sql.mandatory import Relaxed


@dataclass(slots=True)
class PuttingBack:
    """The way back for all that one step destroyed."""

    session: Session
    step: Step
    held: tuple[KeptData, ...]
    own_values: OwnValues
    restored: list[tuple[Source, tuple[str, ...]]] = field(
        default_factory=list
    )  # columns that are filled again
    _own: dict[int, Own] = field(default_factory=dict)  # by the number of the copy
    _types: dict[int, Mapping[str, str]] = field(default_factory=dict)  # of the columns, by the copy's number
    _filled: dict[int, int] = field(default_factory=dict)  # rows, by the table's OID
    _twins_counted: set[int] = field(default_factory=set)
    _marks: Mapping[int, TableMark] = field(default_factory=dict)  # before the author's function
    _marks_after: Mapping[int, TableMark] = field(default_factory=dict)
    _in_order: frozenset[int] = frozenset()  # numbers of the copies whose parents are all back before them

    @property
    def _function(self) -> Function:
        return self.own_values.function

    @property
    def _told(self) -> PutBackFindings:
        return PutBackFindings(session=self.session, step=self.step)

    def mark(self) -> None:
        """Before the author's function: prove each copy, and note which rows were changed since it was made.

        From here on nobody else writes to the tables, or what he writes would be overwritten unseen.
        """
        self._lock()
        if newer := newer_rows(self.session, self.held, self._function):
            raise self._failure(newer, NEWER_HELP)
        for kept in self.held:
            assert kept.copy is not None
            columns = tuple(dict.fromkeys((*kept.row_key, *kept.columns)))
            now = keep_copy.checksum_of_copy(self.session, kept.copy, columns, step_is_over=True)
            if now != kept.checksum:
                raise self._failure(
                    f"the copy migrate.{kept.copy} of {kept.loss} was changed by somebody",
                    give_up_help(kept.run),
                )
            table, names = as_left(self.session, kept)
            keep_back.mark_changed(self.session, kept.copy, table, keys=names, rest=kept.rest)
            self._note_before(kept, table, names)
        self._marks = table_marks(self.session)

    def _note_before(self, kept: KeptData, table: Source | None, names: dict[str, str]) -> None:
        """Note what tells after the author's function whether it brought something else itself."""
        assert kept.copy is not None
        own = self.own_values.of(kept)
        if own is not None:
            self._own[kept.number] = own
            self._types[kept.number] = {} if table is None else full_types(self.session, table)
            if kept.row_key:
                keep_won.note_values(self.session, kept.copy, table, keys=names, columns=own.columns)
        others = _besides_key(kept)
        if (
            kept.whole_rows
            and kept.row_key
            and others
            and self._function.written(kept.relations) != frozenset()
        ):
            keep_won.count_twins(self.session, kept.copy, table, keys=names, columns=others)
            self._twins_counted.add(kept.number)

    def _lock(self) -> None:
        for where in sorted({each for kept in self.held for each in kept.relations}):
            table = find_source(self.session, *where)
            if table is not None:
                lock_source(self.session, table, mode=PUT_BACK_LOCK)
        origins = {each for kept in self.held for each in compared_with(kept, self._function)}
        lock_origins(self.session, origins, mode=ORIGIN_LOCK)

    def around(self, sql: str, *, schema: str) -> Relaxed | None:
        """The statement as it can be sent to a table with rows; None when it needs no help."""
        try:
            return relaxed(sql, schema=schema, wanted=self._holds)
        except SqlSyntaxError:
            return None  # the server will refuse it, with the place

    def _holds(self, column: ObjectName) -> bool:
        return any(self._has(kept, column) for kept in self.held)

    @staticmethod
    def _has(kept: KeptData, column: ObjectName) -> bool:
        return (
            (column.schema, column.name) in kept.relations
            and column.part in kept.columns
            and bool(kept.row_key)
        )

    def fill(
        self, columns: tuple[ObjectName, ...], *, mandatory: bool = False, computed: bool = False
    ) -> None:
        """Fill columns that are there again, in the middle of the author's function; then make them mandatory.

        `computed`: they have just been added, and hold nothing but what the server makes for each row.
        """
        if not columns:
            return
        before = table_marks(self.session)
        with self._as_ourselves():
            for column in columns:
                target = find_source(self.session, column.schema, column.name)
                if target is None or target.column(column.part) is None:
                    continue
                keep_target.settle_keys(self.session, target)
                for kept in self.held:
                    if self._has(kept, column) and set(kept.row_key) <= set(target.stored):
                        self._fill(kept, target, column.part, computed=computed)
                # Rows that the function goes on to make must not be given numbers that are in again.
                keep_target.raise_sequences(self.session, target, (column.part,))
                if mandatory:
                    keep_target.set_mandatory(self.session, target, column.part)
        for oid, mark in table_marks(self.session).items():
            then = before.get(oid, mark).updated
            self._filled[oid] = self._filled.get(oid, 0) + mark.updated - then

    def with_filled(self, marks: Mapping[int, TableMark]) -> Mapping[int, TableMark]:
        """Marks from before the author's function, with the rows counted that were filled while it was at work."""
        return {
            oid: replace(mark, updated=mark.updated + self._filled.get(oid, 0)) for oid, mark in marks.items()
        }

    def forget_filled(self) -> None:
        """A transaction has begun, whose counters know nothing of what was filled before it."""
        self._filled.clear()

    @contextmanager
    def _as_ourselves(self) -> Iterator[None]:
        """Leave the module's role and names for a moment."""
        role, path = self.session.rows("SELECT current_setting('role'), current_setting('search_path')")[0]
        self.session.execute("SET LOCAL ROLE NONE; SET LOCAL search_path = pg_catalog")
        with printing(self.session):
            yield
        self.session.execute("SELECT set_config('search_path', %s, true)", (path,))
        self.session.execute("SELECT set_config('role', %s, true)", (role,))

    def _fill(self, kept: KeptData, target: Source, column: str, *, computed: bool) -> None:
        assert kept.copy is not None
        with keep_target.by_ourselves(self.session, target, (column,)):
            keep_back.fill_early(
                self.session,
                kept.copy,
                target,
                keys=kept.row_key,
                column=column,
                came_back=column not in kept.rest,
                computed=computed,
            )

    def put_back(self, run: int) -> tuple[Finding, ...]:
        """After the author's function: everything that can go back, with the proof that it did."""
        self.session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self._marks_after = table_marks(self.session)
        findings: list[Finding] = []
        for kept in self._parents_first():
            target = find_source(self.session, kept.schema, kept.table)
            columns = () if target is None else tuple(each for each in kept.columns if each in target.stored)
            if target is None or len(columns) < len(kept.columns):
                missing = sorted(set(kept.columns) - set(columns))
                findings.append(self._told.stays(kept, f"{', '.join(missing)} did not come back"))
            elif lost := sorted(set(kept.row_key) - set(target.stored)):
                findings.append(self._told.stays(kept, f"its key {', '.join(lost)} is not there"))
            elif not kept.row_key and not self._may_insert_all(kept, target):
                findings.append(self._told.stays(kept, "its rows have no key that would tell them apart"))
            elif not kept.row_key and self._brings_no_others(kept, target):
                findings.append(self._told.stays(kept, self._own[kept.number].why))
            elif not self._insertable(kept, target):
                findings.append(
                    self._told.stays(kept, "columns that are left out of the copy must have values")
                )
            else:
                findings.extend(self._put_back(kept, target, columns, run))
        return tuple(findings)

    def _may_insert_all(self, kept: KeptData, target: Source) -> bool:
        return kept.kind is LossKind.TABLE and not has_rows(self.session, target)

    def _makes_rows(self, kept: KeptData, target: Source) -> bool:
        """Whether the author's function has put rows into the table, by the server's counters or under its name."""
        if not self.step.transactional:  # what it did before its last commit is counted no more
            brings = self._function.brings_rows(kept.relations)
            return (
                kept.kind is LossKind.TABLE and has_rows(self.session, target) if brings is None else brings
            )
        was = self._marks.get(target.oid)
        if was is not None and was.table not in kept.relations:
            return True
        return any(
            now.inserted > (self._marks[oid].inserted if oid in self._marks else 0)
            for oid, now in self._marks_after.items()
            if target.oid in {oid, now.root}
        )

    def _brings_no_others(self, kept: KeptData, target: Source) -> bool:
        """Whether kept rows that the author's function did not bring back are gone for good reason."""
        assert kept.copy is not None
        own = self._own.get(kept.number)
        if own is None or own.rows is not None:
            return own is not None and own.rows is True
        return (
            bool(kept.row_key)
            and self._makes_rows(kept, target)
            and keep_won.brought_any(self.session, kept.copy, target, keys=kept.row_key)
        )

    @staticmethod
    def _insertable(kept: KeptData, target: Source) -> bool:
        if not kept.whole_rows:
            return True
        return not any(
            each.mandatory and each.default is None and not each.identity and each.name in kept.left_out
            for each in target.columns
        )

    def _put_back(
        self, kept: KeptData, target: Source, columns: tuple[str, ...], run: int
    ) -> tuple[Finding, ...]:
        assert kept.copy is not None
        others = _besides_key(kept)
        rows = conflicts = 0
        findings: tuple[Finding, ...] = ()
        with keep_target.by_ourselves(self.session, target, columns):
            if kept.row_key:
                self._mark_own(kept, target)
                self._fill_inside(kept, target, others)
            if kept.number in self._twins_counted and self._makes_rows(kept, target):
                keep_won.mark_twins(self.session, kept.copy, target, keys=kept.row_key, columns=others)
            if kept.whole_rows:
                rows = keep_back.insert(
                    self.session,
                    kept.copy,
                    target,
                    keys=kept.row_key,
                    columns=columns,
                    refusals=self._refusals(kept),
                )
        self.restored.append((target, tuple(dict.fromkeys((*kept.row_key, *columns)))))
        keep_target.raise_sequences(self.session, target, columns)
        if kept.row_key:
            outcome = keep_outcome.compare(
                self.session, kept.copy, target, keys=kept.row_key, columns=columns
            )
            rows, conflicts = outcome.good, sum(outcome.conflicts.values())
            if outcome.wrong:
                raise self._failure(
                    f"{outcome.wrong} rows of {kept.schema}.{kept.table} do not take the values that were kept of {kept.loss}",
                    give_up_help(kept.run),
                )
        elif (
            rows != kept.rows or keep_copy.checksum_of_source(self.session, target, columns) != kept.checksum
        ):
            raise self._failure(
                f"not all that was kept of {kept.loss} went back as it was",
                give_up_help(kept.run),
            )
        if conflicts:
            own = self._own.get(kept.number)
            findings = self._told.conflicts(
                kept, target, columns, outcome, why="" if own is None else own.why
            )
            keep_outcome.keep_conflicts(self.session, kept.copy, target, keys=kept.row_key, columns=columns)
        else:
            keep_copy.drop_copy(self.session, kept.copy)
        write_put_back(self.session, kept, run=run, rows=rows, conflicts=conflicts)
        return findings

    def _mark_own(self, kept: KeptData, target: Source) -> None:
        """Leave alone what the author's function brought back itself, where that counts."""
        assert kept.copy is not None
        own = self._own.get(kept.number)
        if own is None:
            return
        now = full_types(self.session, target)
        # A value that looks different under another type was not brought from anywhere.
        then = self._types[kept.number] if self._function.known is None else {}
        retyped = {each for each in then if now.get(each, then[each]) != then[each]}
        keep_won.mark_own(
            self.session,
            kept.copy,
            target,
            keys=kept.row_key,
            columns=own.columns,
            passed_over=retyped,
        )
        if kept.whole_rows and self._brings_no_others(kept, target):
            keep_won.mark_not_brought(self.session, kept.copy, target, keys=kept.row_key)

    def _fill_inside(self, kept: KeptData, target: Source, columns: tuple[str, ...]) -> None:
        assert kept.copy is not None
        came_back = tuple(each for each in columns if each not in kept.rest) if kept.left_as else ()
        keep_back.fill(
            self.session,
            kept.copy,
            target,
            keys=kept.row_key,
            columns=columns,
            came_back=came_back,
            refusals=self._refusals(kept),
        )

    def _refusals(self, kept: KeptData) -> frozenset[str]:
        return BY_ANY if kept.number in self._in_order else BY_ITSELF

    def _failure(self, message: str, hint: str | None = None) -> StepFailedError:
        return StepFailedError(
            StepFailure(step=self.step, part=PART_BACK, message=message, place=self.step.place, hint=hint)
        )

    def _parents_first(self) -> tuple[KeptData, ...]:
        """Whole rows before single values, and referenced tables before those that refer to them."""
        ranks = keep_target.reference_ranks(self.session, [kept.relation for kept in self.held])
        order = sorted(
            self.held, key=lambda each: (not each.whole_rows, ranks.get(each.relation, 0), each.number)
        )
        # In a circle of foreign keys a row may be refused only because another one is not back yet: then no row
        # may be passed over.
        self._in_order = frozenset(
            each.number
            for place, each in enumerate(order)
            if ranks[each.relation] < len(ranks)
            and all(ranks[later.relation] >= ranks[each.relation] for later in order[place:])
        )
        return tuple(order)


def _besides_key(kept: KeptData) -> tuple[str, ...]:
    return tuple(each for each in kept.columns if each not in kept.row_key)

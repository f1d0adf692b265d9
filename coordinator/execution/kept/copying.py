"""Copies what a step is going to destroy, right before it, under locks and within limits."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.execution.kept.made_copy import MadeCopy
from coordinator.model.catalog import Address
from coordinator.model.kept import LossKind
from coordinator.model.sizes import format_size
from coordinator.postgres.keeping import copy as keep_copy
from coordinator.postgres.keeping.source import (
    find_source,
    find_source_by_oid,
    has_rows,
    lock_source,
)

if TYPE_CHECKING:
    from coordinator.execution.kept.keep_failure import KeepFailures
    from coordinator.execution.kept.keeper import Keeper
    from coordinator.execution.kept.recording import Recording
    from coordinator.model.catalog import Catalog
    from coordinator.model.kept import KeepPolicy, Loss
    from coordinator.model.plan import Step
    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session


@dataclass(slots=True, kw_only=True)
class Copying:
    """The copies of one run of one step; `before` is the catalog before it.

    `made` are not final yet, of `never_kept` nothing may be copied; `covered` tells of each
    partition which losses are those of the table that it belongs to. `computed` is as in `Losses`.
    """

    keeper: Keeper
    step: Step
    before: Catalog
    losses: tuple[Loss, ...]
    computed: frozenset[tuple[str, str, str]]
    failures: KeepFailures
    made: list[MadeCopy] = field(default_factory=list)
    never_kept: list[MadeCopy] = field(default_factory=list)
    covered: dict[tuple[str, str], list[Loss]] = field(default_factory=dict)
    _done: dict[tuple[tuple[str, str], LossKind], set[str]] = field(default_factory=dict)  # before a commit

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

    @property
    def beyond_copying(self) -> tuple[Loss, ...]:
        """Rows that a step changes between its commits: others write too, and whose change is whose cannot be told."""
        if self.step.transactional:
            return ()
        return tuple(each for each in self.losses if each.kind is LossKind.ROWS)

    def copy_all(self) -> None:
        """Copy all that is at stake and has no final copy yet. Raises StepFailedError beyond a limit."""
        began = time.monotonic()
        hold = self._policy.hold
        if not self._is_reversal:
            self._session.execute(f"SET LOCAL statement_timeout = {max(int(hold * 1000), 1)}")
        for loss in self._parents_first():
            if loss in self.beyond_copying:
                self._cover(loss, find_source(self._session, *loss.relation))
                continue
            done = self._done.get((loss.relation, loss.kind))
            left = tuple(each for each in loss.columns if done is None or each not in done)
            if done is not None and not left:
                continue
            self._copy(replace(loss, columns=left))
            self._check_limits(time.monotonic() - began)
        if not self._is_reversal:
            self._session.execute("SET LOCAL statement_timeout = 0")

    def _parents_first(self) -> tuple[Loss, ...]:
        """Partitioned tables before their partitions, whose rows are copied with them."""
        found = ((each, find_source(self._session, *each.relation)) for each in self.losses)
        depths = {each: 0 if source is None else source.depth for each, source in found}
        return tuple(sorted(self.losses, key=lambda each: depths[each]))

    def settle(self, recording: Recording) -> None:
        """Before a commit: copies of what is destroyed by now become final, the others would grow old and go."""
        for made in self.made:
            now = find_source_by_oid(self._session, made.source.oid)
            lost = made.loss.columns if now is None else self._lost_by_now(made, now)
            if now is not None and not lost:
                keep_copy.drop_copy(self._session, made.name)
                continue
            pending = tuple(each for each in made.loss.columns if each not in lost)
            if recording.write(made.only(lost) if pending else made, pending):
                self._done.setdefault((made.loss.relation, made.loss.kind), set()).update(lost)
        self.made.clear()

    def _lost_by_now(self, made: MadeCopy, now: Source) -> tuple[str, ...]:
        """Those of the columns at stake that are others by now."""
        lost = made.lost_in(now)
        computed = (
            each
            for each in made.loss.columns
            if each in made.kept and each not in lost and (*made.loss.relation, each) in self.computed
        )
        return lost + tuple(each for each in computed if self._has_other_values(made, now, each))

    def _has_other_values(self, made: MadeCopy, now: Source, column: str) -> bool:
        names = made.names_in(now)
        keys = made.row_key if set(made.row_key) <= set(names) else ()
        columns = tuple(dict.fromkeys((*keys, column)))
        then = keep_copy.checksum_of_copy(self._session, made.name, columns, step_is_over=False)
        return then != keep_copy.checksum_of_source(self._session, now, [names[each] for each in columns])

    def _copy(self, loss: Loss) -> None:
        source = find_source(self._session, loss.schema, loss.table)
        if source is None:
            return
        if any(each.holds(loss) for each in self.covered.get(loss.relation, ())):
            return
        if not self.keeper.was_there(source):
            return
        self._cover(loss, source)
        lock_source(self._session, source, mode=loss.lock)
        if not has_rows(self._session, source):
            return
        made = self._planned(loss, source)
        if not made.kept:
            if made.left_out:
                self.never_kept.append(made)
            return
        self._make(made)
        self.made.append(made)

    def _cover(self, loss: Loss, source: Source | None) -> None:
        """Note that the loss is also one of each of the table's partitions."""
        for each in source.parts if source is not None else ():
            self.covered.setdefault(each, []).append(loss)

    def _make(self, made: MadeCopy) -> None:
        """Make the copy, and prove by count and checksum that it holds what its source holds."""
        rows, counted = keep_copy.make_copy(self._session, made.source, made.name, made.columns)
        copied = keep_copy.checksum_of_copy(self._session, made.name, made.columns, step_is_over=False)
        there = keep_copy.checksum_of_source(self._session, made.source, made.columns)
        if rows != counted or copied != there:
            raise self.failures.failure(
                f"the copy of {made.loss} is not what it was made from: {rows} of {counted} rows"
            )

    def _planned(self, loss: Loss, source: Source) -> MadeCopy:
        there, whole = self._there(source), self._whole(loss, source)
        lost = tuple(each for each in loss.columns if each in there) if loss.columns else whole
        if loss.columns and not lost:  # computed again, or made by this run
            return self._numbered(loss, source, (), (), ())
        never = self.keeper.left_out(source)
        row_key = self.keeper.plan.row_key(self.step, loss, source, never)
        if not row_key or (loss.kind is LossKind.ROWS and set(row_key) & set(lost)):
            lost = whole  # only whole rows can be told apart, or made anew
        out = tuple(each for each in lost if each in never)
        kept = tuple(each for each in lost if each not in out)
        if loss.columns and not set(kept) & set(loss.columns):
            kept = ()
        return self._numbered(loss, source, kept, row_key, out)

    def _there(self, source: Source) -> tuple[str, ...]:
        """The stored columns that were there before the run."""
        old = {each.name for each in source.columns if self.keeper.was_there(source, each)}
        return tuple(each for each in source.stored if each in old)

    def _whole(self, loss: Loss, source: Source) -> tuple[str, ...]:
        """The columns of its whole rows: what the run has put into a column of its own goes with a row too.

        Not the columns that this step has made itself: its opposite need not bring them.
        """
        there = self._there(source)
        if loss.kind is LossKind.COLUMNS:
            return there
        numbers = self.before.numbers
        before = {
            each.name
            for each in source.columns
            if numbers.get(Address("column", source.schema, source.name, each.name)) == each.number
        }
        whole = tuple(each for each in source.stored if each in there or each in before)
        self.keeper.note_own(loss.relation, set(whole) - set(there))
        return whole

    def _numbered(
        self,
        loss: Loss,
        source: Source,
        kept: tuple[str, ...],
        row_key: tuple[str, ...],
        out: tuple[str, ...],
    ) -> MadeCopy:
        return MadeCopy(
            loss=loss,
            source=source,
            number=keep_copy.next_number(self._session),
            columns=tuple(dict.fromkeys((*row_key, *kept))),
            kept=kept,
            row_key=row_key,
            left_out=out,
            personal=self.keeper.personal(source),
        )

    def _check_limits(self, seconds: float) -> None:
        if self._is_reversal:
            return
        size = sum(keep_copy.size_of(self._session, each.name) for each in self.made)
        what = ", ".join(str(each.loss) for each in self.made)
        if size > self._policy.limit:
            limit = format_size(self._policy.limit)
            raise self.failures.too_much(
                f"keeping {what} takes {format_size(size)}, and {limit} is the limit"
            )
        if seconds > self._policy.hold:
            raise self.failures.too_much(
                f"keeping {what} holds its locks for more than {self._policy.hold:g} s, which is the limit"
            )

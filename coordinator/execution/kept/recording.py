"""Makes the copies of a step final: narrowed to what it destroyed, measured, and written down in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.ledger.applied import applied_digest
from coordinator.ledger.kept import write_kept
from coordinator.model.capture import Direction
from coordinator.model.kept import Ending, KeptData, LossKind
from coordinator.postgres.keeping import copy as keep_copy
from coordinator.postgres.keeping.origins import measured
from coordinator.postgres.keeping.source import find_source, find_source_by_oid

if TYPE_CHECKING:
    from coordinator.execution.kept.made_copy import MadeCopy
    from coordinator.execution.kept.own_values import Function
    from coordinator.model.kept import Loss, OriginState
    from coordinator.model.plan import Step
    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The rows about kept data of one step in one run. `keep_for` in seconds, as in `KeepPolicy`.

    `opposite` is the function that will bring the data back, `digest` that of the revision's content.
    """

    session: Session
    run: int
    step: Step
    keep_for: float
    limit: int  # bytes of a table that is measured
    digest: str
    opposite: Function

    def write(self, made: MadeCopy, pending: tuple[str, ...] = ()) -> bool:
        """Make a copy final; `pending` are columns that the step is still going to destroy. False: nothing was lost."""
        now = find_source_by_oid(self.session, made.source.oid)
        if now is None:
            now = find_source(self.session, made.loss.schema, made.loss.table)
        row_key, left_as, rest = self._narrow(made, now, pending)
        rows, size, checksum = keep_copy.measure(self.session, made.name, made.columns)
        if rows == 0:
            keep_copy.drop_copy(self.session, made.name)
            return False
        self._record(
            KeptData(
                number=made.number,
                run=self.run,
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
                personal=tuple(each for each in made.columns if each in made.personal),
                copy=made.name,
                digest=self._content(),
                origins=self._origins(made.loss.relation, left_as[:2]),
            )
        )
        return True

    def write_never_kept(self, made: MadeCopy) -> None:
        """Write down what was destroyed without a copy because no column of it may be copied."""
        self._record(self._without_copy(made.loss, made.number, Ending.LEFT_OUT, left_out=made.left_out))

    def write_unkept(self, losses: tuple[Loss, ...], why: Ending) -> None:
        """Write down what was destroyed without a copy because that was asked for, now or in the settings."""
        for loss in losses:
            number = keep_copy.next_number(self.session)
            self._record(self._without_copy(loss, number, why))

    def _content(self) -> str:
        """The digest of what made the data: a downgrade destroys what the content that is in had brought."""
        is_in = applied_digest(self.session, self.step.key)
        return self.digest if self.step.direction is Direction.UPGRADE or is_in is None else is_in

    def _origins(self, *names: tuple[str, ...]) -> tuple[OriginState, ...] | None:
        """The tables from which the opposite will fill that one, as they are now."""
        origins = self.opposite.origins({(each[0], each[1]) for each in names if each})
        return None if origins is None else measured(self.session, origins, limit=self.limit)

    def _without_copy(
        self, loss: Loss, number: int, ending: Ending, *, left_out: tuple[str, ...] = ()
    ) -> KeptData:
        return KeptData(
            number=number,
            run=self.run,
            key=self.step.key,
            direction=self.step.direction,
            kind=loss.kind,
            schema=loss.schema,
            table=loss.table,
            columns=loss.columns,
            left_out=left_out,
            ending=ending,
        )

    def _record(self, kept: KeptData) -> None:
        write_kept(self.session, kept, keep_for=self.keep_for)

    def _narrow(
        self, made: MadeCopy, now: Source | None, pending: tuple[str, ...]
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Narrow the copy; the key that it has now, what the table and the key are called now, and its columns."""
        names = {} if now is None else made.names_in(now)
        keys = {each: names[each] for each in made.row_key if each in names}
        comment = (
            f"Copy of {made.loss}, made before {self.step.key} ({self.step.direction.value}) in run {self.run}:"
            f" see number {made.number} of migrate.kept."
        )
        if now is None:
            keep_copy.keep_all(self.session, made.name, comment=comment)
            return made.row_key, (), ()
        # Rows in another table of the same name, made or moved there by the step, are not those that went.
        replaced = now.oid != made.source.oid
        if not made.row_key or len(keys) < len(made.row_key):
            there = all(names.get(each) == each for each in made.columns)
            if there and not replaced and made.loss.kind is not LossKind.COLUMNS:
                keep_copy.narrow_without_key(self.session, now, made.name, made.columns, comment=comment)
            else:
                keep_copy.keep_all(self.session, made.name, comment=comment)
            return (), (now.schema, now.name), ()
        # Rows that go by other keys now must not come back beside themselves.
        moved = keep_copy.moved_keys(self.session, now, made.name, keys)
        compared = {each: names[each] for each in made.kept if each in names}
        lost = set(made.loss.columns) if made.loss.kind is LossKind.COLUMNS else set()
        rest = tuple(each for each in now.stored if each not in pending)
        keep_copy.narrow(
            self.session,
            now,
            made.name,
            rest=rest,
            columns=made.columns,
            keys=keys,
            compared=compared,
            all_rows=replaced or bool(lost - set(names)),
            comment=comment,
        )
        row_key = () if moved else made.row_key
        if set(row_key) & lost and keep_copy.unmatched(self.session, made.name):
            row_key = ()
        return row_key, (now.schema, now.name, *keys.values()), rest

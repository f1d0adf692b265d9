"""Finds what a step destroyed without a copy: by how the catalog differs, and by the counters of rows written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.kept.written import Written
from coordinator.model.catalog import LEDGER_SCHEMA, Address
from coordinator.model.kept import Loss, LossKind
from coordinator.planning.composites import columns_of_shrunk_types
from coordinator.planning.losses import loses_by_type, merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.execution.kept.keeper import Keeper
    from coordinator.model.catalog import Catalog
    from coordinator.model.plan import Step
    from coordinator.planning.losses import Losses
    from coordinator.postgres.rows import TableMark

_Identity = tuple[int, int]  # a table's OID and a column's number: both outlive renaming


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The look for what one step destroyed besides what was foreseen.

    `before` and `marks` are the catalog and the tables' counters as they were before it, `since` the counters as the
    open transaction began; `covered` tells of each partition of what was foreseen which losses were foreseen with it.
    """

    keeper: Keeper
    step: Step
    before: Catalog
    losses: Losses
    covered: Mapping[tuple[str, str], Sequence[Loss]]
    marks: Mapping[int, TableMark]
    since: Mapping[int, TableMark]

    def find(self, after: Catalog, marks: Mapping[int, TableMark]) -> tuple[Loss, ...]:
        """What it destroyed besides; `after` and `marks` are the catalog and the counters right after it.

        Of a step that commits in its middle, rows are those that were changed since its last commit.
        """
        found = (*self._tables(marks), *self._columns(after, marks), *self._rows(after, marks))
        return merged(each for each in found if not self._is_foreseen(each))

    def _known(self, table: tuple[str, str]) -> tuple[Loss, ...]:
        """What was foreseen of a table, or of one that it is a partition of."""
        own = (each for each in self.losses.losses if each.relation == table)
        return (*own, *self.covered.get(table, ()))

    def _is_foreseen(self, loss: Loss) -> bool:
        return any(each.holds(loss) for each in self._known(loss.relation))

    def _is_table(self, table: tuple[str, str]) -> bool:
        return Address("table", *table) in self.before.definitions

    def _tables(self, marks: Mapping[int, TableMark]) -> Iterator[Loss]:
        """Tables that are there no more, though another one may have their name."""
        for oid, then in self.marks.items():
            if oid not in marks and self._is_table(then.table) and self.keeper.has(oid):
                yield Loss(kind=LossKind.TABLE, schema=then.schema, table=then.name)

    def _columns(self, after: Catalog, marks: Mapping[int, TableMark]) -> Iterator[Loss]:
        """Columns that are there no more, though others may have their names, and those that hold less than before."""
        if (
            after.numbers == self.before.numbers
            and after == self.before
            and _tables(marks) == _tables(self.marks)
        ):
            return
        was, now = _identities(self.before, self.marks), _identities(after, marks)
        identities = {address: identity for identity, address in was.items()}
        gone = [address for identity, address in was.items() if identity not in now]
        lost = [
            *gone,
            *(
                address
                for identity, address in was.items()
                if identity in now
                and loses_by_type(self.before.definitions[address], after.definitions[now[identity]])
            ),
            *columns_of_shrunk_types(self.before, after, {each[1:3] for each in gone}),
        ]
        for each in lost:
            if each in identities and self.keeper.has(*identities[each]):
                yield Loss(kind=LossKind.COLUMNS, schema=each.schema, table=each.name, columns=(each.part,))

    def _rows(self, after: Catalog, marks: Mapping[int, TableMark]) -> Iterator[Loss]:
        """Tables that were there and in which rows were changed or deleted without a copy."""
        effects = self.keeper.plan.effects.get((self.step.key, self.step.direction))
        written = Written(
            effects=effects, before=self.before, after=after, marks_before=self.since, marks_after=marks
        )
        for oid, then in self.marks.items():
            if oid not in marks or not written.touches(oid) or not self._counts(oid, then.table):
                continue
            parent = next(iter(self.covered.get(then.table, ())), None)
            table = then.table if parent is None else parent.relation
            loss = Loss(kind=LossKind.ROWS, schema=table[0], table=table[1])
            if self._is_foreseen(loss):
                continue
            foreseen = bool({then.table, table} & self.losses.harmless) or any(
                each.kind is LossKind.ROWS for each in self._known(then.table)
            )
            if not written.is_said(oid, foreseen=foreseen):
                yield loss

    def _counts(self, oid: int, table: tuple[str, str]) -> bool:
        return (
            table[0] != LEDGER_SCHEMA
            and table not in self.keeper.project.version_tables
            and self._is_table(table)
            and self.keeper.has(oid)
        )


def _tables(marks: Mapping[int, TableMark]) -> dict[tuple[str, str], int]:
    return {mark.table: oid for oid, mark in marks.items()}


def _identities(catalog: Catalog, marks: Mapping[int, TableMark]) -> dict[_Identity, Address]:
    """The columns of all tables by what stays the same when they get other names."""
    oids = _tables(marks)
    return {
        (oids[address[1:3]], number): address
        for address, number in catalog.numbers.items()
        if address.kind == "column" and address[1:3] in oids
    }

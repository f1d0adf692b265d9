"""Finds what a step destroyed without a copy: by how the catalog differs, and by the counters of rows written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.kept.keep_plan import Missed
from coordinator.model.catalog import LEDGER_SCHEMA, Address
from coordinator.model.kept import Loss, LossKind
from coordinator.planning.losses import loses_by_type
from coordinator.postgres.keeping.source import find_source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from coordinator.execution.kept.keeper import Keeper
    from coordinator.model.catalog import Catalog, CatalogDifference
    from coordinator.model.plan import Step
    from coordinator.planning.losses import Losses
    from coordinator.postgres.rows import TableMark


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The look for what one step destroyed besides what was foreseen.

    `before` and `marks` are the catalog and the tables' counters as they were before it; `covered` are partitions
    of what was copied.
    """

    keeper: Keeper
    step: Step
    before: Catalog
    losses: Losses
    covered: Collection[tuple[str, str]]
    marks: Mapping[int, TableMark]

    def find(self, after: Catalog, marks: Mapping[int, TableMark]) -> Missed:
        """What it destroyed besides; `after` and `marks` are the catalog and the counters right after it."""
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
        if where in self.covered or self._loss(where, LossKind.TABLE) is not None:
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
        """Columns whose type holds less than before, without a copy."""
        for each in difference.changed:
            address = each.address
            where = (address.schema, address.name)
            if address.kind != "column" or not loses_by_type(each.before, each.after):
                continue
            if where in self.covered:
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
            and where not in self.covered
            and where not in self.keeper.learned(self.step).harmless
            and Address("table", *where) in self.before.definitions
            and self._loss(where, LossKind.TABLE) is None
        )

    def _identities(self, difference: CatalogDifference) -> frozenset[tuple[int, int]]:
        """Numbers of the tables and columns that came: what has only moved is found among them."""
        tables = {each.relation for each in difference.created if each.kind in {"table", "column"}}
        sources = (find_source(self.keeper.session, *table) for table in tables if table is not None)
        return frozenset(
            (source.oid, column.number)
            for source in sources
            if source is not None
            for column in source.columns
        )

"""Rows disappear only where the revision says that it deletes rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import counted, found
from coordinator.model.capture import Direction
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.model.catalog import Catalog, CatalogDifference
    from coordinator.model.check import StepFacts, WrittenTable
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session

_SAY_SO = "say `deletes_rows = True` in the revision if that is meant"


@dataclass(frozen=True, slots=True)
class NoRowsLost:
    """DELETE and TRUNCATE in an upgrade, whoever runs them: the statement, a trigger, a key ON DELETE CASCADE.

    A dropped table or column is told by the plan and graded by the rehearsal. A downgrade takes back rows that
    its upgrade has put in; what it loses is graded by the rehearsal too.
    """

    name: str = "no-rows-lost"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each table that lost rows."""
        if facts.step.deletes_rows or facts.step.direction is Direction.DOWNGRADE:
            return ()
        if facts.written is None:
            return (
                found(
                    self.name,
                    facts,
                    "ran without the server's counters being read: whether it lost rows is not known",
                    "turn track_counts on",
                    severity=Severity.NOTE,
                ),
            )
        difference = after.difference(before)
        moved = _moved_between_partitions(facts.written)
        return (
            *(
                self._deleted(facts, each)
                for each in facts.written
                if each.deleted and not each.created and each.partition_of not in moved
            ),
            *(self._emptied(facts, each) for each in facts.written if _is_emptied(each, difference)),
        )

    def _deleted(self, facts: StepFacts, table: WrittenTable) -> Finding:
        return found(
            self.name,
            facts,
            f"deletes {counted(table.deleted, 'row')} of {table.schema}.{table.name}{_whose(facts, table)},"
            " and does not say so: a later rollback cannot bring them back",
            _SAY_SO,
        )

    def _emptied(self, facts: StepFacts, table: WrittenTable) -> Finding:
        rows = (
            f"about {counted(table.rows_before, 'row')}" if table.rows_before else "as far as is known no row"
        )
        return found(
            self.name,
            facts,
            f"empties {table.schema}.{table.name}{_whose(facts, table)}, which held {rows}, and does not say so:"
            " a later rollback cannot bring them back",
            _SAY_SO,
            severity=Severity.ERROR if table.rows_before else Severity.WARNING,
        )


def _whose(facts: StepFacts, table: WrittenTable) -> str:
    owner = facts.owners.get(table.schema)
    return f" of module '{owner}'" if owner and owner != facts.module.name else ""


def _moved_between_partitions(written: tuple[WrittenTable, ...]) -> frozenset[int]:
    """Partitioned tables in which as many rows came as went: an UPDATE of the key moves rows like that."""
    balance: dict[int, int] = {}
    for each in written:
        if each.partition_of is not None:
            balance[each.partition_of] = balance.get(each.partition_of, 0) + each.inserted - each.deleted
    return frozenset(root for root, change in balance.items() if change >= 0)


def _is_emptied(table: WrittenTable, difference: CatalogDifference) -> bool:
    """A table has a new file after TRUNCATE; after changes of its columns or of itself it has one as well."""
    rewritten = {
        each.address.relation
        for each in difference.changed
        if each.address.kind in {"table", "column", "index"}
    } | {each.relation for each in (*difference.created, *difference.dropped) if each.kind == "column"}
    return table.moved_file and (table.schema, table.name) not in rewritten

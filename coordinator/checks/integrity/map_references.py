"""What the database map calls a reference has no orphans, with or without a foreign key behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import counted, found
from coordinator.checks.integrity.touched import touched_relations
from coordinator.model.catalog import Address
from coordinator.model.finding import Severity
from coordinator.postgres.failure import StatementError
from coordinator.postgres.references import Reference, count_orphans
from coordinator.postgres.rows import estimated_rows

if TYPE_CHECKING:
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import MapReference, StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session

_CANNOT_COMPARE = "42883"  # no such operator: the types of the two columns do not fit


@dataclass(frozen=True, slots=True)
class MapReferences:
    """Looks at the references of touched tables whose both columns exist."""

    name: str = "map-references"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each reference with orphans."""
        touched = touched_relations(facts, after.difference(before))
        findings = (
            self._look(session, facts, each)
            for each in facts.references
            if touched & {(each.schema, each.table), (each.target_schema, each.target_table)}
            and Address("column", each.schema, each.table, each.column) in after.definitions
            and Address("column", each.target_schema, each.target_table, each.target_column)
            in after.definitions
        )
        return tuple(each for each in findings if each is not None)

    def _look(self, session: Session, facts: StepFacts, written: MapReference) -> Finding | None:
        reference = Reference(
            name=str(written),
            table=(written.schema, written.table),
            columns=(written.column,),
            target=(written.target_schema, written.target_table),
            target_columns=(written.target_column,),
        )
        if estimated_rows(session, (reference.table, reference.target)) > facts.row_budget:
            return found(
                self.name,
                facts,
                f"touches the map's reference {written}, which has too many rows to count its orphans here"
                f" (more than {facts.row_budget})",
                f"look when there is time: {reference.sql}",
                severity=Severity.NOTE,
                place=written.place,
            )
        try:
            orphans = count_orphans(session, reference)
        except StatementError as error:
            if error.sqlstate != _CANNOT_COMPARE:
                raise
            return found(
                self.name,
                facts,
                f"leaves two columns that cannot be compared ({error.message}), though the database map says"
                f" that one references the other: {written}",
                "give both the same type, or correct the map",
                place=written.place,
            )
        if not orphans:
            return None
        return found(
            self.name,
            facts,
            f"leaves {counted(orphans, 'row')} of {written.schema}.{written.table} that point at nothing,"
            f" though the database map says {written}: whoever follows the reference finds no row",
            f"mend or delete them in the revision, or correct the map; {reference.sql} shows them",
            place=written.place,
        )

"""Every row that a foreign key speaks of points at a row that is there, also where PostgreSQL does not look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import counted, found
from coordinator.checks.integrity.touched import touched_relations
from coordinator.model.finding import Severity
from coordinator.postgres.references import count_orphans, foreign_keys
from coordinator.postgres.rows import estimated_rows

if TYPE_CHECKING:
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.references import Reference
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True)
class ForeignKeysHold:
    """Orphans are counted for keys NOT VALID, and for all keys of tables whose rows were written.

    A validated key can still have orphans: triggers may have been off while rows were written.
    """

    name: str = "foreign-keys-hold"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each key with orphans, and a note for each that was too large to look at."""
        written = {(each.schema, each.name) for each in facts.written or ()}
        touched = touched_relations(facts, after.difference(before))
        keys = foreign_keys(session, touched) if touched else ()
        suspects = [key for key in keys if not key.proved or key.table in written or key.target in written]
        tables = {table for key in suspects for table in (key.table, key.target)}
        # Asked once for all of them: mostly they are small together, and each question is a round trip.
        small = not tables or estimated_rows(session, tables) <= facts.row_budget
        findings = (self._look(session, facts, key, small=small) for key in suspects)
        return tuple(each for each in findings if each is not None)

    def _look(self, session: Session, facts: StepFacts, key: Reference, *, small: bool) -> Finding | None:
        table, target = ".".join(key.table), ".".join(key.target)
        if not small and estimated_rows(session, (key.table, key.target)) > facts.row_budget:
            if key.proved:
                return None  # PostgreSQL vouches for it
            return found(
                self.name,
                facts,
                f"leaves the foreign key “{key.name}” of {table} not validated, and it has too many rows"
                f" to count its orphans here (more than {facts.row_budget})",
                f"run ALTER TABLE {table} VALIDATE CONSTRAINT {key.name} when there is time",
                severity=Severity.NOTE,
            )
        orphans = count_orphans(session, key)
        if not orphans:
            return None
        return found(
            self.name,
            facts,
            f"leaves {counted(orphans, 'row')} of {table} whose {', '.join(key.columns)} points at no row of"
            f" {target}, against the foreign key “{key.name}”: joins lose them, and the key cannot be validated",
            f"mend or delete them in the revision; {key.sql} shows them",
        )

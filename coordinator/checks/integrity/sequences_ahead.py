"""A sequence stands ahead of the values that its column already holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import found
from coordinator.checks.integrity.touched import touched_relations
from coordinator.model.finding import Severity
from coordinator.postgres.rows import estimated_rows
from coordinator.postgres.sequences import owned_sequences, positions

if TYPE_CHECKING:
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.sequences import OwnedSequence, Position
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True)
class SequencesAhead:
    """Rows inserted with ids of their own leave the sequence behind; the next insert by the application fails."""

    name: str = "sequences-ahead"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each sequence of a touched table that is behind."""
        touched = touched_relations(facts, after.difference(before))
        owned = owned_sequences(session, touched) if touched else ()
        readable = [each for each in owned if self._readable(session, facts, each)]
        return (
            *(self._behind(facts, each) for each in positions(session, readable) if each.behind),
            *(self._unread(facts, each) for each in owned if each not in readable),
        )

    def _readable(self, session: Session, facts: StepFacts, sequence: OwnedSequence) -> bool:
        return sequence.indexed or estimated_rows(session, (sequence.table,)) <= facts.row_budget

    def _behind(self, facts: StepFacts, position: Position) -> Finding:
        sequence = position.sequence
        name, table = ".".join(sequence.name), ".".join(sequence.table)
        return found(
            self.name,
            facts,
            f"leaves sequence {name} at {position.next}, but {table}.{sequence.column} has got to {position.farthest}:"
            " an insert by the application will meet an id that is taken",
            f"end the revision with {position.remedy}",
        )

    def _unread(self, facts: StepFacts, sequence: OwnedSequence) -> Finding:
        return found(
            self.name,
            facts,
            f"touches {'.'.join(sequence.table)}, where {sequence.column} has no index and more than"
            f" {facts.row_budget} rows: whether sequence {'.'.join(sequence.name)} is ahead was not looked at",
            "look when there is time",
            severity=Severity.NOTE,
        )

"""No index is left invalid, and no constraint unproved whose rows already break it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import counted, found
from coordinator.model.finding import Severity
from coordinator.postgres.rows import estimated_rows
from coordinator.postgres.unproved import count_breaking, count_nulls

if TYPE_CHECKING:
    from coordinator.model.catalog import Address, Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session

# The lines of a definition that say so; see docs/fingerprint.md.
_LINES = {"constraint": "not validated", "column": "not null was not validated", "index": "invalid"}


@dataclass(frozen=True, slots=True)
class NothingNotValid:
    """An invalid index is a violation. An unproved constraint is one when rows break it, else a warning.

    Adding it NOT VALID and validating it in a later revision is the way that does not stop writers; rows that
    break it make that later revision fail. Orphans of foreign keys are counted by `foreign-keys-hold`.
    """

    name: str = "nothing-not-valid"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each that was not so before the step."""
        difference = after.difference(before)
        candidates = (*difference.created, *(each.address for each in difference.changed))
        return tuple(
            self._invalid_index(facts, each)
            if each.kind == "index"
            else self._unproved(session, facts, each, after)
            for each in sorted(candidates)
            if _unproved(each, after) and not _unproved(each, before)
        )

    def _invalid_index(self, facts: StepFacts, index: Address) -> Finding:
        return found(
            self.name,
            facts,
            f"leaves {index} invalid: no query uses it, every write pays for it, and CREATE INDEX IF NOT EXISTS"
            " takes it for done",
            f"run DROP INDEX CONCURRENTLY {index.schema}.{index.part} and build it again",
        )

    def _unproved(self, session: Session, facts: StepFacts, what: Address, after: Catalog) -> Finding:
        table = f"{what.schema}.{what.name}"
        validate = f"ALTER TABLE {table} VALIDATE CONSTRAINT {what.part}"
        if what.kind == "column":
            validate = f"ALTER TABLE {table} ALTER {what.part} SET NOT NULL"
        is_key = after.definitions[what].startswith("FOREIGN KEY")
        if not is_key and estimated_rows(session, ((what.schema, what.name),)) <= facts.row_budget:
            count = count_nulls if what.kind == "column" else count_breaking
            rows = count(session, what.schema, what.name, what.part)
            if rows:
                return found(
                    self.name,
                    facts,
                    f"leaves {what} not validated, and {counted(rows, 'row')} of {table} break it:"
                    " whatever validates it later will fail",
                    f"mend these rows in the revision, then {validate}",
                )
        return found(
            self.name,
            facts,
            f"leaves {what} not validated: old rows may break it, and the planner does not trust it",
            f"say {validate} in a later revision",
            severity=Severity.WARNING,
        )


def _unproved(address: Address, catalog: Catalog) -> bool:
    line = _LINES.get(address.kind)
    return line is not None and line in catalog.definitions.get(address, "").split("\n")

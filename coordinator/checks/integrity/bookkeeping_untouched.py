"""Version tables and the ledger are written by the coordinator, never by a revision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import found
from coordinator.ledger.checkpoints import CHECKPOINTS
from coordinator.model.catalog import LEDGER_SCHEMA

if TYPE_CHECKING:
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True)
class BookkeepingUntouched:
    """What is in is read from these rows: changed by a revision, they would make the next run skip or repeat others."""

    name: str = "bookkeeping-untouched"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each of these tables that the step wrote to."""
        ours = {module.qualified_version_table for module in facts.modules}
        return tuple(
            found(
                self.name,
                facts,
                f"writes to {each.schema}.{each.name}, where it is kept which revisions are in",
                "take the statement out: the rows of the step itself are written for it",
            )
            for each in facts.written or ()
            if (each.schema == LEDGER_SCHEMA or (each.schema, each.name) in ours)
            # A step that commits in its middle has us write there, in that very transaction.
            and (facts.step.transactional or each.name != CHECKPOINTS)
        )

"""Nothing of another module is gone: CASCADE takes views, keys and columns with it, and only whispers a notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import found
from coordinator.checks.integrity.touched import abroad

if TYPE_CHECKING:
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True)
class NoViewGone:
    """Views, foreign keys and whatever else of other modules is still there."""

    name: str = "no-view-gone"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each object of another module that has disappeared."""
        _, dropped, _ = abroad(facts, before, after)
        return tuple(
            found(
                self.name,
                facts,
                f"removes {each} of module '{facts.owners[each.schema]}', whose next query or write will miss it",
                f"drop without CASCADE, and let a revision of '{facts.owners[each.schema]}' release it first;"
                f' or say `touches = ["{facts.owners[each.schema]}"]`',
            )
            for each in dropped
            if each.schema in facts.owners
        )

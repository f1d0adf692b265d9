"""A step changes only its own module's schemas, unless its revision says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import found
from coordinator.checks.integrity.touched import abroad
from coordinator.model.catalog import DATABASE_WIDE

if TYPE_CHECKING:
    from coordinator.model.catalog import Address, Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True)
class OnlyOwnSchemas:
    """The boundary guard. What disappeared from another module is left to `no-view-gone`."""

    name: str = "only-own-schemas"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each object outside that the step made, changed or dropped."""
        created, dropped, changed = abroad(facts, before, after)
        nobodys = (each for each in dropped if each.schema not in facts.owners)
        return (
            *(self._finding(facts, each, "creates") for each in created),
            *(self._finding(facts, each, "changes") for each in changed),
            *(self._finding(facts, each, "drops") for each in nobodys),
        )

    def _finding(self, facts: StepFacts, address: Address, verb: str) -> Finding:
        owner = facts.owners.get(address.schema)
        if address.schema == DATABASE_WIDE:
            whose, touches = "belongs to the whole database", "database"
        elif owner is None:
            whose, touches = "lies in a schema of no module", address.schema
        else:
            whose, touches = f"belongs to module '{owner}'", owner
        return found(
            self.name,
            facts,
            f"{verb} {address}, which {whose}: a module changes only its own schemas, so that its"
            " owner knows who else writes there",
            f'move this to a revision of its owner, or say `touches = ["{touches}"]` in the revision',
        )

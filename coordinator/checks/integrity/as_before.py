"""What a rolled back revision had changed is again as it was before that revision came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import found
from coordinator.model.capture import Direction
from coordinator.model.catalog import without_parts
from coordinator.model.finding import Severity
from coordinator.model.touched import digest_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.catalog import Address, Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.touched import Touched
    from coordinator.postgres.session import Session

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class AsBefore:
    """In a rollback: each object that the upgrade changed has the definition that it had before the upgrade.

    The ledger remembers a digest of each before and after. An object that somebody changed since then (so that it is
    not as the upgrade left it) is left out: nobody knows how it should be. `touched` are the revisions of which the
    ledger remembers anything; the others are not judged.
    """

    touched: Mapping[RevisionKey, Touched]
    name: str = "as-before"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """At most one finding for what did not come back, and one for what changed besides."""
        known = self.touched.get(facts.step.key)
        if known is None or facts.step.direction is not Direction.DOWNGRADE:
            return ()
        wrong: list[Address] = []
        for address, (then, later) in known.objects.items():
            if digest_in(before, address) == later and digest_in(after, address) != then:
                wrong.append(address)
        difference = after.difference(before)
        besides = [each for each in difference.addresses if each not in known.objects]
        return (*self._wrong(facts, wrong), *self._besides(facts, besides))

    def _wrong(self, facts: StepFacts, addresses: list[Address]) -> tuple[Finding, ...]:
        if not addresses:
            return ()
        return (
            found(
                self.name,
                facts,
                f"was taken back, and not as before it came in: {_listed(addresses)}",
                "let downgrade() take back everything that upgrade() made",
            ),
        )

    def _besides(self, facts: StepFacts, addresses: list[Address]) -> tuple[Finding, ...]:
        if not addresses:
            return ()
        return (
            found(
                self.name,
                facts,
                f"changed by its downgrade what its upgrade had not: {_listed(addresses)}",
                "look whether somebody needs it: it was made since, or by hand",
                severity=Severity.WARNING,
            ),
        )


def _listed(addresses: list[Address]) -> str:
    shown = [str(each) for each in without_parts(addresses)]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more

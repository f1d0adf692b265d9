"""An upgrade that does something, beside a downgrade that does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about
from coordinator.model.capture import Direction
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.model.finding import Finding


class EmptyDowngrade:
    """A downgrade takes back what the upgrade did, or its author says why it cannot."""

    name = "empty-downgrade"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        busy = {each.key for each in facts.captures if each.direction is Direction.UPGRADE and not each.empty}
        findings = []
        for capture in facts.captures:
            if capture.direction is Direction.UPGRADE or not capture.empty or capture.key not in busy:
                continue
            revision = facts.revision(capture.key)
            if revision is not None and revision.irreversible is None:
                findings.append(
                    about(
                        revision,
                        self.name,
                        "has an upgrade() that changes the database and a downgrade() that does nothing.",
                        severity=Severity.WARNING,
                        help='Write the downgrade, or say why there is none: irreversible = "reason".',
                    )
                )
        return tuple(findings)

"""A finding was accepted until a day that has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about
from coordinator.checks.preflight.waivers import is_over
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision


class WaiverExpired:
    """A pending revision's waivers are still good; what they waived counts again from the day after.

    A gate is blocked by it when the change touches that module; another module's change, and a deploy, are warned.
    """

    name = "waiver-expired"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(
            about(
                revision,
                self.name,
                f"waives {waiver.rule!r} until {waiver.until}, and that day has passed.",
                severity=_severity(revision, facts),
                help=f"Settle it ({waiver.reason}), or agree on another day in `waive`.",
            )
            for revision in facts.all_pending
            for waiver in revision.waivers
            if is_over(waiver, facts.today)
        )


def _severity(revision: Revision, facts: PreflightFacts) -> Severity:
    touched = facts.changed is None or revision.key.module in facts.changed
    return Severity.ERROR if facts.gate and touched else Severity.WARNING

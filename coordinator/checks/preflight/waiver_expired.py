"""A finding was accepted until a day that has passed."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.model.finding import Finding


class WaiverExpired:
    """A pending revision's waivers are still good; what they waived counts again from the day after."""

    name = "waiver-expired"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(
            about(
                revision,
                self.name,
                f"waives {waiver.rule!r} until {waiver.until}, and that day has passed.",
                severity=Severity.WARNING,
                help=f"Settle it ({waiver.reason}), or agree on another day in `waive`.",
            )
            for revision in facts.all_pending
            for waiver in revision.waivers
            if datetime.date.fromisoformat(waiver.until) < facts.today
        )

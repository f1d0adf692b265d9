"""A waiver names a rule that nobody has, so it waives nothing."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from coordinator.checks.preflight.facts import PreflightFacts, about
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.model.finding import Finding

_SAME: Final = {"prefer-timestamptz": "prefer-timestamp-tz"}  # squawk's documentation and squawk differ


class WaiverUnknown:
    """What a pending revision waives is a rule. `known` are all that can be waived."""

    name = "waiver-unknown"

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(
            about(
                revision,
                self.name,
                f"waives {waiver.rule!r}, and there is no such rule: it waives nothing.",
                severity=Severity.WARNING,
                help=self._nearest(waiver.rule),
            )
            for revision in facts.all_pending
            for waiver in revision.waivers
            if waiver.rule not in self.known
        )

    def _nearest(self, rule: str) -> str:
        near = [_SAME[rule]] if rule in _SAME else difflib.get_close_matches(rule, sorted(self.known), n=1)
        if near:
            return f"Did you mean {near[0]!r}?"
        return "A rule is the word that stands before each finding; docs/lint.md and docs/checks-preflight.md list them."

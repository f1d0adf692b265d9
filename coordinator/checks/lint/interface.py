"""The shape of a lint rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.finding import Finding


class LintCheck(Protocol):
    """A question about the pending revisions of all modules together. `name` is the rule of its findings."""

    @property
    def name(self) -> str: ...

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        """Everything this rule has to say; () when all is well. Never raises for what revisions hold."""
        ...

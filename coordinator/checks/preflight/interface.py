"""The shape of a preflight check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from coordinator.checks.preflight.facts import PreflightFacts
    from coordinator.model.finding import Finding


class PreflightCheck(Protocol):
    """A question about the project that needs no database. `name` is the rule of its findings."""

    @property
    def name(self) -> str: ...

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        """Everything this check has to say; () when all is well. Never raises for what a project holds."""
        ...

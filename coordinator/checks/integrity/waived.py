"""Integrity checks that let pass what a revision's author has accepted until a date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.preflight.waivers import apply_waivers

if TYPE_CHECKING:
    import datetime

    from coordinator.execution.checking import IntegrityCheck
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.model.revision import ModuleTree
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Waived:
    """One check, whose findings become notes where the revision waives its rule."""

    check: IntegrityCheck
    trees: tuple[ModuleTree, ...]
    today: datetime.date

    @property
    def name(self) -> str:
        """The check's own name."""
        return self.check.name

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """What the check says, waivers applied."""
        return apply_waivers(self.check.run(session, facts, before, after), self.trees, self.today)


def with_waivers(
    checks: tuple[IntegrityCheck, ...], trees: tuple[ModuleTree, ...], today: datetime.date
) -> tuple[IntegrityCheck, ...]:
    """The same checks in the same order, each with the waivers of these trees' revisions."""
    return tuple(Waived(check, trees, today) for check in checks)

"""Asks the integrity checks about a step, inside its own savepoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from coordinator.execution.failure import StepFailedError, StepFailure, from_statement
from coordinator.model.finding import Finding, Severity
from coordinator.postgres.failure import StatementError

if TYPE_CHECKING:
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.plan import Step
    from coordinator.postgres.session import Session


class IntegrityCheck(Protocol):
    """A question asked inside the step's own savepoint, right after it ran; every finding is a violation."""

    @property
    def name(self) -> str: ...

    def run(
        self, session: Session, facts: StepFacts, before: Catalog, after: Catalog
    ) -> tuple[Finding, ...]: ...


def ask(
    checks: tuple[IntegrityCheck, ...], session: Session, facts: StepFacts, before: Catalog, after: Catalog
) -> tuple[Finding, ...]:
    """What the checks find worth saying. Raises StepFailedError when one finds an error, or fails itself."""
    step = facts.step
    found: list[Finding] = []
    for check in checks:
        try:
            found.extend(check.run(session, facts, before, after))
        except StatementError as error:
            raise StepFailedError(
                from_statement(step, f"the integrity check {check.name!r}", error)
            ) from error
    broken = tuple(each for each in found if each.severity is Severity.ERROR)
    if broken:
        raise StepFailedError(_failure(step, broken))
    return tuple(found)


def _failure(step: Step, broken: tuple[Finding, ...]) -> StepFailure:
    names = ", ".join(dict.fromkeys(each.rule for each in broken))
    return StepFailure(
        step=step,
        part=f"the integrity check {names!r}" if "," not in names else f"the integrity checks {names}",
        message=broken[0].message,
        place=broken[0].place or step.place,
        hint=broken[0].help,
        findings=broken[1:],
    )

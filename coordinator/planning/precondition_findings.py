"""What is said about demands that the rows do not meet, and about those that nobody looked at. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.model.precondition import PreconditionKind, PreconditionOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.precondition import PreconditionResult

_REMEDIES = {
    PreconditionKind.NOT_NULL: "give them a value in a revision before this one, or give the column a default",
    PreconditionKind.UNIQUE: "make them differ, or put them together, in a revision before this one",
    PreconditionKind.FOREIGN_KEY: "delete them, or give them a row to point at, in a revision before this one",
    PreconditionKind.TYPE: "change them in a revision before this one, or say with USING what they become",
    PreconditionKind.REFERENCED: "point them elsewhere, or delete them, in a revision before this one",
}
_MEND = "mend these rows in a revision before this one"


def precondition_findings(results: Iterable[PreconditionResult]) -> tuple[Finding, ...]:
    """An error for each demand that is not met; a warning for each that could have been looked at and was not.

    A demand about rows that the plan itself changes first cannot be looked at by anybody: a note.
    """
    return tuple(
        _violated(each) if each.outcome is PreconditionOutcome.VIOLATED else _not_checked(each)
        for each in results
        if each.outcome is not PreconditionOutcome.HOLDS
    )


def _violated(result: PreconditionResult) -> Finding:
    demand = result.precondition
    remedy = _REMEDIES.get(demand.kind, _MEND)
    return Finding(
        rule=demand.kind.value,
        message=f"{demand.key} demands {demand.what}: {result.breaking}",
        module=demand.key.module,
        revision=demand.key,
        place=demand.place,
        help=f"{remedy}; to look: {result.query}" if result.query else remedy,
    )


def _not_checked(result: PreconditionResult) -> Finding:
    demand = result.precondition
    return Finding(
        rule=demand.kind.value,
        severity=Severity.WARNING if result.mendable else Severity.NOTE,
        message=f"{demand.key} demands {demand.what}: not checked, {result.why}",
        module=demand.key.module,
        revision=demand.key,
        place=demand.place,
        help=result.help,
    )

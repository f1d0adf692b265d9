"""The one shape in which integrity checks speak: who did it, what it means, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity

if TYPE_CHECKING:
    from coordinator.model.check import StepFacts
    from coordinator.model.names import Place


def found(
    rule: str,
    facts: StepFacts,
    message: str,
    remedy: str,
    *,
    severity: Severity = Severity.ERROR,
    place: Place | None = None,
) -> Finding:
    """A finding about the step: `message` goes on from the revision's name, `remedy` is what its author can do."""
    return Finding(
        rule=rule,
        severity=severity,
        message=f"{facts.step.key} {message}",
        module=facts.module.name,
        revision=facts.step.key,
        place=place or facts.step.place,
        help=remedy,
    )


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 row`, `2 rows`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"

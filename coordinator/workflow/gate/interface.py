"""The shape of a check of the gate, and of what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.gate import GateOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.model.finding import Finding
    from coordinator.model.gate import GateCommand, GateStage
    from coordinator.workflow.gate.bench import Bench


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a check came to, in one sentence. One of its findings that is an error makes it failed."""

    told: str
    findings: tuple[Finding, ...] = ()
    outcome: GateOutcome = GateOutcome.PASSED
    command: GateCommand | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check. It runs when all that it `needs` have passed or had nothing to look at.

    `run` looks, and leaves on the bench what later checks need. What it raises on purpose becomes its answer.
    """

    name: str
    stage: GateStage
    title: str
    run: Callable[[Bench], Said]
    needs: tuple[str, ...] = ()
    command: GateCommand | None = None  # of the user's own, as it is before it has run


def skipped(why: str) -> Said:
    """There is nothing to look at here, and why."""
    return Said(told=why, outcome=GateOutcome.SKIPPED)

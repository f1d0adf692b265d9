"""Runs the gate's checks one after the other; one that fails keeps only those from running that need it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.events import CheckFinished, CheckStarted
from coordinator.model.finding import Severity
from coordinator.model.gate import GateCheck, GateOutcome
from coordinator.reports.finding_text import gravest_first
from coordinator.reports.wording import one_line
from coordinator.workflow.gate.failing import answer_of, mistaken
from coordinator.workflow.gate.interface import Said
from coordinator.workflow.gate.secrets import without_passwords

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coordinator.model.finding import Finding
    from coordinator.workflow.gate.bench import Bench
    from coordinator.workflow.gate.interface import Check

_GOES_ON = (GateOutcome.PASSED, GateOutcome.SKIPPED)


def run_checks(checks: Iterable[Check], bench: Bench) -> None:
    """Run them all and leave their answers on the bench, with what nobody foresaw. Raises SettingsError."""
    for check in checks:
        bench.tell(CheckStarted(stage=check.stage, check=check.name))
        began = time.monotonic()
        said = _answer(check, bench)
        outcome = _outcome(said)
        done = GateCheck(
            stage=check.stage,
            name=check.name,
            title=check.title,
            outcome=outcome,
            told=without_passwords(_why(said.findings) if outcome is GateOutcome.FAILED else said.told),
            seconds=time.monotonic() - began,
            findings=gravest_first(said.findings),
            command=said.command or check.command,
        )
        bench.done.append(done)
        bench.tell(CheckFinished(check=done))


def _answer(check: Check, bench: Bench) -> Said:
    missing = _missing(check.needs, bench.done)
    if missing is not None:
        return Said(told=missing, outcome=GateOutcome.NOT_RUN)
    try:
        return check.run(bench)
    except CoordinatorError as error:
        return answer_of(error, check.name, bench.known_project)
    except Exception as error:  # our own mistake: kept, so that what the other checks found is not lost by it
        bench.mistake = bench.mistake or error
        return mistaken(error)


def _missing(needs: Sequence[str], done: Sequence[GateCheck]) -> str | None:
    """Why a check cannot run, told by the first of the checks it needs that did not pass."""
    for each in done:
        if each.name in needs and each.outcome not in _GOES_ON:
            return f"it needs {each.name!r}, which {_WORDS[each.outcome]}"
    return None


_WORDS = {
    GateOutcome.FAILED: "failed",
    GateOutcome.UNAVAILABLE: "could not look",
    GateOutcome.NOT_RUN: "did not run",
}


def _outcome(said: Said) -> GateOutcome:
    if said.outcome is GateOutcome.PASSED and any(each.severity is Severity.ERROR for each in said.findings):
        return GateOutcome.FAILED
    return said.outcome


def _why(findings: Sequence[Finding]) -> str:
    """Why a check failed: its first error, and how many there are. Every format shows the same."""
    errors = [each for each in findings if each.severity is Severity.ERROR]
    assert errors, "a check that fails has an error among its findings"
    first = one_line(errors[0].message.splitlines()[0])
    return first if len(errors) == 1 else f"{len(errors)} errors, the first: {first}"

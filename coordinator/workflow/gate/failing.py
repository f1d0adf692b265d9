"""What stopped a check, as its answer: findings that every format can show, without a value of any row."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, FindingsError, UnreachableError, UsageError
from coordinator.execution.failure import StepFailedError, StepFailure
from coordinator.execution.words import recorded
from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import GateOutcome
from coordinator.postgres.failure import ConnectionLostError
from coordinator.sql.shown import without_values
from coordinator.workflow.gate.interface import Said

if TYPE_CHECKING:
    from coordinator.execution.project import Project

_STATEMENT_LENGTH = 10_000  # characters
NOT_REACHED = "not-reached"
MISTAKE = "mistake"


def answer_of(error: CoordinatorError, check: str, project: Project | None) -> Said:
    """A failed check, or one that could not look. Raises again what is wrong with the question, not with the answer.

    A revision or a map that cannot be read is what the gate is there to find; settings, a ref or a snapshot that
    cannot be used are not.
    """
    if isinstance(error, UsageError) and not isinstance(error, FindingsError):
        raise error
    if isinstance(error, (UnreachableError, ConnectionLostError)):
        finding = Finding(rule=NOT_REACHED, message=error.message, help=error.help or "try again")
        return Said(told=error.message, findings=(finding,), outcome=GateOutcome.UNAVAILABLE)
    findings = findings_of(error, check, project)
    return Said(told=error.message, findings=findings, outcome=GateOutcome.FAILED)


def mistaken(error: Exception) -> Said:
    """A check that failed by our own mistake, without the error's words: a value of a row may be among them."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    told = f"a mistake in the coordinator itself, {type(error).__name__} at {where.filename}:{where.lineno}"
    finding = Finding(
        rule=MISTAKE, message=told, help="please report this, with what `migrate -v gate` shows"
    )
    return Said(told=told, findings=(finding,), outcome=GateOutcome.FAILED)


def findings_of(error: CoordinatorError, check: str, project: Project | None) -> tuple[Finding, ...]:
    """The findings of an error, or one that says the same as its message."""
    failure = getattr(error, "failure", None)
    if isinstance(failure, StepFailure):
        return (step_failed(failure, check, project), *failure.findings)
    if isinstance(error, FindingsError) and any(each.severity is Severity.ERROR for each in error.findings):
        return error.findings
    return (Finding(rule=f"{check}-failed", message=error.message, help=error.help),)


def rehearsed_words(failure: StepFailure, project: Project) -> str:
    """What may be shown of a rehearsal: a name in a statement came from no row of the target, which it never saw."""
    return f"{project.revision(failure.step.key).source}\n{statement_words(failure)}"


def statement_words(failure: StepFailure) -> str:
    """The failed statement without its literals."""
    return without_values(failure.sql or "", limit=_STATEMENT_LENGTH)


def step_failed(failure: StepFailure, check: str, project: Project | None) -> Finding:
    """A step that failed, at the line that failed."""
    words = statement_words(failure) if project is None else rehearsed_words(failure, project)
    return Finding(
        rule=f"{check}-failed",
        message=recorded(StepFailedError(failure), words),
        module=failure.step.key.module,
        revision=failure.step.key,
        place=failure.place,
        help=failure.hint or "mend the revision: it would fail on the target in the same way",
    )

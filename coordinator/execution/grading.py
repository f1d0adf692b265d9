"""How well a step was taken back in its rehearsal: grades and findings from what was seen. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.model.rehearsal import RehearsedStep, StepGrade

if TYPE_CHECKING:
    from coordinator.execution.failure import StepFailedError
    from coordinator.execution.starting import RowSums
    from coordinator.model.catalog import Address, CatalogDifference
    from coordinator.model.plan import Step

_SHOWN_TRACES = 6


def graded(step: Step, grade: StepGrade, findings: tuple[Finding, ...]) -> RehearsedStep:
    """A step of that grade that loses nothing; its time is not known yet."""
    return RehearsedStep(key=step.key, grade=grade, seconds=0.0, findings=findings)


def irreversible(
    step: Step, findings: tuple[Finding, ...], gone: tuple[Address, ...], at_stake: tuple[str, ...]
) -> RehearsedStep:
    """A step that cannot be taken back alone; what it destroys is told all the same."""
    return RehearsedStep(
        key=step.key,
        grade=StepGrade.IRREVERSIBLE,
        seconds=0.0,
        lost=phrases(gone),
        at_stake=at_stake,
        findings=findings,
    )


def judged_by_chain(step: RehearsedStep, reversed_whole: bool) -> RehearsedStep:
    """A reversal that fails alone and passes in the planned chain is a warning: the chain is what would run."""
    if step.grade is not StepGrade.IRREVERSIBLE or not reversed_whole:
        return step
    return replace(step, grade=StepGrade.LOSSY if step.lost else StepGrade.REVERSIBLE)


def phrases(gone: tuple[Address, ...]) -> tuple[str, ...]:
    """What is lost with these objects, for people."""
    return tuple(f"{each} with its values" for each in gone)


def _finding(rule: str, step: Step, message: str, remedy: str) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.WARNING,
        message=message,
        module=step.key.module,
        revision=step.key,
        place=step.place,
        help=remedy,
    )


def cannot_go_back(step: Step, error: StepFailedError) -> Finding:
    """The downgrade failed right after its upgrade."""
    return _finding(
        "downgrade-fails",
        step,
        f"{step.key} cannot be taken back alone: {error.failure.message} ({error.failure.place})",
        'mend its downgrade(), or say `irreversible = "reason"`',
    )


def leaves_traces(step: Step, difference: CatalogDifference) -> Finding:
    """The downgrade ran, and the catalog is not as it was."""
    traces = difference.sentences()
    more = f"; and {len(traces) - _SHOWN_TRACES} more" if len(traces) > _SHOWN_TRACES else ""
    return _finding(
        "downgrade-leaves-traces",
        step,
        f"after {step.key} was taken back, {'; '.join(traces[:_SHOWN_TRACES])}{more}",
        "let downgrade() take back everything that upgrade() made",
    )


def fails_again(step: Step, error: StepFailedError) -> Finding:
    """After a downgrade that left something, the upgrade does not run any more."""
    return _finding(
        "upgrade-fails-again",
        step,
        f"{step.key} cannot be applied again after it was taken back: {error.failure.message}",
        "let downgrade() take back everything that upgrade() made",
    )


def destroyed(difference: CatalogDifference) -> tuple[Address, ...]:
    """Columns and tables that the step drops: their values do not come back with their definitions."""
    gone = {each for each in difference.dropped if each.kind in ("column", "table")}
    # Columns of a view that went hold no values of their own; those of a table are told with it.
    whole = {each.relation for each in difference.dropped if each.is_relation}
    return tuple(each for each in sorted(gone) if each.kind == "table" or each.relation not in whole)


def changed_rows(before: RowSums, after: RowSums) -> tuple[tuple[str, str], ...]:
    """Tables whose rows are others than before, now that the step was taken back."""
    return tuple(table for table in sorted(before) if table in after and before[table] != after[table])


def whole_run(why: str) -> Finding:
    """The planned chain of downgrades does not lead back."""
    return Finding(
        rule="run-cannot-be-reversed",
        severity=Severity.WARNING,
        message=f"the whole run could not be taken back by its downgrades: {why}",
        help="a run in one transaction is still taken back by its transaction; once committed, it has no way back",
    )


def compared(difference: CatalogDifference) -> tuple[bool, tuple[Finding, ...]]:
    """Whether the chain led back to the start, and what it left."""
    if difference:
        return False, (whole_run("; ".join(difference.sentences()[:_SHOWN_TRACES])),)
    return True, ()

"""What must be settled or refused before a run may write."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from coordinator.checks.preflight.waivers import apply_waivers
from coordinator.errors import RefusedError, UnsettledError
from coordinator.execution.starting import Starting
from coordinator.ledger.lock import find_backend, take_fence
from coordinator.model.finding import Finding, Severity
from coordinator.model.plan import Guarantee
from coordinator.model.rehearsal import StepGrade
from coordinator.model.run import RunStatus
from coordinator.postgres.rows import estimated_rows, ordinary_tables, row_checksums
from coordinator.settings.values import WhenAhead

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.execution.starting import RowSums
    from coordinator.ledger.store import Ledger
    from coordinator.model.catalog import Catalog
    from coordinator.model.change import DatabaseChange
    from coordinator.model.plan import RunPlan, Step
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.model.run import Run
    from coordinator.postgres.session import Session
    from coordinator.workflow.state import TargetState

# More rows than this are not read twice to prove that a reversal gave them back; the catalog is compared anyway.
ROW_BUDGET = 1_000_000


def refuse_loss_before_commit(
    plan: RunPlan, rehearsal: Rehearsal | None, catalog: Catalog, project: Project
) -> tuple[Finding, ...]:
    """Refuse a plan that commits a step which cannot be taken back whole while other steps are still to come.

    Should a later step fail, the earlier ones are taken back by their downgrades, and what these cannot give
    back would be lost. Only what the target had before the run counts: the run's own tables were empty. A revision
    may waive it; what was waived is returned, to be told.
    """
    findings = apply_waivers(
        (
            finding
            for segment in plan.segments[:-1]
            for step in segment.steps
            if (finding := _loss(step, rehearsal, catalog)) is not None
        ),
        project.trees,
        datetime.datetime.now(datetime.UTC).date(),
    )
    if any(each.severity is Severity.ERROR for each in findings):
        raise RefusedError(
            f"this run has {len(plan.segments)} transactions, and a step before the last could not be taken back",
            findings,
            help="apply the revisions up to that step first, so that it is the last; or accept the loss in its file:"
            ' waive = {"loss-before-commit": ("reason", "date until when")}',
        )
    return findings


def _loss(step: Step, rehearsal: Rehearsal | None, catalog: Catalog) -> Finding | None:
    rehearsed = None if rehearsal is None else rehearsal.step(step.key)
    why: str | None
    if step.irreversible:
        why = f"says that it is irreversible: {step.irreversible}"
    elif rehearsed is None:
        lossy = next(
            (each.description for each in step.changes if each.loses_data and _is_there(each, catalog)), None
        )
        why = f"destroys data: {lossy}" if lossy else None
    elif rehearsed.grade is StepGrade.IRREVERSIBLE:
        why = "cannot be taken back: " + "; ".join(each.message for each in rehearsed.findings)
    else:
        why = (
            f"destroys what was there before the run: {'; '.join(rehearsed.at_stake)}"
            if rehearsed.at_stake
            else None
        )
    if why is None:
        return None
    return Finding(
        rule="loss-before-commit",
        message=f"{step.key} {why}",
        module=step.key.module,
        revision=step.key,
        place=step.place,
    )


def _is_there(change: DatabaseChange, catalog: Catalog) -> bool:
    """Whether the target has what a change would destroy; without a rehearsal only its name can tell."""
    return any(
        (each.schema, each.name, each.part) == (change.schema, change.table, change.column or "")
        for each in catalog.definitions
    )


def starting_point(session: Session, project: Project, plan: RunPlan, catalog: Catalog) -> Starting:
    """What the target must be again if the run fails: its catalog and, where no transaction gives them back, its rows."""
    if plan.guarantee is Guarantee.ONE_TRANSACTION:
        return Starting(catalog=catalog, rows=None, sums={})
    modules = {step.key.module for step in plan.steps}
    schemas = [schema for module in project.modules if module.name in modules for schema in module.schemas]
    tables = tuple(each for each in ordinary_tables(session, schemas) if each not in project.version_tables)
    if estimated_rows(session, tables) > ROW_BUDGET:
        return Starting(catalog=catalog, rows=None, sums={})

    def sums() -> RowSums:
        return row_checksums(session, tables=tables)

    return Starting(catalog=catalog, rows=sums, sums=sums())


def ahead(state: TargetState, wanted: WhenAhead) -> tuple[Finding, ...]:
    """What to say of revisions that are in and that only the ledger knows: an older checkout was started again."""
    severity = Severity.ERROR if wanted is WhenAhead.REFUSE else Severity.WARNING
    return tuple(
        Finding(
            rule="database-ahead",
            severity=severity,
            message=f"module {name!r} is ahead of this checkout by {', '.join(sorted(heads))}, which the ledger knows",
            module=name,
            help="a newer checkout applied them; nothing of them is done or undone here",
        )
        for name, heads in sorted(state.ahead.items())
        if heads
    )


def settle_cut_off_runs(session: Session, ledger: Ledger) -> None:
    """Say what each unfinished run came to, now that the lock is ours and so nobody works on it any more.

    A run that was cut off left either whole segments or nothing; what is in is in the version tables, and a new
    plan goes on from there. Raises UnsettledError for what a person must decide, LockHeldError while the server
    still works for a runner that is gone.
    """
    for run in ledger.open_runs():
        take_fence(session, run.number)
        if run.status is RunStatus.UNSETTLED:
            raise UnsettledError(
                f"run {run.number} failed and was not taken back whole: {run.error}",
                help="`migrate recover` explains what is in and goes on",
            )
        _settle(session, ledger, run)


def _settle(session: Session, ledger: Ledger, run: Run) -> None:
    backend = find_backend(session, run.number)
    if backend is not None:
        raise UnsettledError(
            f"run {run.number} was cut off, and its server process {backend} is still at work",
            help="it ends by itself; or end it with pg_terminate_backend, then run `migrate recover`",
        )
    intents = ledger.intents(run.number)
    half_done = [each for each in intents if not each.transactional and not each.committed]
    if half_done:
        steps = ", ".join(str(key) for key in half_done[-1].steps)
        ledger.finish_run(
            run.number, RunStatus.UNSETTLED, error=f"cut off in {steps}, which commits statement by statement"
        )
        raise UnsettledError(
            f"run {run.number} was cut off in {steps}, which commits statement by statement and may be half done",
            help="`migrate recover` explains what is in and goes on",
        )
    committed = [str(key) for each in intents if each.committed for key in each.steps]
    if committed:
        ledger.finish_run(
            run.number,
            RunStatus.SETTLED,
            error=f"cut off after {committed[-1]}; the next run goes on from there",
        )
    else:
        ledger.finish_run(run.number, RunStatus.REVERSED, error="cut off; nothing of it is in")

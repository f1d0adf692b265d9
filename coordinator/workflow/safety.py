"""What must be settled or refused before a run may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import UnsettledError
from coordinator.execution.starting import Starting
from coordinator.ledger.backends import refuse_living
from coordinator.ledger.checkpoints import read_checkpoints
from coordinator.ledger.lock import take_fence
from coordinator.ledger.system import refuse_elsewhere
from coordinator.model.capture import Direction
from coordinator.model.finding import Finding, Severity
from coordinator.model.plan import Guarantee
from coordinator.model.run import RunStatus
from coordinator.postgres.rows import estimated_rows, ordinary_tables, row_checksums
from coordinator.settings.values import WhenAhead
from coordinator.workflow.incidents import settling

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.execution.starting import RowSums
    from coordinator.ledger.store import Intent, Ledger
    from coordinator.model.catalog import Catalog
    from coordinator.model.plan import RunPlan
    from coordinator.model.run import Run
    from coordinator.postgres.session import Session
    from coordinator.workflow.state import TargetState

# More rows than this are not read twice to prove that a reversal gave them back; the catalog is compared anyway.
ROW_BUDGET = 1_000_000


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
    plan goes on from there. Raises UnsettledError for what a person must decide, and when the server still works
    for a runner that is gone, LockHeldError while a transaction of it is open.
    """
    with settling(ledger):
        for run in ledger.open_runs():
            refuse_living(session, run.number)
            refuse_elsewhere(session, run.number)
            take_fence(session, run.number)
            _refuse_undecided(run)
            _settle(session, ledger, run)


def _refuse_undecided(run: Run) -> None:
    """What a person has begun to decide, or must decide, is not settled by the way."""
    if run.status is RunStatus.UNSETTLED:
        raise UnsettledError(
            f"run {run.number} failed and was not taken back whole: {run.error}",
            help="`migrate recover` explains what is in and goes on",
        )
    if run.kind == "recover":
        raise UnsettledError(
            f"run {run.number}, which recovered an earlier run, was cut off",
            help="`migrate recover` explains what is in; `migrate recover --abort` goes on with it",
        )


def _settle(session: Session, ledger: Ledger, run: Run) -> None:
    intents = ledger.intents(run.number)
    last = {key: each for each in intents for key in each.steps}
    half_done = [str(key) for key, each in last.items() if _may_be_half_done(session, each)]
    if half_done:
        steps = ", ".join(half_done)
        ledger.finish_run(
            run.number, RunStatus.UNSETTLED, error=f"cut off in {steps}, which commits statement by statement"
        )
        raise UnsettledError(
            f"run {run.number} was cut off in {steps}, which commits statement by statement and may be half done",
            help="`migrate recover` explains what is in and goes on",
        )
    forward = Direction.DOWNGRADE if run.kind == "rollback" else Direction.UPGRADE
    latest = {key: each for each in intents if each.committed for key in each.steps}
    done = [str(key) for key, each in latest.items() if each.direction is forward]
    if done:
        ledger.finish_run(
            run.number,
            RunStatus.SETTLED,
            error=f"cut off after {done[-1]}; the next run goes on from there",
        )
    else:
        ledger.finish_run(run.number, RunStatus.REVERSED, error="cut off; nothing of it is in")


def _may_be_half_done(session: Session, intent: Intent) -> bool:
    """Whether a segment that commits statement by statement has committed something and has no proof of its end."""
    if intent.transactional or intent.committed:
        return False
    checkpoints = read_checkpoints(session, intent.token)
    return checkpoints is None or checkpoints.commits > 0

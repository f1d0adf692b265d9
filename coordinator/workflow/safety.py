"""What must be settled or refused before a run may write."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import ReversedError, UnsettledError
from coordinator.execution.starting import Starting
from coordinator.ledger.backends import refuse_living
from coordinator.ledger.checkpoints import read_checkpoints
from coordinator.ledger.lock import take_fence
from coordinator.ledger.made import read_made
from coordinator.ledger.system import refuse_elsewhere
from coordinator.model.capture import Direction
from coordinator.model.names import Place
from coordinator.model.plan import Atomicity, Guarantee, RunPlan, Segment, Step
from coordinator.model.run import RunStatus
from coordinator.planning.digest import digest_of
from coordinator.postgres.rows import estimated_rows, ordinary_tables, row_checksums
from coordinator.workflow.incidents import settling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coordinator.execution.project import Project
    from coordinator.execution.starting import RowSums
    from coordinator.ledger.store import Intent, Ledger
    from coordinator.model.catalog import Catalog
    from coordinator.model.names import RevisionKey
    from coordinator.model.run import AppliedRevision, Run
    from coordinator.postgres.session import Session

# More rows than this are not read twice to prove that a reversal gave them back; the catalog is compared anyway.
ROW_BUDGET = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """A run that was cut off while steps of it were in; `after` is the latest of these."""

    run: Run
    after: RevisionKey
    intents: tuple[Intent, ...]

    def is_whole(self, applied: Iterable[AppliedRevision]) -> bool:
        """Whether all that it was to do is in, by the ledger alone: what it committed has the digest of its plan.

        `applied` are the revisions that are in. What a rollback took out has left them, so of one that is not a single
        transaction it cannot be told, and the answer is no.
        """
        if self.run.guarantee == Guarantee.ONE_TRANSACTION.value:
            return True
        segments = tuple(_segment(each) for each in self.intents if each.committed)
        contents = {each.key: each.digest for each in applied}
        return self.run.plan in {
            digest_of(RunPlan(segments=segments, atomicity=each), contents) for each in Atomicity
        }


def _segment(intent: Intent) -> Segment:
    """As the plan had it, as far as its digest tells."""
    steps = (
        Step(
            position=position,
            key=key,
            direction=intent.direction,
            message="",
            place=Place(""),
            transactional=intent.transactional,
        )
        for position, key in enumerate(intent.steps, start=1)
    )
    return Segment(position=intent.sequence, steps=tuple(steps), transactional=intent.transactional)


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


def settle_cut_off_runs(session: Session, ledger: Ledger) -> None:
    """Say what each unfinished run came to, now that the lock is ours and so nobody works on it any more.

    A run that was cut off left either whole segments or nothing; what is in is in the version tables, and a new
    plan goes on from there. Raises UnsettledError for what a person must decide, and when the server still works
    for a runner that is gone, LockHeldError while a transaction of it is open.
    """
    _settled(ledger, cut_off_runs(session, ledger))


@contextmanager
def going_on(ledger: Ledger, cut_off: tuple[CutOff, ...]) -> Iterator[None]:
    """The same around a run that goes on from there: what it goes on from is over only when the block ends well.

    Whoever started the first of them was promised all or nothing. So when the block's own run is taken back, what
    was in before it still waits to be taken back: an UnsettledError then stands in for the ReversedError.
    """
    try:
        yield
    except ReversedError as error:
        if not cut_off:
            raise
        with settling(ledger):
            for each in cut_off:
                why = f"cut off after {each.after}; the run that went on from there failed and was taken back"
                ledger.finish_run(each.run.number, RunStatus.UNSETTLED, error=why)
        runs = " and ".join(f"run {each.run.number}, cut off after {each.after}," for each in cut_off)
        raise UnsettledError(
            f"{error.message}; this run was taken back, but {runs} is still in",
            help="`migrate recover --abort` takes that back too; to keep it, `migrate recover --resume`",
            details=error.details,
        ) from error
    _settled(ledger, cut_off)


def _settled(ledger: Ledger, cut_off: tuple[CutOff, ...]) -> None:
    with settling(ledger):
        for each in cut_off:
            ledger.finish_run(
                each.run.number,
                RunStatus.SETTLED,
                error=f"cut off after {each.after}; the next run goes on from there",
            )


def cut_off_runs(session: Session, ledger: Ledger) -> tuple[CutOff, ...]:
    """The unfinished runs of which something is in, oldest first; those of which nothing is in are settled.

    Raises as `settle_cut_off_runs` does.
    """
    found: list[CutOff] = []
    with settling(ledger):
        for run in ledger.open_runs():
            refuse_living(session, run.number)
            refuse_elsewhere(session, run.number)
            take_fence(session, run.number)
            refuse_undecided(run)
            intents = ledger.intents(run.number)
            if (after := _settle(session, ledger, run, intents)) is not None:
                found.append(CutOff(run=run, after=after, intents=intents))
    return tuple(found)


def refuse_undecided(run: Run) -> None:
    """What a person has begun to decide, or must decide, is not settled by the way. Raises UnsettledError."""
    if run.status is RunStatus.UNSETTLED:
        raise UnsettledError(
            f"run {run.number} failed and was not taken back whole: {run.error or 'no error was written down'}",
            help="`migrate recover` explains what is in and goes on",
        )
    if run.kind == "recover":
        raise UnsettledError(
            f"run {run.number}, which recovered an earlier run, was cut off",
            help="`migrate recover` explains what is in; `migrate recover --abort` goes on with it",
        )


def _settle(session: Session, ledger: Ledger, run: Run, intents: tuple[Intent, ...]) -> RevisionKey | None:
    """The latest step of the run that is in, or None when nothing of it is, which the ledger is then told."""
    last = {key: each for each in intents for key in each.steps}
    half_done = [str(key) for key, each in last.items() if _may_be_half_done(session, run, each)]
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
    done = [key for key, each in latest.items() if each.direction is forward]
    if went_back(run, intents) and (done or read_made(session, run.number)):
        left = ", ".join(map(str, done)) or "what it made for modules"
        why = f"{run.error or 'it failed'}; cut off while it was taken back; in is {left}"
        ledger.finish_run(run.number, RunStatus.UNSETTLED, error=why)
        raise UnsettledError(
            f"run {run.number} failed, and was cut off while it was taken back",
            help="`migrate recover --abort` goes on taking it back; `migrate recover` says what is in",
            details=(run.error,) if run.error else (),
        )
    if done:
        return done[-1]
    ledger.finish_run(run.number, RunStatus.REVERSED, error=_with_reason(run, "cut off; nothing of it is in"))
    return None


def went_back(run: Run, intents: tuple[Intent, ...]) -> bool:
    """Whether the run had no way on but back: what fails for a reason of code or data would only fail again."""
    forward = Direction.DOWNGRADE if run.kind == "rollback" else Direction.UPGRADE
    return run.final or any(each.direction is not forward for each in intents)


def _with_reason(run: Run, what: str) -> str:
    return f"{run.error}; {what}" if run.error else what


def _may_be_half_done(session: Session, run: Run, intent: Intent) -> bool:
    """Whether a segment that commits statement by statement has committed something and has no proof of its end."""
    if intent.transactional or intent.committed:
        return False
    checkpoints = read_checkpoints(session, intent.token)
    if checkpoints is None:  # it had not begun, as far as its program wrote that down
        return not run.writes_checkpoints
    return checkpoints.commits > 0 and not checkpoints.undone

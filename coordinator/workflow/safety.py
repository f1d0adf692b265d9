"""What must be settled or refused before a run may write."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, ReversedError, UnsettledError
from coordinator.execution.kept.not_back import not_back, surely
from coordinator.execution.starting import Starting
from coordinator.ledger.backends import refuse_living
from coordinator.ledger.checkpoints import read_checkpoints
from coordinator.ledger.lock import take_fence
from coordinator.ledger.made import read_made
from coordinator.ledger.store import LedgerReader
from coordinator.ledger.system import refuse_elsewhere
from coordinator.model.capture import Direction
from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.model.names import Place
from coordinator.model.plan import Atomicity, Guarantee, RunPlan, Segment, Step
from coordinator.model.run import RunStatus
from coordinator.planning.digest import digest_of
from coordinator.postgres.rows import estimated_rows, ordinary_tables, readable_tables, row_checksums
from coordinator.workflow.incidents import settling
from coordinator.workflow.state import look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.execution.project import Project
    from coordinator.execution.starting import RowSums
    from coordinator.ledger.store import Intent, Ledger
    from coordinator.model.catalog import Catalog
    from coordinator.model.names import RevisionKey
    from coordinator.model.run import Run
    from coordinator.postgres.rows import Table
    from coordinator.postgres.session import Session
    from coordinator.workflow.state import TargetState

# More rows than this are not read twice to prove that a reversal gave them back; the catalog is compared anyway.
ROW_BUDGET = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """A run that was cut off while steps of it were in; `after` is the latest of these."""

    run: Run
    after: RevisionKey
    intents: tuple[Intent, ...]

    def is_whole(self, state: TargetState) -> bool:
        """Whether all that it was to do is done, by itself or by plain Alembic since.

        Where an older program did not note the steps of the plan, what the run committed has the plan's digest. What a
        rollback took out the ledger has forgotten, so of one of those it cannot be told, and the answer is no.
        """
        if self.run.guarantee == Guarantee.ONE_TRANSACTION.value:
            return True
        if self.run.planned:
            return not self._left(state)
        segments = tuple(_segment(each) for each in self.intents if each.committed)
        contents = {each.key: each.digest for each in state.recorded}
        return self.run.plan in {
            digest_of(RunPlan(segments=segments, atomicity=each), contents) for each in Atomicity
        }

    def is_taken_up_by(self, plan: RunPlan, state: TargetState, project: Project) -> bool:
        """Whether the plan does the rest of it, so that it is over with that plan's run.

        An apply does no rest of a rollback, and a rollback none of an apply; but what brings in again what the rollback
        took out decides about it, and so does what takes out all that is in of the apply.
        """
        steps = {step.key for step in plan.steps}
        known = self._known
        if plan.direction is Direction.DOWNGRADE:
            mine = {each.key for each in state.recorded if each.run == self.run.number}
            return steps.issuperset(
                key for key in known if state.is_in(key) and (self.run.kind == "rollback" or key in mine)
            )
        if self.run.kind == "rollback":
            return not steps.isdisjoint(known)
        if left := self._left(state):
            return left <= steps
        # The steps that it did not come to were not noted: whoever has the others is taken for its checkout.
        files = {revision.key for tree in project.trees for revision in tree.revisions}
        return bool(steps) and files.issuperset(known)

    @property
    def _known(self) -> tuple[RevisionKey, ...]:
        """The steps of its plan; where an older program did not note them, those that it began."""
        return self.run.planned or tuple(key for each in self.intents for key in each.steps)

    def _left(self, state: TargetState) -> frozenset[RevisionKey]:
        """Those of its steps that are not on the side where it was to bring them, as far as they are known."""
        return frozenset(key for key in self._known if state.is_in(key) is (self.run.kind == "rollback"))


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
    tables = _compared(session, project, plan)
    if tables is None:
        return Starting(catalog=catalog, rows=None, sums={})

    def sums() -> RowSums:
        return row_checksums(session, tables=tables)

    return Starting(catalog=catalog, rows=sums, sums=sums())


def _compared(session: Session, project: Project, plan: RunPlan) -> tuple[Table, ...] | None:
    """The tables whose rows are compared: those of the plan's modules, and of what its revisions touch as far as we may
    read it, while they are not too many with these. None when they are too many without."""
    modules = {module.name: module.schemas for module in project.all_modules}
    own = {schema for step in plan.steps for schema in modules[step.key.module]}
    # What is no module's name is the name of a schema that belongs to nobody.
    touched = {
        schema for step in plan.steps for name in step.touches for schema in modules.get(name, (name,))
    }
    theirs = readable_tables(session, touched - own - {LEDGER_SCHEMA})
    for tables in ((*ordinary_tables(session, own), *theirs), ordinary_tables(session, own)):
        if estimated_rows(session, tables) <= ROW_BUDGET:
            return tuple(each for each in tables if each not in project.version_tables)
    return None


@contextmanager
def going_on(ledger: Ledger, cut_off: tuple[CutOff, ...]) -> Iterator[None]:
    """Around a run that goes on from these: they are over only when the block ends well.

    Whoever started the first of them was promised all or nothing. So when the block's own run is taken back, what
    was in before it still waits to be taken back: an UnsettledError then stands in for the ReversedError.
    """
    try:
        yield
    except ReversedError as error:
        if not cut_off:
            raise
        # What the block came to is told whatever the ledger's connection comes to; the next command settles it.
        with suppress(CoordinatorError), settling(ledger):
            for each in cut_off:
                why = f"cut off after {each.after}; the run that went on from there failed and was taken back"
                ledger.finish_run(each.run.number, RunStatus.UNSETTLED, error=why)
        runs = " and ".join(f"run {each.run.number}, cut off after {each.after}," for each in cut_off)
        raise UnsettledError(
            f"{error.message}; this run was taken back, but {runs} is still in",
            help="`migrate recover --abort` takes that back too; to keep it, `migrate recover --resume`",
            details=error.details,
        ) from error
    with suppress(CoordinatorError):
        settle(ledger, cut_off)


def settle(
    ledger: Ledger, cut_off: tuple[CutOff, ...], *, why: str = "the next run goes on from there"
) -> None:
    """Say of these runs that they are over, and why."""
    if not cut_off:
        return
    with settling(ledger):
        for each in cut_off:
            ledger.finish_run(each.run.number, RunStatus.SETTLED, error=f"cut off after {each.after}; {why}")


def _cut_off_runs(session: Session, ledger: Ledger) -> tuple[CutOff, ...]:
    """The unfinished runs of which something is in, oldest first; those of which nothing is in are settled.

    The lock is ours, so nobody works on them any more. One that was cut off left either whole segments or nothing; what
    is in is in the version tables, and a new plan goes on from there. Raises UnsettledError for what a person must
    decide, and when the server still works for a runner that is gone, LockHeldError while a transaction of it is open.
    """
    found: list[CutOff] = []
    with settling(ledger):
        for run in ledger.open_runs():
            refuse_living(session, run.number)
            refuse_elsewhere(session, run.number)
            take_fence(session, run.number)
            try:
                cut_off = _cut_off(session, ledger, run)
            except _LeftUndecidedError as error:
                ledger.finish_run(run.number, RunStatus.UNSETTLED, error=error.why)
                raise
            if cut_off is None:
                why = _with_reason(run, "cut off; nothing of it is in")
                ledger.finish_run(run.number, RunStatus.REVERSED, error=why)
            else:
                found.append(cut_off)
    return tuple(found)


def unfinished_cut_off_runs(session: Session, ledger: Ledger, project: Project) -> tuple[CutOff, ...]:
    """Those of them that have not done all that they were to do; the others are settled. Raises as they do."""
    cut_off = _cut_off_runs(session, ledger)
    if not cut_off:
        return ()
    state = look(session, project, whole=False)
    left = tuple(each for each in cut_off if not each.is_whole(state))
    settle(ledger, tuple(each for each in cut_off if each not in left))
    return left


def read_cut_off_runs(session: Session) -> tuple[CutOff, ...]:
    """What `_cut_off_runs` would find if nobody is at work, without a write. Raises UnsettledError as it does."""
    ledger = LedgerReader(session)
    found: list[CutOff] = []
    for run in ledger.open_runs():
        refuse_living(session, run.number)
        refuse_elsewhere(session, run.number)
        if (cut_off := _cut_off(session, ledger, run)) is not None:
            found.append(cut_off)
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


class _LeftUndecidedError(UnsettledError):
    """A person must decide about a run that was cut off; `why` is what the ledger says of it then."""

    def __init__(self, message: str, *, why: str, help: str, details: tuple[str, ...] = ()) -> None:  # noqa: A002
        super().__init__(message, help=help, details=details)
        self.why = why


def _cut_off(session: Session, ledger: LedgerReader, run: Run) -> CutOff | None:
    """What of the run is in, by the ledger's proofs; None when nothing of it is. Raises UnsettledError."""
    refuse_undecided(run)
    intents = ledger.intents(run.number)
    last = {key: each for each in intents for key in each.steps}
    half_done = [str(key) for key, each in last.items() if _may_be_half_done(session, run, each)]
    if half_done:
        steps = ", ".join(half_done)
        raise _LeftUndecidedError(
            f"run {run.number} was cut off in {steps}, which commits statement by statement and may be half done",
            why=f"cut off in {steps}, which commits statement by statement",
            help="`migrate recover` explains what is in and goes on",
        )
    latest = {key: each for each in intents if each.committed for key in each.steps}
    done = [key for key, each in latest.items() if each.direction is run.forward]
    if went_back(run, intents) and (done or read_made(session, run.number)):
        left = ", ".join(map(str, done)) or "what it made for modules"
        raise _LeftUndecidedError(
            f"run {run.number} failed, and was cut off while it was taken back",
            why=f"{run.error or 'it failed'}; cut off while it was taken back; in is {left}",
            help="`migrate recover --abort` goes on taking it back; `migrate recover` says what is in",
            details=(run.error,) if run.error else (),
        )
    if done:
        return CutOff(run=run, after=done[-1], intents=intents)
    if lost := surely(not_back(session, run.number, run.forward)):
        raise _LeftUndecidedError(
            f"run {run.number} was taken back, but not all that it had destroyed could be put back",
            why=f"{run.error or 'cut off'}; not all that it had destroyed is back",
            help="`migrate recover` explains what is not back and goes on",
            details=tuple(each.shortfall for each in lost),
        )
    return None


def went_back(run: Run, intents: tuple[Intent, ...]) -> bool:
    """Whether the run had no way on but back: what fails for a reason of code or data would only fail again."""
    return run.final or any(each.direction is not run.forward for each in intents)


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

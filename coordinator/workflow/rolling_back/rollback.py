"""`migrate rollback`: look, name, show, ask; then lock, look again, rehearse, take back; all of it in again if a step fails."""

from __future__ import annotations

import enum
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, ReversedError
from coordinator.execution.events import Listener, TargetNamed, Working
from coordinator.execution.workers import Workers
from coordinator.ledger.store import Ledger
from coordinator.workflow.before_writing import told_as_untouched
from coordinator.workflow.carrying_out import ROLLBACK, CarryingOut
from coordinator.workflow.left_unfinished import left_unfinished
from coordinator.workflow.locked import locked
from coordinator.workflow.loss import NOTHING_ASKED, KeepRequest
from coordinator.workflow.project import load_project
from coordinator.workflow.refusals import at_work, left_cut_off, refuse_errors, refuse_newer_ledger
from coordinator.workflow.rolling_back.naming import name_revisions
from coordinator.workflow.rolling_back.prepare import Prepared, Preparing
from coordinator.workflow.rolling_back.sources import source_folder
from coordinator.workflow.safety import read_cut_off_runs, settle, unfinished_cut_off_runs
from coordinator.workflow.state import look, look_beside
from coordinator.workflow.target import Target, open_target
from coordinator.workflow.upgraded import upgraded_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from coordinator.execution.monitor import WatchedLock
    from coordinator.execution.project import Project
    from coordinator.model.finding import Finding
    from coordinator.model.forecast import Forecast
    from coordinator.model.kept import KeptData
    from coordinator.model.plan import RunPlan
    from coordinator.model.precondition import PreconditionResult
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.model.rollback import ErrorType, RollbackAnalysis, RollbackDecision
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.rolling_back.sources import KeptSource
    from coordinator.workflow.safety import CutOff
    from coordinator.workflow.state import TargetState


class Outcome(enum.Enum):
    """What `rollback` did."""

    NOTHING_TO_DO = "nothing to do"
    WOULD_ROLL_BACK = "would roll back"
    NOT_CONSENTED = "not consented"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for besides the settings.

    `show` is told before anything happens, `consent` asked then. `trusts` is shown texts that only the ledger has,
    before any of them is run, and says whether to.
    """

    staging: str  # auto, container, embedded, off, or the URL of a server
    module: str | None = None
    to: str | None = None
    run: int | None = None
    error: ErrorType | None = None
    keep: KeepRequest = NOTHING_ASKED
    dry_run: bool = False
    show: Callable[[Prepared], None] = lambda prepared: None
    consent: Callable[[Prepared], bool] = lambda prepared: True
    trusts: Callable[[tuple[KeptSource, ...]], bool] = lambda sources: False


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackReport:
    """What was done, for people and machines; `why_none` says why there was nothing to do."""

    outcome: Outcome
    target: str
    environment: str
    analysis: RollbackAnalysis | None = None
    decision: RollbackDecision | None = None
    plan: RunPlan | None = None
    rehearsal: Rehearsal | None = None
    run: int | None = None
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    kept: tuple[KeptData, ...] = ()  # what of the destroyed data is held
    forecasts: tuple[Forecast, ...] = ()  # none: a rollback is not traced
    preconditions: tuple[PreconditionResult, ...] = ()  # what the steps demanded of rows
    why_none: str = ""


def rollback(settings: Settings, request: Request, tell: Listener) -> RollbackReport:
    """Take back what was named and what stands on it: either all of that is out, or everything is as it was.

    Raises the errors of `coordinator.errors`; their exit codes say whether anything was written.
    """
    with (
        told_as_untouched(),
        Workers(silence=settings.worker_timeout) as workers,
        open_target(settings) as target,
        source_folder() as folder,
    ):
        tell(TargetNamed(target=target.shown, environment=target.environment))
        project = load_project(settings, workers)
        return _Rollback(settings, request, tell, workers, target, project, folder).go()


class _Rollback:
    """One rollback, from the first look on."""

    def __init__(
        self,
        settings: Settings,
        request: Request,
        tell: Listener,
        workers: Workers,
        target: Target,
        project: Project,
        folder: Path,
    ) -> None:
        self._settings = settings
        self._request = request
        self._tell = tell
        self._workers = workers
        self._target = target
        self._project = project
        self._folder = folder
        self._trusted: frozenset[str] = frozenset()

    def go(self) -> RollbackReport:
        """Show it first; then do it, if that is wanted."""
        with self._target.connect("look") as session:
            state, holder = look_beside(session, self._project)
            refuse_newer_ledger(state)
            # While somebody is at work it is not known what becomes of them.
            cut_off = set() if at_work(state, holder) else {each.number for each in state.open_runs}
            partly_in = {each.run.number for each in read_cut_off_runs(session)} if cut_off else set()
            prepared = self._prepare(session, state, partly_in=partly_in, not_in=cut_off - partly_in)
        if isinstance(prepared, RollbackReport):
            return self._settled(prepared) if cut_off and not self._request.dry_run else prepared
        self._request.show(prepared)
        refuse_errors(prepared.findings, "nothing was rolled back")
        if self._request.dry_run:
            return self._report(Outcome.WOULD_ROLL_BACK, prepared)
        if not self._request.consent(prepared):
            return self._report(Outcome.NOT_CONSENTED, prepared)
        with ExitStack() as stack:
            lock = stack.enter_context(locked(self._settings, self._target, self._tell))
            main = stack.enter_context(self._target.connect("main"))
            return self._carry_out(lock, main, prepared)

    def _settled(self, report: RollbackReport) -> RollbackReport:
        """Nothing is to go, and runs are not over: those that have done all of it, or nothing, are settled."""
        with (
            locked(self._settings, self._target, self._tell) as lock,
            self._target.connect("main") as main,
        ):
            left = left_unfinished(self._settings, self._target, self._project, lock, main, self._tell)
        return replace(report, findings=(*report.findings, *left_cut_off(left)))

    def _prepare(
        self, session: Session, state: TargetState, *, partly_in: set[int], not_in: set[int]
    ) -> Prepared | RollbackReport:
        """What would go, or the report that nothing would.

        Runs that were cut off count as what is in of them, or not: what is named may be one of them.
        """
        self._tell(Working(what="reading what stands on what"))
        named = name_revisions(
            session,
            self._project,
            state,
            module=self._request.module,
            to=self._request.to,
            run=self._request.run,
            partly_in=partly_in,
            not_in=not_in,
        )
        if not named.keys:
            return self._report(Outcome.NOTHING_TO_DO, None, why_none=named.why_none)
        preparing = Preparing(
            settings=self._settings,
            session=session,
            project=replace(self._project, absent=state.absent.modules),
            state=state,
            workers=self._workers,
            folder=self._folder,
            trusts=self._trusts,
            module=self._request.module,
            error=self._request.error,
            keep=self._request.keep,
        )
        return preparing.prepare(named.keys)

    def _trusts(self, sources: tuple[KeptSource, ...]) -> bool:
        """Ask once for each text: under the lock it is the same text again, or another one that nobody has read."""
        unread = tuple(each for each in sources if each.source not in self._trusted)
        if unread and not self._request.trusts(unread):
            return False
        self._trusted |= {each.source for each in unread}
        return True

    def _carry_out(self, lock: WatchedLock, main: Session, shown: Prepared) -> RollbackReport:
        lock.announce("rollback", "looking again")
        state = look(main, self._project)
        cut_off: tuple[CutOff, ...] = ()
        if state.open_runs:
            with self._target.connect("ledger") as session:
                ledger = upgraded_ledger(self._settings, session, lock, self._tell)
                cut_off = unfinished_cut_off_runs(main, ledger, self._project)
            state = look(main, self._project)
        prepared = self._prepare(main, state, partly_in={each.run.number for each in cut_off}, not_in=set())
        if isinstance(prepared, RollbackReport):
            return prepared
        refuse_errors(prepared.findings, "nothing was rolled back")
        if prepared.scope.keys != shown.scope.keys:
            raise RefusedError(
                "something came in or went out meanwhile, and what would go is not what was shown",
                help="look at it again: `migrate rollback --dry-run`",
            )
        over = tuple(each for each in cut_off if each.is_taken_up_by(prepared.plan, state, self._project))
        left = left_cut_off(each for each in cut_off if each not in over)
        prepared = replace(prepared, findings=(*prepared.findings, *left))
        carrying_out = CarryingOut(
            kind=ROLLBACK,
            settings=self._settings,
            staging=self._request.staging,
            consent=lambda plan: True,  # it was asked for with the plan before the person's eyes
            target=self._target,
            project=prepared.project,
            workers=self._workers,
            lock=lock,
            main=main,
            tell=self._tell,
            state=state,
            captured=prepared.captured,
            keep=prepared.keep,
            at_begin=lambda: self._settle(over),
        )
        with _telling_what_is_left(over):
            done = carrying_out.carry_out((prepared.plan,))
        report = self._report(Outcome.ROLLED_BACK, prepared)
        return replace(
            report,
            rehearsal=done.rehearsal,
            run=done.run,
            seconds=done.seconds,
            kept=done.kept,
            preconditions=done.preconditions,
            findings=tuple(dict.fromkeys((*report.findings, *done.findings))),
        )

    def _settle(self, over: tuple[CutOff, ...]) -> None:
        if over:
            with self._target.connect("ledger") as session:
                settle(Ledger(session), over, why="a rollback began to take out what was in")

    def _report(self, outcome: Outcome, prepared: Prepared | None, *, why_none: str = "") -> RollbackReport:
        report = RollbackReport(
            outcome=outcome,
            target=self._target.shown,
            environment=self._target.environment,
            why_none=why_none,
        )
        if prepared is None:
            return report
        return replace(
            report,
            analysis=prepared.analysis,
            decision=prepared.decision,
            plan=prepared.plan,
            findings=prepared.findings,
        )


@contextmanager
def _telling_what_is_left(over: tuple[CutOff, ...]) -> Iterator[None]:
    """Around a rollback that took up runs that were cut off: when it is taken back, what they brought in is in again.

    `migrate recover` knows nothing of it any more, since what is put in again belongs to nobody's unfinished run.
    """
    try:
        yield
    except ReversedError as error:
        if over:
            settled = tuple(
                f"run {each.run.number}, cut off after {each.after}, is settled: what was in of it is in again, and the"
                " same `migrate rollback` begins anew"
                for each in over
            )
            error.details = (*error.details, *settled)
        raise

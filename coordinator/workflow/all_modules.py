"""`migrate all-modules`: look, plan, lock, look again, rehearse, look again, apply; all of it back if a step fails."""

from __future__ import annotations

import enum
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from coordinator.checks.preflight.edited_revision import EditedRevision, edited_revisions
from coordinator.errors import ReversedError
from coordinator.execution.categories import categorize
from coordinator.execution.events import Listener, TargetNamed, Working
from coordinator.execution.workers import Workers
from coordinator.ledger.attempts import failed_for_good
from coordinator.ledger.store import Ledger
from coordinator.model.plan import Atomicity
from coordinator.postgres.lasting import read_lasting
from coordinator.settings.values import StagingKind
from coordinator.workflow.before_writing import told_as_untouched
from coordinator.workflow.carrying_out import CarriedOut, CarryingOut
from coordinator.workflow.locked import locked
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.planned import capture_all, make_plans, refuse_errors
from coordinator.workflow.preflight import preflight, preflight_facts
from coordinator.workflow.project import load_project
from coordinator.workflow.refusals import at_work, attempt, refuse_failed, refuse_held, refuse_newer_ledger
from coordinator.workflow.safety import ahead, settle_cut_off_runs
from coordinator.workflow.state import TargetState, look
from coordinator.workflow.target import Target, open_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.execution.monitor import WatchedLock
    from coordinator.execution.project import Project
    from coordinator.model.finding import Finding
    from coordinator.model.plan import RunPlan
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings


class Outcome(enum.Enum):
    """What `all_modules` did."""

    NOTHING_TO_DO = "nothing to do"
    WOULD_APPLY = "would apply"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for besides the settings."""

    atomicity: Atomicity
    staging: str  # auto, container, embedded, off, or the URL of a server
    only: str | None = None
    dry_run: bool = False
    retry: bool = False  # try once more what has failed before for a reason of code or data
    consent: Callable[[RunPlan], bool] = lambda plan: True  # asked when a run cannot promise all or nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was done, for people and machines."""

    outcome: Outcome
    target: str
    environment: str
    plan: RunPlan | None = None
    rehearsal: Rehearsal | None = None
    run: int | None = None
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()


def all_modules(settings: Settings, request: Request, tell: Listener) -> Report:
    """Bring all modules to their heads: either every pending revision is in, or nothing is.

    Raises the errors of `coordinator.errors`; their exit codes say whether anything was written.
    """
    with (
        told_as_untouched(),
        Workers(silence=settings.worker_timeout) as workers,
        open_target(settings) as target,
    ):
        tell(TargetNamed(target=target.shown, environment=target.environment))
        project = load_project(settings, workers)
        run = _Run(settings, request, tell, workers, target, project)
        with target.connect("look") as session:
            state = look(session, project, whole=False)
            nothing_to_do = not state.pending(project)
            busy = at_work(session, state)
            if nothing_to_do and (busy or not state.open_runs):
                return run.nothing(session, state, busy)
            refuse_newer_ledger(state)
            run.refuse(session, state)
        return run.go()


def wanted_staging(settings: Settings) -> str:
    """The staging that the settings and flags name, in the words of `Request.staging`. Raises SettingsError."""
    if settings.staging.kind is StagingKind.SERVER:
        assert settings.staging.server is not None
        return settings.staging.server.text
    return str(settings.staging.kind.value)


def _carried_out(carrying_out: CarryingOut, plans: tuple[RunPlan, ...]) -> CarriedOut:
    """Carry the plans out; a failure that would come again says how to try again."""
    try:
        return carrying_out.carry_out(plans)
    except ReversedError as error:
        if error.__cause__ is not None and categorize(error.__cause__).is_final:
            error.help = f"{error.help}; mend the cause, then `migrate all-modules --retry`"
        raise


class _Run:
    """One run, from the lock on."""

    def __init__(
        self,
        settings: Settings,
        request: Request,
        tell: Listener,
        workers: Workers,
        target: Target,
        project: Project,
    ) -> None:
        self._settings = settings
        self._request = request
        self._tell = tell
        self._workers = workers
        self._target = target
        self._project = project
        self._waived: int | None = None  # the failed run that --retry is about

    def nothing(self, session: Session, state: TargetState, busy: tuple[Finding, ...] = ()) -> Report:
        """What to report when nothing is pending. Raises RefusedError for what is wrong all the same."""
        if edited_revisions(preflight_facts(self._project, state, None)):
            state = look(session, self._project)  # with the sources, to show what was edited
        findings = (
            *preflight(self._project, state, None),
            *ahead(state, self._settings.when_ahead),
            *busy,
        )
        refuse_errors(findings, "the modules are not as they should be")
        return self._report(Outcome.NOTHING_TO_DO, None, None, findings)

    def refuse(self, session: Session, state: TargetState) -> None:
        """Refuse what is on hold and what has failed for good before; nothing but the target was looked at by now."""
        only = self._request.only
        pending = state.pending(self._project)
        refuse_held(state, tuple(each for each in pending if only in (None, each.module)))
        wanted = attempt(self._project, state, only)
        if self._request.retry and self._waived is None:
            failed = failed_for_good(session, wanted)
            self._waived = 0 if failed is None else failed.number
        if not state.open_runs:  # what they come to is not known before they are over
            refuse_failed(session, wanted, waived=self._waived)

    def go(self) -> Report:
        """Take the lock and do what is still to do then."""
        with ExitStack() as stack:
            lock = stack.enter_context(locked(self._settings, self._target, self._tell))
            main = stack.enter_context(self._target.connect("main"))
            state = look(main, self._project)
            if state.open_runs:
                ledger = Ledger(stack.enter_context(self._target.connect("ledger")))
                ledger.create()
                settle_cut_off_runs(main, ledger)
                state = look(main, self._project)
            if not state.pending(self._project):
                return self.nothing(main, state)
            self.refuse(main, state)
            return self._go_on(lock, main, state)

    def _go_on(self, lock: WatchedLock, main: Session, state: TargetState) -> Report:
        lock.announce("plan", "planning")
        self._tell(Working(what="reading what the pending revisions do"))
        only = self._request.only
        captured = capture_all(
            self._project,
            state.pending(self._project),
            self._workers,
            state.server_version,
            noted=state.outside(self._project),
        )
        findings = (
            *captured.findings,
            # Which revisions come along with one module, only the plan tells.
            *preflight(self._project, state, captured, steps=None if only is None else frozenset()),
            *ahead(state, self._settings.when_ahead),
        )
        refuse_errors(findings, "nothing was changed")
        map_view = read_map_view(self._settings)
        self._project = replace(
            self._project, map_references=map_view.references, absent=state.absent.modules
        )
        planned = partial(
            make_plans, self._project, state, captured, map_view, only=only, lasting=read_lasting(main)
        )
        plans = planned(atomicity=self._request.atomicity)
        findings = (*findings, *map_view.findings, *plans[0].findings)
        if only is not None:
            steps = frozenset(step.key for step in plans[0].steps)
            refuse_held(state, steps)
            asked = preflight(self._project, state, captured, steps=steps)
            findings = (*(each for each in findings if each.rule != EditedRevision.name), *asked)
        findings = tuple(dict.fromkeys(findings))
        refuse_errors(findings, "nothing was changed")
        if not plans[0].steps:
            return self._report(Outcome.NOTHING_TO_DO, plans[0], None, findings)
        if self._request.dry_run:
            return self._report(Outcome.WOULD_APPLY, plans[0], None, findings)
        carrying_out = CarryingOut(
            kind="apply",
            settings=self._settings,
            staging=self._request.staging,
            consent=self._request.consent,
            target=self._target,
            project=self._project,
            workers=self._workers,
            lock=lock,
            main=main,
            tell=self._tell,
            state=state,
            captured=captured,
            stepwise=lambda: planned(atomicity=Atomicity.STEP),
            attempt=attempt(self._project, state, only),
        )
        done = _carried_out(carrying_out, plans)
        findings = tuple(dict.fromkeys((*findings, *done.findings)))
        return self._report(
            Outcome.APPLIED, done.plan, done.rehearsal, findings, run=done.run, seconds=done.seconds
        )

    def _report(
        self,
        outcome: Outcome,
        plan: RunPlan | None,
        rehearsal: Rehearsal | None,
        findings: tuple[Finding, ...],
        *,
        run: int | None = None,
        seconds: float = 0.0,
    ) -> Report:
        return Report(
            outcome=outcome,
            target=self._target.shown,
            environment=self._target.environment,
            plan=plan,
            rehearsal=rehearsal,
            run=run,
            seconds=seconds,
            findings=findings,
        )

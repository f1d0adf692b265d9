"""`migrate all-modules`: look, plan, lock, look again, rehearse, look again, apply; all of it back if a step fails."""

from __future__ import annotations

import enum
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.execution.events import Listener, LockAwaited, TargetNamed, Working
from coordinator.execution.workers import Workers
from coordinator.ledger.lock import Lock
from coordinator.ledger.store import Ledger
from coordinator.postgres.lasting import read_lasting
from coordinator.settings.values import StagingKind
from coordinator.workflow.before_writing import told_as_untouched
from coordinator.workflow.carrying_out import CarryingOut
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.planned import capture_all, make_plans, refuse_errors
from coordinator.workflow.preflight import preflight
from coordinator.workflow.project import load_project
from coordinator.workflow.safety import ahead, settle_cut_off_runs
from coordinator.workflow.state import TargetState, look
from coordinator.workflow.target import Target, open_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.execution.project import Project
    from coordinator.model.finding import Finding
    from coordinator.model.plan import Atomicity, RunPlan
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
        with target.connect("look") as session:
            state = look(session, project)
        if not state.open_runs and not state.pending(project):
            return _nothing(settings, target, project, state)
        return _Run(settings, request, tell, workers, target, project).go()


def _nothing(settings: Settings, target: Target, project: Project, state: TargetState) -> Report:
    findings = (*preflight(project, state, None), *ahead(state, settings.when_ahead))
    refuse_errors(findings, "the modules are not as they should be")
    return Report(
        outcome=Outcome.NOTHING_TO_DO, target=target.shown, environment=target.environment, findings=findings
    )


def wanted_staging(settings: Settings) -> str:
    """The staging that the settings and flags name, in the words of `Request.staging`. Raises SettingsError."""
    if settings.staging.kind is StagingKind.SERVER:
        assert settings.staging.server is not None
        return settings.staging.server.text
    return str(settings.staging.kind.value)


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

    def go(self) -> Report:
        """Take the lock and do what is still to do then."""
        with ExitStack() as stack:
            lock_session = stack.enter_context(self._target.connect("waiting"))
            lock = Lock(lock_session)
            lock.acquire(
                wait=self._settings.wait,
                waiting=lambda holder, seconds: self._tell(LockAwaited(holder=holder, seconds=seconds)),
            )
            stack.callback(lock.let_go)
            main = stack.enter_context(self._target.connect("main"))
            state = look(main, self._project)
            if state.open_runs:
                ledger = Ledger(stack.enter_context(self._target.connect("ledger")))
                settle_cut_off_runs(main, ledger)
                state = look(main, self._project)
            if not state.pending(self._project):
                return _nothing(self._settings, self._target, self._project, state)
            return self._go_on(lock, main, state)

    def _go_on(self, lock: Lock, main: Session, state: TargetState) -> Report:
        lock.announce("plan", "planning")
        self._tell(Working(what="reading what the pending revisions do"))
        captured = capture_all(
            self._project, state.pending(self._project), self._workers, state.server_version
        )
        findings = (
            *captured.findings,
            *preflight(self._project, state, captured),
            *ahead(state, self._settings.when_ahead),
        )
        refuse_errors(findings, "nothing was changed")
        map_view = read_map_view(self._settings)
        self._project = replace(self._project, map_references=map_view.references)
        plans = make_plans(
            self._project,
            state,
            captured,
            map_view,
            atomicity=self._request.atomicity,
            only=self._request.only,
            lasting=read_lasting(main),
        )
        findings = (*findings, *map_view.findings, *plans[0].findings)
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
        )
        done = carrying_out.carry_out(plans)
        findings = tuple(dict.fromkeys((*findings, *done.findings)))
        return self._report(
            Outcome.APPLIED, done.plan, done.rehearsal, findings, run=done.run, seconds=done.seconds
        )

    def _report(
        self,
        outcome: Outcome,
        plan: RunPlan,
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

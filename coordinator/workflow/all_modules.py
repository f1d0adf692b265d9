"""`migrate all-modules`: look, plan, lock, look again, rehearse, look again, apply; all of it back if a step fails."""

from __future__ import annotations

import enum
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.execution.events import Listener, LockAwaited, TargetNamed, Working
from coordinator.execution.executor import Executor
from coordinator.execution.rollback import RollbackManager
from coordinator.execution.workers import Workers
from coordinator.ledger.lock import Lock
from coordinator.ledger.store import Ledger
from coordinator.model.plan import Guarantee
from coordinator.planning.reverse import reverse_plan
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.lasting import read_lasting
from coordinator.settings.values import StagingKind
from coordinator.workflow.before_writing import nothing_in_yet, told_as_untouched
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.planned import Captured, capture_all, make_plans, refuse_errors
from coordinator.workflow.preflight import preflight
from coordinator.workflow.project import load_project
from coordinator.workflow.rehearse import rehearse
from coordinator.workflow.safety import ahead, refuse_loss_before_commit, settle_cut_off_runs, starting_point
from coordinator.workflow.state import TargetState, look
from coordinator.workflow.target import Target, open_target
from coordinator.workflow.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.execution.project import Project
    from coordinator.model.finding import Finding
    from coordinator.model.plan import Atomicity, RunPlan
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings

OFF = "off"


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
            return self._go_on(stack, lock, main, state)

    def _go_on(self, stack: ExitStack, lock: Lock, main: Session, state: TargetState) -> Report:
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
        plan, rehearsal = self._rehearse(plans, lock, captured)
        catalog = read_catalog(main, ignore=self._project.version_tables)
        lost = refuse_loss_before_commit(plan, rehearsal, catalog, self._project)
        findings = tuple(dict.fromkeys((*findings, *plan.findings, *lost)))
        if plan.guarantee is not Guarantee.ONE_TRANSACTION and not self._request.consent(plan):
            raise RefusedError("not applied, as you said", help="the target was not touched")
        self._look_again(main, state)
        return self._apply(stack, lock, main, plan, rehearsal, captured, findings)

    def _rehearse(
        self, plans: tuple[RunPlan, ...], lock: Lock, captured: Captured
    ) -> tuple[RunPlan, Rehearsal | None]:
        if self._request.staging == OFF:
            if len(plans) > 1:
                raise RefusedError(
                    f"{len(plans)} orders are possible, and without a rehearsal nothing can tell which one is right",
                    help='say `requires = ["module:revision"]` in the revision, or allow a staging database',
                )
            return plans[0], None
        lock.announce("rehearse", "rehearsing")
        done = rehearse(
            plans,
            wanted=self._request.staging,
            settings=self._settings,
            target=self._target,
            project=self._project,
            captured=captured,
            workers=self._workers,
            tell=self._tell,
        )
        return done.plan, done.rehearsal

    def _look_again(self, main: Session, before: TargetState) -> None:
        """Refuse when somebody migrated a module while we rehearsed."""
        now = look(main, self._project)
        changed = sorted(
            name for name in {*now.heads, *before.heads} if now.heads.get(name) != before.heads.get(name)
        )
        if changed:
            raise RefusedError(
                f"somebody else has migrated {', '.join(changed)} meanwhile",
                help="run `migrate all-modules` again",
            )

    def _apply(
        self,
        stack: ExitStack,
        lock: Lock,
        main: Session,
        plan: RunPlan,
        rehearsal: Rehearsal | None,
        captured: Captured,
        findings: tuple[Finding, ...],
    ) -> Report:
        writer = Writer(
            settings=self._settings,
            target=self._target,
            project=self._project,
            workers=self._workers,
            lock=lock,
            main=main,
            ledger_session=stack.enter_context(self._target.connect("ledger")),
            tell=self._tell,
        )
        number = writer.begin_run(
            kind="apply",
            plan=plan.digest,
            guarantee=plan.guarantee.value,
            rehearsal=rehearsal.where if rehearsal is not None else "not rehearsed: --staging off",
        )
        segments = writer.segments(number, plan, rehearsal)
        rollback = RollbackManager(
            segments=segments,
            reverse=lambda done: reverse_plan(done, captured.upgrades, captured.downgrades),
            tell=self._tell,
            where=self._target.shown,
        )
        with nothing_in_yet(segments.journal.ledger, number):
            starting = starting_point(main, self._project, plan, segments.runner.catalog())
        seconds = Executor(segments=segments, rollback=rollback, tell=self._tell).apply(
            plan, starting, self._target.shown
        )
        return self._report(Outcome.APPLIED, plan, rehearsal, findings, run=number, seconds=seconds)

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

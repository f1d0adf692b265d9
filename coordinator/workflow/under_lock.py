"""The part of `migrate all-modules` that has something to apply: lock, look again, plan, and carry it out.

Most starts have nothing to apply, and never load this.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from coordinator.checks.preflight.edited_revision import EditedRevision
from coordinator.errors import RefusedError, ReversedError, SettingsError
from coordinator.execution.categories import categorize
from coordinator.execution.events import Working
from coordinator.model.plan import Atomicity
from coordinator.postgres.lasting import read_lasting
from coordinator.settings.values import StagingKind
from coordinator.workflow.all_modules import Outcome
from coordinator.workflow.carrying_out import CarryingOut
from coordinator.workflow.covering import cover
from coordinator.workflow.gone import gone_findings
from coordinator.workflow.left_unfinished import left_unfinished
from coordinator.workflow.locked import locked
from coordinator.workflow.loss import NOTHING_ASKED
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.named import named_revision
from coordinator.workflow.planned import capture_all, make_plans
from coordinator.workflow.preconditions import checked_rows
from coordinator.workflow.preflight import preflight
from coordinator.workflow.reading import reader
from coordinator.workflow.refusals import (
    ahead,
    attempt,
    left_cut_off,
    open_runs_told,
    refuse_errors,
    refuse_held,
)
from coordinator.workflow.safety import going_on, refuse_undecided, unfinished_cut_off_runs
from coordinator.workflow.state import look, look_beside
from coordinator.workflow.trusting import trusted
from coordinator.workflow.upgraded import upgraded_ledger

if TYPE_CHECKING:
    from coordinator.execution.monitor import WatchedLock
    from coordinator.ledger.store import Ledger
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.postgres.session import Session
    from coordinator.workflow.all_modules import Deploy, Report
    from coordinator.workflow.carrying_out import CarriedOut
    from coordinator.workflow.covering import Covered
    from coordinator.workflow.map_view import MapView
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.safety import CutOff
    from coordinator.workflow.state import TargetState
    from coordinator.workflow.trusting import Trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """The plans to try, the likeliest first, and all that was found on the way to them."""

    plans: tuple[RunPlan, ...]
    findings: tuple[Finding, ...]
    map_view: MapView
    captured: Captured
    stepwise: partial[tuple[RunPlan, ...]]


def apply_under_lock(deploy: Deploy) -> Report:
    """Take the lock and do what is still to do then. Raises UsageError for a `--discard` that names no revision."""
    _discarded(deploy)
    if deploy.request.dry_run:
        return _dry_run(deploy)
    certificate = _certificate(deploy)
    with ExitStack() as stack:
        lock = stack.enter_context(locked(deploy.settings, deploy.target, deploy.tell))
        main = stack.enter_context(deploy.target.connect("main"))
        state = look(main, deploy.project)
        if not deploy.pending(state):
            return _nothing(deploy, lock, main, state)
        cut_off: tuple[CutOff, ...] = ()
        ledger: Ledger | None = None
        if state.open_runs:
            session = stack.enter_context(deploy.target.connect("ledger"))
            ledger = upgraded_ledger(deploy.settings, session, lock, deploy.tell)
            cut_off = unfinished_cut_off_runs(main, ledger, deploy.project)
            state = look(main, deploy.project)
        deploy.refuse(main, state)
        lock.announce("plan", "planning")
        planned, covered = _prepared(deploy, main, state, certificate)
        plan = planned.plans[0]
        # The plans differ in their order alone.
        gone_on = tuple(each for each in cut_off if each.is_taken_up_by(plan, state, deploy.project))
        left = tuple(each for each in cut_off if each not in gone_on)
        planned = replace(planned, findings=(*planned.findings, *left_cut_off(left)))
        if not plan.steps:
            return deploy.report(Outcome.NOTHING_TO_DO, planned.findings, plan=plan)
        if ledger is not None:
            if not gone_on:  # what it would fail for has nothing to do with them
                deploy.refuse_failed(main, state)
            stack.enter_context(going_on(ledger, gone_on))
        return _apply(deploy, lock, main, state, planned, covered)


def settle_under_lock(deploy: Deploy) -> Report:
    """Nothing is pending, and runs are not over: wait for who is at work, and say what was cut off.

    What is pending after all, since a run took back what it had brought in, is applied.
    """
    if deploy.request.dry_run:
        return _dry_run(deploy)
    with (
        locked(deploy.settings, deploy.target, deploy.tell) as lock,
        deploy.target.connect("main") as main,
    ):
        state = look(main, deploy.project)
        if not deploy.pending(state):
            return _nothing(deploy, lock, main, state)
    return apply_under_lock(deploy)


def _nothing(deploy: Deploy, lock: WatchedLock, main: Session, state: TargetState) -> Report:
    """Nothing is pending: a run that was cut off keeps its way on and its way back, unless all of it is in."""
    if not state.open_runs:
        return deploy.nothing(main, state)
    left = left_unfinished(deploy.settings, deploy.target, deploy.project, lock, main, deploy.tell)
    return deploy.nothing(main, look(main, deploy.project), left_cut_off(left))


def _discarded(deploy: Deploy) -> frozenset[RevisionKey]:
    """The revisions whose loss was accepted, their ids written out."""
    wanted = (deploy.request.keep or NOTHING_ASKED).discard
    return frozenset(named_revision(deploy.project, str(each)) for each in wanted)


def _certificate(deploy: Deploy) -> Trusted | None:
    """The certificate in the place of a rehearsal. Raises RefusedError for a missing one and one that is not trusted."""
    settings, path = deploy.settings, deploy.request.certificate
    if path is None:
        if settings.require_certificate:
            raise RefusedError(
                "something is pending, and here nothing is applied without a certificate (require_certificate)",
                help="name it with --certificate FILE or MIGRATE_CERTIFICATE; `migrate gate --certificate FILE` makes one",
            )
        if settings.staging.kind is StagingKind.CERTIFICATE:
            raise SettingsError(
                'The staging is "certificate", and no certificate is named.',
                help="Name it with --certificate FILE or MIGRATE_CERTIFICATE, or choose another --staging.",
            )
        return None
    return trusted(settings, path)


def _covered(
    deploy: Deploy, main: Session, state: TargetState, planned: _Planned, certificate: Trusted | None
) -> Covered | None:
    """Whether the certificate covers what was planned. Raises RefusedError with all that differs."""
    if certificate is None:
        return None
    return cover(
        certificate.file,
        planned.plans,
        environment=deploy.target.environment,
        session=main,
        project=deploy.project,
        state=state,
        captured=planned.captured,
    )


def _dry_run(deploy: Deploy) -> Report:
    """Plan and look for what is wrong, on a session that cannot write: nobody is waited for, and nothing is settled."""
    with reader(deploy.target, "dry run") as session:
        state, holder = look_beside(session, deploy.project)
        for run in state.open_runs:
            refuse_undecided(run)
        told = open_runs_told(state, holder)
        if not deploy.pending(state):
            return deploy.nothing(session, state, told)
        deploy.refuse(session, state)
        planned, covered = _prepared(deploy, session, state, _certificate(deploy))
        planned = replace(planned, findings=(*planned.findings, *told))
        if not planned.plans[0].steps:
            return deploy.report(Outcome.NOTHING_TO_DO, planned.findings, plan=planned.plans[0])
        report = _would_apply(deploy, session, planned)
        return report if covered is None else replace(report, certificate=covered.file)


def _prepared(
    deploy: Deploy, main: Session, state: TargetState, certificate: Trusted | None
) -> tuple[_Planned, Covered | None]:
    """The plans, and whether a certificate covers them. Raises RefusedError."""
    deploy.tell(Working(what="reading what the pending revisions do"))
    planned = _plan(deploy, main, state)
    if not planned.plans[0].steps:
        return planned, None
    covered = _covered(deploy, main, state, planned, certificate)
    if covered is not None and certificate is not None:
        planned = replace(planned, findings=(*planned.findings, *certificate.findings, *covered.findings))
    return planned, covered


def _apply(
    deploy: Deploy,
    lock: WatchedLock,
    main: Session,
    state: TargetState,
    planned: _Planned,
    covered: Covered | None,
) -> Report:
    project = replace(
        deploy.project,
        map_references=planned.map_view.references,
        absent=state.absent.modules,
        certified={} if covered is None else covered.certified,
    )
    carrying_out = CarryingOut(
        kind="apply",
        settings=deploy.settings,
        staging=deploy.request.staging,
        consent=deploy.request.consent,
        target=deploy.target,
        project=project,
        workers=deploy.workers,
        lock=lock,
        main=main,
        tell=deploy.tell,
        state=state,
        captured=planned.captured,
        keep=replace(
            deploy.request.keep or NOTHING_ASKED,
            discard=_discarded(deploy),
            marks=planned.map_view.marks,
        ),
        stepwise=planned.stepwise,
        trace=deploy.request.trace,
        covered=covered,
        attempt=attempt(project, state, deploy.request.only),
    )
    done = _carried_out(carrying_out, planned.plans)
    return replace(
        deploy.report(Outcome.APPLIED, (*planned.findings, *done.findings), plan=done.plan),
        rehearsal=done.rehearsal,
        run=done.run,
        seconds=done.seconds,
        kept=done.kept,
        forecasts=done.forecasts,
        preconditions=done.preconditions,
        certificate=None if covered is None else covered.file,
    )


def _would_apply(deploy: Deploy, main: Session, planned: _Planned) -> Report:
    """What a dry run says: also whether the rows would let the plan pass. Raises RefusedError."""
    plan = planned.plans[0]
    budget = deploy.settings.check_budget
    rows = checked_rows(main, plan, planned.captured, deploy.project, budget, tell=deploy.tell)
    report = deploy.report(Outcome.WOULD_APPLY, (*planned.findings, *rows.findings), plan=plan)
    return replace(report, preconditions=rows.results)


def _plan(deploy: Deploy, main: Session, state: TargetState) -> _Planned:
    """Capture, check and order what is pending. Raises RefusedError when one of the findings is an error."""
    project, only = deploy.project, deploy.request.only
    pending = state.pending(project)
    captured = capture_all(
        project,
        pending,
        deploy.workers,
        state.server_version,
        noted=state.outside(project) if pending else (),
    )
    findings = (
        *captured.findings,
        # Which revisions come along with one module, only the plan tells.
        *preflight(project, state, captured, steps=None if only is None else frozenset()),
        *ahead(state, deploy.settings.when_ahead),
    )
    refuse_errors(findings, "nothing was changed")
    map_view = read_map_view(deploy.settings)
    planned = partial(make_plans, project, state, captured, map_view, only=only, lasting=read_lasting(main))
    plans = planned(atomicity=deploy.request.atomicity)
    findings = (*findings, *map_view.findings, *plans[0].findings, *gone_findings(main, plans[0].steps))
    if only is not None:
        steps = frozenset(step.key for step in plans[0].steps)
        refuse_held(state, steps)
        asked = preflight(project, state, captured, steps=steps)
        findings = (*(each for each in findings if each.rule != EditedRevision.name), *asked)
    findings = tuple(dict.fromkeys(findings))
    refuse_errors(findings, "nothing was changed")
    return _Planned(
        plans=plans,
        findings=findings,
        map_view=map_view,
        captured=captured,
        stepwise=partial(planned, atomicity=Atomicity.STEP),
    )


def _carried_out(carrying_out: CarryingOut, plans: tuple[RunPlan, ...]) -> CarriedOut:
    """Carry the plans out; a failure that would come again says how to try again."""
    try:
        return carrying_out.carry_out(plans)
    except ReversedError as error:
        if error.__cause__ is not None and categorize(error.__cause__).is_final:
            error.help = f"{error.help}; mend the cause, then `migrate all-modules --retry`"
        raise

"""`migrate all-modules`: look, plan, lock, look again, rehearse, look again, apply; all of it back if a step fails."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.preflight.edited_revision import edited_revisions
from coordinator.errors import UsageError
from coordinator.execution.events import Listener, TargetNamed
from coordinator.execution.workers import Workers
from coordinator.ledger.attempts import failed_for_good
from coordinator.model.plan import RunPlan
from coordinator.settings.values import StagingKind
from coordinator.workflow.before_writing import told_as_untouched
from coordinator.workflow.preflight import preflight, preflight_facts
from coordinator.workflow.project import load_project
from coordinator.workflow.refusals import (
    ahead,
    at_work,
    attempt,
    may_be_taken_out,
    refuse_errors,
    refuse_failed,
    refuse_held,
    refuse_newer_ledger,
)
from coordinator.workflow.state import TargetState, look, look_beside
from coordinator.workflow.target import Target, open_target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from coordinator.execution.project import Project
    from coordinator.model.certificate import CertificateFile
    from coordinator.model.finding import Finding
    from coordinator.model.forecast import Forecast
    from coordinator.model.kept import KeptData
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Atomicity
    from coordinator.model.precondition import PreconditionResult
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.loss import KeepRequest


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
    certificate: Path | None = None  # takes the place of a rehearsal
    only: str | None = None
    dry_run: bool = False
    trace: bool = False  # note in the rehearsal what each statement does to tables
    retry: bool = False  # try once more what has failed before for a reason of code or data
    keep: KeepRequest | None = None  # None: nothing asked about data that is destroyed
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
    kept: tuple[KeptData, ...] = ()  # what of the destroyed data is held
    certificate: CertificateFile | None = None  # which took the place of a rehearsal
    forecasts: tuple[Forecast, ...] = ()  # of a traced rehearsal: what it means at the target's sizes
    preconditions: tuple[PreconditionResult, ...] = ()  # what the steps demand of rows


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
        deploy = Deploy(
            settings=settings,
            request=request,
            tell=tell,
            workers=workers,
            target=target,
            project=load_project(settings, workers),
        )
        with target.connect("look") as session:
            state, holder = look_beside(session, deploy.project, whole=False)
            pending = deploy.pending(state)
            waits = may_be_taken_out(deploy.project, state, holder)
            busy = () if waits else at_work(state, holder)
            if not pending and (busy or not state.open_runs):
                return deploy.nothing(session, state, busy)
            if pending:
                refuse_newer_ledger(state)
            deploy.refuse(session, state)
        # Not at the top: most starts have nothing to apply, and each would wait for what planning and applying load.
        from coordinator.workflow.under_lock import apply_under_lock, settle_under_lock

        return apply_under_lock(deploy) if pending else settle_under_lock(deploy)


def wanted_staging(settings: Settings) -> str:
    """The staging that the settings and flags name, in the words of `Request.staging`. Raises SettingsError.

    A certificate takes the place of a rehearsal where revisions are applied; what else is rehearsed looks for a staging.
    """
    if settings.staging.kind is StagingKind.CERTIFICATE:
        return str(StagingKind.AUTO.value)
    if settings.staging.kind is StagingKind.SERVER:
        assert settings.staging.server is not None
        return settings.staging.server.text
    return str(settings.staging.kind.value)


def wanted_certificate(settings: Settings, *, staging: str | None) -> Path | None:
    """The certificate that takes the place of the rehearsal. `staging` is the flag, which counts more than a variable.

    Raises UsageError when two flags ask for both.
    """
    named = settings.certificate
    if staging in (None, StagingKind.CERTIFICATE.value) or named.path is None:
        return named.path
    if named.typed or settings.require_certificate:
        why = f"{named.origin} takes its place" if named.typed else "here a certificate is required"
        raise UsageError(
            f"--staging {staging} asks for a rehearsal, and {why}.", help="Leave --staging away."
        )
    return None


@dataclass(slots=True, kw_only=True)
class Deploy:
    """One start of the command, and what it says and refuses before the lock and again after it."""

    settings: Settings
    request: Request
    tell: Listener
    workers: Workers
    target: Target
    project: Project
    _waived: int | None = None  # the failed run that --retry is about; one --retry is one attempt

    def pending(self, state: TargetState) -> tuple[RevisionKey, ...]:
        """The revisions that are pending of what was asked for; what they need of other modules comes along."""
        only = self.request.only
        return tuple(each for each in state.pending(self.project) if only in (None, each.module))

    def nothing(self, session: Session, state: TargetState, busy: tuple[Finding, ...] = ()) -> Report:
        """What to report when nothing is pending. Raises RefusedError for what is wrong all the same."""
        if edited_revisions(preflight_facts(self.project, state, None)):
            state = look(session, self.project)  # with the sources, to show what was edited
        named = self.request.only is not None
        findings = (
            *preflight(self.project, state, None, steps=frozenset() if named else None),
            *ahead(state, self.settings.when_ahead),
            *busy,
        )
        refuse_errors(findings, "the modules are not as they should be")
        return self.report(Outcome.NOTHING_TO_DO, findings, plan=RunPlan(segments=()) if named else None)

    def refuse(self, session: Session, state: TargetState) -> None:
        """Refuse what is on hold and what has failed for good before; nothing but the target was looked at by now."""
        only = self.request.only
        refuse_held(state, self.pending(state))
        wanted = attempt(self.project, state, only)
        if self.request.retry and self._waived is None:
            failed = failed_for_good(session, wanted)
            self._waived = 0 if failed is None else failed.number
        if not state.open_runs:  # what they come to is not known before they are over
            self.refuse_failed(session, state)

    def refuse_failed(self, session: Session, state: TargetState) -> None:
        """Refuse what has failed for good before, unless --retry is about that very failure."""
        refuse_failed(session, attempt(self.project, state, self.request.only), waived=self._waived)

    def report(
        self, outcome: Outcome, findings: tuple[Finding, ...], *, plan: RunPlan | None = None
    ) -> Report:
        """What was found and done on this target."""
        return Report(
            outcome=outcome,
            target=self.target.shown,
            environment=self.target.environment,
            plan=plan,
            findings=tuple(dict.fromkeys(findings)),
        )

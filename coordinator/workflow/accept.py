"""`migrate accept`: a person says that an edit of an applied revision is right as it stands now."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.preflight.edited_revision import difference
from coordinator.errors import RefusedError, UsageError
from coordinator.execution.events import Listener, TargetNamed
from coordinator.execution.workers import Workers
from coordinator.ledger.acceptances import write_acceptance
from coordinator.workflow.before_writing import told_as_untouched
from coordinator.workflow.locked import locked
from coordinator.workflow.named import named_revision
from coordinator.workflow.project import load_project
from coordinator.workflow.state import look
from coordinator.workflow.target import open_target
from coordinator.workflow.upgraded import upgraded_ledger

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.model.names import RevisionKey
    from coordinator.model.run import AppliedRevision
    from coordinator.settings.values import Settings
    from coordinator.workflow.state import TargetState


class Accepted(enum.Enum):
    """What `accept` did."""

    NOTED = "accepted"
    KNOWN = "accepted before"
    NO_EDIT = "no edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptReport:
    """What was accepted: the revision, and how it differs from what was applied (a unified diff)."""

    target: str
    environment: str
    key: RevisionKey
    outcome: Accepted
    difference: str = ""


def accept(settings: Settings, wanted: str, reason: str, tell: Listener) -> AcceptReport:
    """Write the acceptance of exactly this content into the ledger, under the lock; twice does no harm.

    Raises UsageError for an unknown revision or an empty reason, RefusedError for one that the ledger does not hold.
    """
    if not reason.strip():
        raise UsageError("--reason is empty; who reads the ledger later wants to know why.")
    with (
        told_as_untouched(),
        Workers(silence=settings.worker_timeout) as workers,
        open_target(settings) as target,
    ):
        tell(TargetNamed(target=target.shown, environment=target.environment))
        project = load_project(settings, workers)
        key = named_revision(project, wanted)
        revision = project.revision(key)
        with target.connect("look") as session:
            state = look(session, project)
        applied = _applied(state, project, key)
        outcome, shown = Accepted.NO_EDIT, ""
        if applied.digest != revision.digest:
            shown = difference(applied, revision)
            with locked(settings, target, tell) as lock, target.connect("ledger") as session:
                lock.announce("accept", str(key))
                upgraded_ledger(settings, session, lock, tell)
                new = write_acceptance(session, revision, reason.strip())
            outcome = Accepted.NOTED if new else Accepted.KNOWN
        return AcceptReport(
            target=target.shown,
            environment=target.environment,
            key=key,
            outcome=outcome,
            difference=shown,
        )


def _applied(state: TargetState, project: Project, key: RevisionKey) -> AppliedRevision:
    found = next((each for each in state.recorded if each.key == key), None)
    if found is not None:
        return found
    if key in state.pending(project):
        raise RefusedError(
            f"{key} is pending, so there is nothing to accept: it will be applied as it stands",
            help="`migrate plan` shows it",
        )
    raise RefusedError(
        f"{key} was applied by plain Alembic, and the ledger does not hold what ran",
        help="nothing compares it, so nothing needs to be accepted; the next run notes it as it stands",
    )

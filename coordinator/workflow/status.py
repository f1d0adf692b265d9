"""`migrate status`: what is in, what is pending, which runs are not over, who holds the lock. Only reads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.execution.events import TargetNamed, Working
from coordinator.execution.workers import Workers
from coordinator.model.run import RunStatus
from coordinator.model.status import DatabaseStatus, ModuleStatus, OpenRun, OpenState, PendingRevision
from coordinator.postgres.failure import ConnectionLostError
from coordinator.workflow.project import load_project
from coordinator.workflow.reading import reader
from coordinator.workflow.refusals import (
    attempt,
    failed_findings,
    held_findings,
    may_be_taken_out,
    newer_ledger_findings,
)
from coordinator.workflow.state import look_beside
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.execution.project import Project
    from coordinator.ledger.lock import Holder
    from coordinator.model.revision import ModuleTree
    from coordinator.settings.values import Settings
    from coordinator.workflow.state import TargetState
    from coordinator.workflow.target import Target

_LOOK_EVERY = 1.0  # seconds


def read_status(settings: Settings, tell: Listener, *, wait: float = 0.0) -> DatabaseStatus:
    """Look at the target; while revisions are pending, again and again for up to `wait` seconds.

    A server that does not answer in between is waited for too. Raises UnreachableError when it still does not
    answer at the end.
    """
    with Workers(silence=settings.worker_timeout) as workers, open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        project = load_project(settings, workers)
        deadline = time.monotonic() + wait
        told = False
        while True:
            over = time.monotonic() >= deadline
            try:
                status = _look(target, project)
            except (UnreachableError, ConnectionLostError):
                if over:
                    raise
            else:
                if status.at_heads or over:
                    return status
            if not told:
                tell(Working(what="waiting until every revision of this checkout is in"))
                told = True
            time.sleep(min(_LOOK_EVERY, max(0.0, deadline - time.monotonic())))


def _look(target: Target, project: Project) -> DatabaseStatus:
    with reader(target, "status") as session:
        state, holder = look_beside(session, project, whole=False)
        pending = state.pending(project)
        findings = held_findings(state, pending)
        if pending:
            findings = (
                *newer_ledger_findings(state),
                *findings,
                *failed_findings(session, attempt(project, state, None)),
            )
    return DatabaseStatus(
        target=target.shown,
        environment=target.environment,
        server_version=state.server_version,
        ledger=state.ledger_version,
        modules=module_statuses(project, state),
        open_runs=open_runs(state, holder),
        holder=None if holder is None else str(holder),
        findings=findings,
        may_be_taken_out=may_be_taken_out(project, state, holder),
    )


def open_runs(state: TargetState, holder: Holder | None) -> tuple[OpenRun, ...]:
    """The runs that are not over. At work is the one whose number the holder of the lock bears."""
    at_work = None if holder is None else holder.run
    return tuple(
        OpenRun(
            run=run,
            state=OpenState.UNSETTLED
            if run.status is RunStatus.UNSETTLED
            else OpenState.AT_WORK
            if run.number == at_work
            else OpenState.CUT_OFF,
        )
        for run in state.open_runs
    )


def module_statuses(project: Project, state: TargetState) -> tuple[ModuleStatus, ...]:
    """Every module of this checkout, then those that only the ledger knows, each by name."""
    present = tuple(_present(tree, state) for tree in project.trees)
    return (*sorted(present, key=lambda each: each.name), *_absent(project, state))


def _present(tree: ModuleTree, state: TargetState) -> ModuleStatus:
    name = tree.module.name
    applied = state.applied.get(name, frozenset())
    return ModuleStatus(
        name=name,
        present=True,
        heads=tuple(sorted(state.heads.get(name, ()))),
        applied=len(applied & tree.ids),
        total=len(tree.revisions),
        pending=tuple(
            PendingRevision(key=each.key, message=each.message, place=each.place)
            for each in tree.revisions
            if each.key.revision not in applied
        ),
        ahead=tuple(sorted(applied - tree.ids)) if state.ahead.get(name) else (),
        unknown=tuple(sorted(state.unknown.get(name, ()))),
        outside=_outside(tree, state),
    )


def _outside(tree: ModuleTree, state: TargetState) -> tuple[str, ...]:
    """Revisions that plain Alembic applied since there is a ledger, or before; the next run notes them there."""
    if not state.ledger_version:
        return ()
    known = {each.key for each in state.recorded}
    applied = state.applied.get(tree.module.name, frozenset())
    return tuple(
        each.key.revision for each in tree.revisions if each.key.revision in applied and each.key not in known
    )


def _absent(project: Project, state: TargetState) -> tuple[ModuleStatus, ...]:
    return tuple(
        ModuleStatus(
            name=tree.module.name,
            present=False,
            heads=tuple(sorted(tree.heads)),
            applied=len(tree.revisions),
            total=len(tree.revisions),
        )
        for tree in state.absent.trees
        if tree.revisions
    )

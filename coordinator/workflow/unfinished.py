"""`migrate recover`: what of each unfinished run is in, by the ledger's proofs and the database itself. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.events import TargetNamed
from coordinator.execution.workers import Workers
from coordinator.ledger.lock import find_backend, find_holder
from coordinator.ledger.store import LedgerReader
from coordinator.model.capture import Direction
from coordinator.model.effect import Verb
from coordinator.model.recovery import HalfDone, Recovered, RecoveryReport, UnfinishedRun
from coordinator.model.status import OpenState
from coordinator.postgres.presence import KNOWN_KINDS, invalid_indexes, present
from coordinator.revisions.capture import capture
from coordinator.revisions.effects import effects_of
from coordinator.workflow.project import load_project
from coordinator.workflow.reading import reader
from coordinator.workflow.state import look
from coordinator.workflow.status import open_runs
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.execution.project import Project
    from coordinator.ledger.store import Intent
    from coordinator.model.effect import ObjectName
    from coordinator.model.names import RevisionKey
    from coordinator.model.status import OpenRun
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.state import TargetState


def explain_unfinished(settings: Settings, tell: Listener) -> RecoveryReport:
    """Say what of each unfinished run is in. Takes no lock and writes nothing."""
    with Workers(silence=settings.worker_timeout) as workers, open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        project = load_project(settings, workers)
        with reader(target, "recover") as session:
            state = look(session, project)
            runs = unfinished_runs(session, project, state, workers) if state.open_runs else ()
    unsettled = any(each.open_run.state is not OpenState.AT_WORK for each in runs)
    return RecoveryReport(
        target=target.shown,
        environment=target.environment,
        outcome=Recovered.EXPLAINED if unsettled else Recovered.NOTHING,
        runs=runs,
    )


def unfinished_runs(
    session: Session, project: Project, state: TargetState, workers: Workers, *, lock_is_ours: bool = False
) -> tuple[UnfinishedRun, ...]:
    """Every run that is not over, oldest first. With the lock in our own hands nobody else is at work."""
    held = not lock_is_ours and find_holder(session) is not None
    ledger = LedgerReader(session)
    return tuple(
        _unfinished(session, project, state, workers, each, ledger.intents(each.run.number))
        for each in open_runs(state, lock_is_held=held)
    )


def _unfinished(
    session: Session,
    project: Project,
    state: TargetState,
    workers: Workers,
    open_run: OpenRun,
    intents: tuple[Intent, ...],
) -> UnfinishedRun:
    number = open_run.run.number
    mine = {each.key for each in state.recorded if each.run == number}
    begun = dict.fromkeys(key for each in intents for key in each.steps)
    cut = {
        key: each.direction
        for each in intents
        if not each.transactional and not each.committed
        for key in each.steps
    }
    forwards = (each for each in intents if each.committed and each.direction is Direction.UPGRADE)
    groups = (tuple(key for key in each.steps if key in mine) for each in forwards)
    half_done = tuple(
        _half_done(session, project, workers, key, direction)
        for key, direction in cut.items()
        # A step that ended well in a later try, or in its other direction, is not half done.
        if direction is Direction.DOWNGRADE or key not in mine
    )
    halves = {each.key for each in half_done}
    return UnfinishedRun(
        open_run=open_run,
        committed=tuple(group for group in groups if group),
        not_in=tuple(key for key in begun if key not in mine and key not in halves),
        half_done=half_done,
        backend=None if open_run.state is OpenState.AT_WORK else find_backend(session, number),
    )


def _half_done(
    session: Session, project: Project, workers: Workers, key: RevisionKey, direction: Direction
) -> HalfDone:
    made = _made_by(project, workers, key, session.server_version)
    return HalfDone(
        key=key,
        direction=direction,
        made=made,
        present=present(session, made),
        invalid=invalid_indexes(session, made),
    )


def _made_by(
    project: Project, workers: Workers, key: RevisionKey, server_version: int
) -> tuple[ObjectName, ...]:
    """The objects that a revision's upgrade makes, as far as its SQL tells; () when its file is not here."""
    try:
        module, revision = project.module(key.module), project.revision(key)
    except KeyError:
        return ()
    try:
        worker = workers.for_module(module, server_version)
    except CoordinatorError:  # its interpreter is not here; what was made is then not known
        return ()
    captured = capture(worker, module, revision, Direction.UPGRADE)
    effects = effects_of(captured, schema=module.schema)
    made = (each.object for each in effects.of(Verb.CREATE) if each.object.kind in KNOWN_KINDS)
    return tuple(dict.fromkeys(made))

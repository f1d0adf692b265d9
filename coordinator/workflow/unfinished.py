"""`migrate recover`: what of each unfinished run is in, by the ledger's proofs and the database itself. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.events import TargetNamed
from coordinator.execution.kept.not_back import not_back, surely
from coordinator.execution.workers import Workers
from coordinator.ledger.backends import backends_of
from coordinator.ledger.checkpoints import Checkpoints, read_checkpoints
from coordinator.ledger.store import LedgerReader
from coordinator.ledger.system import is_elsewhere
from coordinator.model.capture import Direction
from coordinator.model.effect import Verb
from coordinator.model.recovery import HalfDone, Recovered, RecoveryReport, UnfinishedRun
from coordinator.model.status import OpenState
from coordinator.postgres.presence import KNOWN_KINDS, invalid_indexes, present
from coordinator.revisions.capture import capture
from coordinator.revisions.effects import effects_of
from coordinator.workflow.project import load_project
from coordinator.workflow.reading import reader
from coordinator.workflow.safety import went_back
from coordinator.workflow.state import look_beside
from coordinator.workflow.status import open_runs
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.execution.project import Project
    from coordinator.ledger.lock import Holder
    from coordinator.ledger.store import Intent
    from coordinator.model.effect import ObjectName
    from coordinator.model.names import RevisionKey
    from coordinator.model.run import Run
    from coordinator.model.status import OpenRun
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.state import TargetState
    from coordinator.workflow.target import Target


def explain_unfinished(settings: Settings, tell: Listener) -> RecoveryReport:
    """Say what of each unfinished run is in. Takes no lock and writes nothing."""
    with Workers(silence=settings.worker_timeout) as workers, open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        project = load_project(settings, workers)
        with reader(target, "recover") as session:
            state, holder = look_beside(session, project)
            runs = unfinished_runs(session, project, state, workers, holder=holder) if state.open_runs else ()
    return explained(target, runs)


def explained(target: Target, runs: tuple[UnfinishedRun, ...]) -> RecoveryReport:
    """The report of what was found, when nothing is done about it."""
    unsettled = any(each.open_run.state is not OpenState.AT_WORK for each in runs)
    return RecoveryReport(
        target=target.shown,
        environment=target.environment,
        outcome=Recovered.EXPLAINED if unsettled else Recovered.NOTHING,
        runs=runs,
    )


def unfinished_runs(
    session: Session, project: Project, state: TargetState, workers: Workers, *, holder: Holder | None
) -> tuple[UnfinishedRun, ...]:
    """Every run that is not over, oldest first; `holder` of the lock is who may be at work on one, besides ourselves."""
    ledger = LedgerReader(session)
    return tuple(
        _unfinished(
            session,
            project,
            state,
            workers,
            each,
            ledger.intents(each.run.number),
            ledger.intents_of_recoveries(after=each.run.number),
        )
        for each in open_runs(state, holder)
    )


def _unfinished(
    session: Session,
    project: Project,
    state: TargetState,
    workers: Workers,
    open_run: OpenRun,
    intents: tuple[Intent, ...],
    later: tuple[Intent, ...],
) -> UnfinishedRun:
    run = open_run.run
    mine = {each.key for each in state.recorded if each.run == run.number and state.is_in(each.key)}
    begun = tuple(dict.fromkeys(key for each in intents for key in each.steps))
    half_done = tuple(
        _half_done(session, project, workers, key, each, checkpoints)
        for key in begun
        if (found := _cut_off(session, run, key, (*intents, *later))) is not None
        for each, checkpoints in (found,)
        # One that is on its other side by now was brought there by somebody else.
        if state.is_in(key) is (each.direction is Direction.DOWNGRADE)
    )
    undecided = {each.key for each in half_done if each.direction is Direction.UPGRADE}
    # A rollback goes the other way; and what a recovery did belongs to the run that it recovers.
    rollback = run.kind == "rollback"
    up = _groups(intents, Direction.UPGRADE, mine) if run.kind == "apply" else ()
    down = {key for key in begun if not state.is_in(key) and key not in undecided} if rollback else set()
    out = _groups(intents, Direction.DOWNGRADE, down)
    taken_back = run.kind != "recover" and not (up or out or half_done)
    return UnfinishedRun(
        open_run=open_run,
        committed=up,
        out=out,
        stays=tuple(key for key in begun if state.is_in(key)) if rollback else (),
        not_in=tuple(key for key in begun if not state.is_in(key) and key not in undecided),
        half_done=half_done,
        backends=()
        if open_run.state is OpenState.AT_WORK
        else tuple(str(each) for each in backends_of(session, run.number)),
        went_back=went_back(run, intents),
        not_back=surely(not_back(session, run.number, run.forward)) if taken_back else (),
        elsewhere=is_elsewhere(session, run.number),
    )


def _groups(
    intents: tuple[Intent, ...], direction: Direction, keys: set[RevisionKey]
) -> tuple[tuple[RevisionKey, ...], ...]:
    """Which of these keys were committed together in that direction, in the order of their latest commit."""
    found: dict[RevisionKey, int] = {}
    for each in intents:
        if each.committed and each.direction is direction:
            found |= dict.fromkeys(each.steps, each.sequence)
    numbers = sorted(set(found.values()))
    groups = (tuple(key for key in found if found[key] == number and key in keys) for number in numbers)
    return tuple(group for group in groups if group)


def _cut_off(
    session: Session, run: Run, key: RevisionKey, intents: tuple[Intent, ...]
) -> tuple[Intent, Checkpoints | None] | None:
    """The last try at a step that committed something and has no proof of its end, unless that was taken away again.

    `intents` are the run's own and those of the recoveries after it. One without a checkpoint had not begun, so nothing
    of it is in, unless its program wrote none.
    """
    for each in reversed([intent for intent in intents if key in intent.steps]):
        if each.committed:
            return None
        if each.transactional:
            continue
        checkpoints = read_checkpoints(session, each.token)
        if checkpoints is None:
            if each.run == run.number and not run.writes_checkpoints:
                return each, None
        elif checkpoints.undone:
            return None
        elif checkpoints.commits:
            return each, checkpoints
    return None


def _half_done(
    session: Session,
    project: Project,
    workers: Workers,
    key: RevisionKey,
    intent: Intent,
    checkpoints: Checkpoints | None,
) -> HalfDone:
    direction = intent.direction
    made = _made_by(project, workers, key, session.server_version)
    return HalfDone(
        key=key,
        direction=direction,
        made=made,
        present=present(session, made),
        invalid=invalid_indexes(session, made),
        before="" if checkpoints is None else checkpoints.fingerprint,
        # What is there of a step that was to go, was there before it.
        there=frozenset() if checkpoints is None or direction is Direction.DOWNGRADE else checkpoints.there,
        token=None if checkpoints is None else intent.token,
        commits=0 if checkpoints is None else checkpoints.commits,
        done=None if checkpoints is None else checkpoints.done,
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

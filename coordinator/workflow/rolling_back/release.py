"""`migrate release`: let revisions be applied again that a rollback put on hold; doing it twice does no harm."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import UsageError
from coordinator.execution.events import Listener, TargetNamed
from coordinator.execution.workers import Workers
from coordinator.ledger.holds import erase_hold, read_holds
from coordinator.workflow.before_writing import told_as_untouched
from coordinator.workflow.locked import locked
from coordinator.workflow.project import load_project
from coordinator.workflow.state import look
from coordinator.workflow.target import open_target
from coordinator.workflow.upgraded import upgraded_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.execution.project import Project
    from coordinator.model.hold import Hold
    from coordinator.model.names import RevisionKey
    from coordinator.settings.values import Settings
    from coordinator.workflow.state import TargetState
    from coordinator.workflow.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What was let go now, what had no hold, and what is on hold still."""

    target: str
    environment: str
    released: tuple[Hold, ...]
    not_held: tuple[RevisionKey, ...]
    still_held: tuple[Hold, ...]


def release(settings: Settings, tell: Listener, *, names: Sequence[str], everything: bool) -> Released:
    """Lift the holds of the named revisions (`module:revision`, the id may be shortened), or all holds.

    Raises UsageError, with the nearest known name, for what names no revision.
    """
    with (
        told_as_untouched(),
        Workers(silence=settings.worker_timeout) as workers,
        open_target(settings) as target,
    ):
        tell(TargetNamed(target=target.shown, environment=target.environment))
        project = load_project(settings, workers)
        with target.connect("look") as session:
            state = look(session, project, whole=False)
        wanted = _wanted(project, state, names, everything=everything)
        held = {each.key for each in state.holds}
        if not held & set(wanted):
            return _report(target, (), tuple(key for key in wanted if key not in held), state.holds)
        return _release(settings, tell, target, wanted)


def _release(settings: Settings, tell: Listener, target: Target, wanted: tuple[RevisionKey, ...]) -> Released:
    with locked(settings, target, tell) as lock, target.connect("ledger") as session:
        lock.announce("release", "releasing")
        upgraded_ledger(settings, session, lock, tell)
        before = read_holds(session)
        gone = {key for key in wanted if erase_hold(session, key)}
    return _report(
        target,
        tuple(each for each in before if each.key in gone),
        tuple(key for key in wanted if key not in gone),
        tuple(each for each in before if each.key not in gone),
    )


def _wanted(
    project: Project, state: TargetState, names: Sequence[str], *, everything: bool
) -> tuple[RevisionKey, ...]:
    if everything:
        return tuple(each.key for each in state.holds)
    known = {str(each.key): each.key for tree in project.trees for each in tree.revisions}
    known |= {str(each.key): each.key for each in state.recorded}
    known |= {str(each.key): each.key for each in state.holds}
    return tuple(dict.fromkeys(_key(name, known, state.holds) for name in names))


def _key(name: str, known: dict[str, RevisionKey], holds: Sequence[Hold]) -> RevisionKey:
    if name in known:
        return known[name]
    fitting = sorted(each for each in known if ":" in name and each.startswith(name))
    if len(fitting) == 1:
        return known[fitting[0]]
    if fitting:
        raise UsageError(f"{name!r} may mean {' or '.join(fitting)}.", help="Write more of the id.")
    near = difflib.get_close_matches(name, [*(str(each.key) for each in holds), *known], n=1, cutoff=0.4)
    raise UsageError(
        f"There is no revision {name!r}; MODULE:REVISION is wanted.",
        help=f"Did you mean {near[0]!r}?" if near else "`migrate status` lists what is on hold.",
    )


def _report(
    target: Target,
    released: tuple[Hold, ...],
    not_held: tuple[RevisionKey, ...],
    still_held: tuple[Hold, ...],
) -> Released:
    return Released(
        target=target.shown,
        environment=target.environment,
        released=released,
        not_held=not_held,
        still_held=still_held,
    )

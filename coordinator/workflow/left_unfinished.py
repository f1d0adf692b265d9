"""What a command that has nothing to do itself does about runs that were cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.ledger.schema import VERSION
from coordinator.postgres.failure import StatementError
from coordinator.workflow.safety import read_cut_off_runs, unfinished_cut_off_runs
from coordinator.workflow.state import look
from coordinator.workflow.upgraded import upgraded_ledger

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.execution.monitor import WatchedLock
    from coordinator.execution.project import Project
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.safety import CutOff
    from coordinator.workflow.target import Target

_MAY_NOT_WRITE = frozenset({"42501", "25006"})  # a right that is missing, a server that only reads


def left_unfinished(
    settings: Settings,
    target: Target,
    project: Project,
    lock: WatchedLock,
    main: Session,
    tell: Listener,
) -> tuple[CutOff, ...]:
    """The runs that were cut off in their middle. Those that are over are settled, if this command may write at all.

    Raises UnsettledError for what a person must decide.
    """
    state = look(main, project)
    if not state.open_runs:
        return ()
    if state.ledger_version <= VERSION:
        try:
            with target.connect("ledger") as session:
                ledger = upgraded_ledger(settings, session, lock, tell)
                return unfinished_cut_off_runs(main, ledger, project)
        except StatementError as error:
            if error.sqlstate not in _MAY_NOT_WRITE:
                raise
    return tuple(each for each in read_cut_off_runs(main) if not each.is_whole(state))

"""Erasing kept data: at once when somebody asks for it, and by itself when its time is over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, LockHeldError, UsageError
from coordinator.execution.events import Listener, TargetNamed
from coordinator.ledger.kept import read_erasable, write_erased
from coordinator.ledger.store import LedgerReader
from coordinator.model.kept import Ending
from coordinator.model.run import RunStatus
from coordinator.postgres.keeping.copy import drop_copy
from coordinator.settings.values import NoTarget, UrlTarget
from coordinator.workflow.incidents import delete_expired_incidents, expired_incidents
from coordinator.workflow.locked import locked
from coordinator.workflow.named import no_such_run
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from coordinator.model.kept import KeptData
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased: copies of data, and parts of incident reports in words.

    `skipped` says why nothing could be looked for, and is empty otherwise.
    """

    copies: tuple[KeptData, ...] = ()
    reports: tuple[str, ...] = ()
    skipped: str = ""


def erase(session: Session, *, run: int | None) -> tuple[KeptData, ...]:
    """Erase what that run kept, or with None what has expired. The lock is ours; raises StatementError."""
    copies = read_erasable(session, run=run)
    for each in copies:
        assert each.copy is not None
        with session.transaction():
            session.execute("SET LOCAL lock_timeout = '5s'")
            drop_copy(session, each.copy)
            write_erased(session, each, Ending.EXPIRED if run is None else Ending.ERASED)
    return copies


def erase_run(settings: Settings, tell: Listener, run: int, *, dry_run: bool) -> Erased:
    """Erase at once all that a run kept. Raises UsageError when there is no such run, LockHeldError when one is at work."""
    with open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with target.connect("gc") as session:
            _refuse_needed(LedgerReader(session), run)
            if dry_run:
                return Erased(copies=read_erasable(session, run=run))
            with locked(settings, target, tell) as lock:
                lock.announce("gc", "erasing kept data")
                _refuse_needed(LedgerReader(session), run)
                return Erased(copies=erase(session, run=run))


def _refuse_needed(ledger: LedgerReader, number: int) -> None:
    ledger.refuse_newer()
    run = ledger.run(number)
    if run is None:
        raise no_such_run(ledger, number)
    if run.status in (RunStatus.RUNNING, RunStatus.UNSETTLED):
        raise UsageError(
            f"run {number} is not over, and what it kept is needed to take it back",
            help="`migrate recover` says what is in, and how to end it",
        )


def erase_expired(settings: Settings, tell: Listener, *, dry_run: bool) -> Erased:
    """Erase what has expired on the target, where one is named and can be had; never waits for a run."""
    if isinstance(settings.chosen_target, NoTarget) or not isinstance(settings.chosen_target, UrlTarget):
        return Erased()  # an embedded database is not started for this: its next run erases what has expired
    try:
        with open_target(settings) as target, target.connect("gc") as session:
            expired, reports = read_erasable(session, run=None), expired_incidents(session)
            if dry_run or not (expired or reports):
                return Erased(copies=expired, reports=reports)
            LedgerReader(session).refuse_newer()
            with locked(replace(settings, wait=0.0), target, tell) as lock:
                lock.announce("gc", "erasing kept data")
                return Erased(copies=erase(session, run=None), reports=delete_expired_incidents(session))
    except LockHeldError:
        return Erased(skipped="expired data on the target: a run is at work there")
    except CoordinatorError as error:
        return Erased(skipped=f"expired data on the target: {error}")


def erase_after_run(session: Session) -> str:
    """At the end of a run, with its lock: erase what has expired; why not, or empty."""
    try:
        erase(session, run=None)
        delete_expired_incidents(session)
    except CoordinatorError as error:  # all of the run is in: nothing here may be told as its failure
        return f"data whose time is over could not be erased: {error}"
    return ""

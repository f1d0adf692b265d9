"""The ledger with the tables that this program knows: made, or brought up to date, in nobody's way for long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coordinator.errors import LockHeldError
from coordinator.execution.events import TriedAgainSoon
from coordinator.execution.patience import Patience, may_work_later, why_again
from coordinator.ledger.store import Ledger
from coordinator.model.waiting import span
from coordinator.postgres.failure import StatementError

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.execution.monitor import WatchedLock
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings


def upgraded_ledger(settings: Settings, session: Session, lock: WatchedLock, tell: Listener) -> Ledger:
    """The ledger on this connection, once its tables are of our version; `lock` is held, so nobody else does the same.

    What an older program made is changed under locks that every look at it would wait for: they are waited for as a
    step waits for its own. Raises LockHeldError when they are not to be had, RefusedError when a newer program made it.
    """
    ledger = Ledger(session)
    patience = Patience(settings.lock_patience)
    with lock.watching(session):
        while (pause := _attempt(ledger, settings.lock_wait, lock, patience, tell)) is not None:
            time.sleep(pause)
    return ledger


def _attempt(
    ledger: Ledger, lock_wait: float, lock: WatchedLock, patience: Patience, tell: Listener
) -> float | None:
    """Try once. None: it is done; else nothing is, and that is the pause before the next try."""
    lock.begin_try()
    try:
        ledger.create(lock_wait=lock_wait)
    except StatementError as error:
        if not may_work_later(error):
            raise
        why = why_again(error, lock.wait)
        if (pause := patience.next_pause()) is None:
            raise LockHeldError(
                "the ledger's tables are of an older version and could not be brought up to date, after"
                f" {span(patience.spent)} of trying; in the way: {why}",
                help="wait until that has ended, or end it; no module was touched",
            ) from error
        tell(TriedAgainSoon(why=why, steps=(), pause=pause))
        return pause
    return None

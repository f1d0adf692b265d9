"""A connection that was lost while committing: whether the commit had reached the server, told by its own row."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError, UnsettledError
from coordinator.ledger.lock import application_name

if TYPE_CHECKING:
    from uuid import UUID

    from coordinator.execution.journal import Journal
    from coordinator.execution.transaction import Transaction
    from coordinator.postgres.session import Session

_BACKEND_ENDS_WITHIN = 30.0  # seconds


def was_committed(
    session: Session, journal: Journal, transaction: Transaction, token: UUID, error: BaseException
) -> bool:
    """Connect anew where the connection was lost, and say whether the transaction is in.

    Raises UnsettledError while the server still works on it, UnreachableError when it does not come back.
    """
    if not session.closed:
        return False
    lost = session.pid_when_open
    _reopen(session, journal.run)
    if not transaction.committing:
        return False
    deadline = time.monotonic() + _BACKEND_ENDS_WITHIN
    while session.value("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (lost,)):
        if time.monotonic() > deadline:
            raise UnsettledError(
                f"the connection was lost while committing, and server process {lost} still works on it",
                help="when it has ended, `migrate recover` tells what is in",
            ) from error
        time.sleep(0.2)
    return any(intent.committed for intent in journal.ledger.intents(journal.run) if intent.token == token)


def _reopen(session: Session, run: int) -> None:
    """Connect anew, and wait a while for a server that is starting again. Raises UnreachableError."""
    deadline = time.monotonic() + _BACKEND_ENDS_WITHIN
    while session.closed:
        try:
            session.reopen()
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    name = application_name(str(run), "main")
    session.execute("SELECT set_config('application_name', %s, false)", (name,))

"""A connection that was lost: the server process behind it is waited for, and a COMMIT's own row tells whether it is in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError, UnsettledError
from coordinator.ledger.backends import await_end
from coordinator.ledger.lock import application_name
from coordinator.ledger.store import LedgerReader
from coordinator.ledger.system import refuse_elsewhere

if TYPE_CHECKING:
    from uuid import UUID

    from coordinator.execution.journal import Journal
    from coordinator.execution.transaction import Transaction
    from coordinator.postgres.session import Session

# Seconds. The server has noticed a lost client by then, even when the network only went silent.
BACKEND_ENDS_WITHIN = 75.0
_SERVER_ANSWERS_WITHIN = 30.0


def was_committed(
    session: Session, journal: Journal, transaction: Transaction, token: UUID, error: BaseException
) -> bool:
    """Connect anew where the connection was lost, and say whether the transaction is in.

    What it changed and locked stays the server's until the process behind the lost connection has ended, so that is
    waited for, also when nothing was being committed. Raises UnsettledError when it does not end or this is another
    server, UnreachableError when none comes back.
    """
    if not session.closed:
        return False
    connect_anew(session, journal.run, error)
    if not transaction.committing:
        return False
    intents = LedgerReader(session).intents(journal.run)  # the ledger's connection may be lost too
    return any(intent.committed for intent in intents if intent.token == token)


def connect_anew(session: Session, run: int, error: BaseException) -> None:
    """Connect anew, and wait until the server process behind the lost connection has ended.

    Raises UnsettledError when it does not, or when this is another server; UnreachableError when none comes back.
    """
    lost = session.pid_when_open
    _reopen(session, run)
    refuse_elsewhere(session, run)
    living = await_end(session, run, seconds=BACKEND_ENDS_WITHIN, only=lost)
    if living:
        raise UnsettledError(
            f"the connection was lost, and {living[0]} still works on the run's transaction",
            help="when it has ended, `migrate recover` tells what is in; `migrate recover --end-backend` ends it",
        ) from error


def _reopen(session: Session, run: int) -> None:
    """Connect anew, and wait a while for a server that is starting again. Raises UnreachableError."""
    deadline = time.monotonic() + _SERVER_ANSWERS_WITHIN
    while session.closed:
        try:
            session.reopen()
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    name = application_name(str(run), "main")
    session.execute("SELECT set_config('application_name', %s, false)", (name,))
    # Should the old transaction live on, its locks must not hold us for ever.
    session.execute("SET lock_timeout = '5s'")

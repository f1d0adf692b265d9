"""What a run tried and from where (`migrate.run.attempt`), and whether that has failed for good before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.ledger.store import LedgerReader

if TYPE_CHECKING:
    from coordinator.model.run import Run
    from coordinator.postgres.session import Session

_FIRST_VERSION = 2  # of the ledger's tables that knows attempts


def failed_for_good(session: Session, attempt: str) -> Run | None:
    """The newest run of this attempt when it failed for a reason of code or data; else None."""
    ledger = LedgerReader(session)
    if ledger.version < _FIRST_VERSION:
        return None
    number = session.value("SELECT max(number) FROM migrate.run WHERE attempt = %s", (attempt,))
    run = None if number is None else ledger.run(number)
    return run if run is not None and run.final else None

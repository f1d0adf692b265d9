"""Reads and writes `migrate.hold`: revisions that were rolled back and are not applied again unasked.

A hold is written by the transaction of the reversal, and erased by the transaction that applies the revision again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.ledger.store import LedgerReader
from coordinator.model.hold import Hold
from coordinator.model.names import RevisionKey

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

_FIRST_VERSION = 2  # of the ledger's tables that has holds


def read_holds(session: Session) -> tuple[Hold, ...]:
    """Every revision on hold, by module and revision; none while the ledger is older than holds."""
    if LedgerReader(session).version < _FIRST_VERSION:
        return ()
    rows = session.rows("SELECT module, revision, run, since FROM migrate.hold ORDER BY module, revision")
    return tuple(Hold(key=RevisionKey(row[0], row[1]), run=row[2], since=row[3]) for row in rows)


def write_hold(session: Session, key: RevisionKey, run: int) -> None:
    """Put a revision on hold; on the main connection, in the transaction of its reversal."""
    session.execute(
        "INSERT INTO migrate.hold (module, revision, run) VALUES (%s, %s, %s)"
        " ON CONFLICT (module, revision) DO UPDATE SET run = EXCLUDED.run, since = clock_timestamp()",
        (key.module, key.revision, run),
    )


def erase_hold(session: Session, key: RevisionKey) -> bool:
    """Let a revision be applied again; whether it was on hold."""
    return bool(
        session.rows(
            "DELETE FROM migrate.hold WHERE module = %s AND revision = %s RETURNING revision",
            (key.module, key.revision),
        )
    )

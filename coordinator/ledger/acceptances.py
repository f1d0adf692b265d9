"""Reads and writes `migrate.acceptance`: edits of applied revisions that a person has accepted."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from coordinator.model.acceptance import Acceptance
from coordinator.model.names import RevisionKey

if TYPE_CHECKING:
    from coordinator.model.revision import Revision
    from coordinator.postgres.session import Session

_FIRST_VERSION = 2  # of the ledger's tables that has acceptances


def read_acceptances(session: Session, version: int) -> tuple[Acceptance, ...]:
    """Every accepted edit, by revision and time; none in a ledger older than that."""
    if version < _FIRST_VERSION:
        return ()
    rows = session.rows(
        "SELECT module, revision, digest, reason, role, host, accepted FROM migrate.acceptance"
        " ORDER BY module, revision, accepted"
    )
    return tuple(
        Acceptance(
            key=RevisionKey(row[0], row[1]),
            digest=row[2],
            reason=row[3],
            role=row[4],
            host=row[5],
            accepted=row[6],
        )
        for row in rows
    )


def write_acceptance(session: Session, revision: Revision, reason: str) -> bool:
    """Accept what the revision's file says now; False when exactly that was accepted before."""
    return bool(
        session.rows(
            "INSERT INTO migrate.acceptance (module, revision, digest, source, reason, host)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (module, revision, digest) DO NOTHING RETURNING digest",
            (
                revision.key.module,
                revision.key.revision,
                revision.digest,
                revision.source,
                reason,
                socket.gethostname(),
            ),
        )
    )

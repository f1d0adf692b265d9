"""Reads and writes what each applied revision changed in the catalog, to prove later that a rollback took it back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from coordinator.ledger.store import LedgerReader
from coordinator.model.names import RevisionKey
from coordinator.model.touched import Touched

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.session import Session

_FIRST_VERSION = 2


def write_touched(session: Session, key: RevisionKey, touched: Touched) -> None:
    """Add it to the revision's row; on the main connection, in the transaction that wrote the row."""
    session.execute(
        "UPDATE migrate.applied SET touched = %s WHERE module = %s AND revision = %s",
        (touched.as_json(), key.module, key.revision),
    )


def read_touched(session: Session, keys: Collection[RevisionKey]) -> dict[RevisionKey, Touched]:
    """What these revisions changed when they came in; no entry for what the ledger does not know."""
    if LedgerReader(session).version < _FIRST_VERSION:
        return {}
    rows = session.rows(
        "SELECT module, revision, touched::text FROM migrate.applied"
        " WHERE touched IS NOT NULL AND module = ANY (%s) AND revision = ANY (%s)",
        ([key.module for key in keys], [key.revision for key in keys]),
    )
    wanted = frozenset(keys)
    found = {RevisionKey(row[0], row[1]): Touched.from_json(json.loads(row[2])) for row in rows}
    return {key: touched for key, touched in found.items() if key in wanted}

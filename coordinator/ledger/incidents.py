"""The incidents of runs that failed: one row for each, its report as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coordinator.ledger.store import LedgerReader

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.ledger.store import Ledger
    from coordinator.postgres.session import Session

SINCE = 2  # the ledger's version that brought the table


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """One incident as the ledger holds it; `document` is described in docs/incident-report.md."""

    run: int
    id: str
    category: str
    severity: str
    began: datetime
    ended: datetime | None
    document: dict[str, Any]
    expires: datetime


def write_incident(ledger: Ledger, row: IncidentRow) -> None:
    """Write the incident of a run, or what has become of it since. Survives a lost connection, as all such writes do."""
    ledger.write(
        "INSERT INTO migrate.incident (run, id, category, severity, began, ended, document, expires)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s)"
        " ON CONFLICT (run) DO UPDATE SET severity = EXCLUDED.severity, ended = EXCLUDED.ended,"
        " document = EXCLUDED.document, expires = EXCLUDED.expires",
        (
            row.run,
            row.id,
            row.category,
            row.severity,
            row.began,
            row.ended,
            _storable(row.document),
            row.expires,
        ),
    )


def read_incident(session: Session, run: int) -> IncidentRow | None:
    """The incident of a run, or None; also None in a ledger that is older than the table."""
    if LedgerReader(session).version < SINCE:
        return None
    rows = session.rows(
        "SELECT run, id::text, category, severity, began, ended, document, expires FROM migrate.incident WHERE run = %s",
        (run,),
    )
    return _row(rows[0]) if rows else None


# Decided by the server: a ledger of many years would otherwise be read whole at the end of every run.
_EXPIRED = """
SELECT run, id::text, category, severity, began, ended, document, expires FROM migrate.incident
 WHERE ended IS NOT NULL AND (expires <= %(now)s OR EXISTS (
   SELECT FROM jsonb_array_elements(document->'data_collection'->'dataCategories') AS part
    WHERE NOT (part->>'deleted')::boolean AND (part->>'until')::timestamptz <= %(now)s))
 ORDER BY run
"""


def read_expired_incidents(session: Session, now: datetime) -> tuple[IncidentRow, ...]:
    """The settled incidents of which something has been kept for long enough, the oldest first."""
    if LedgerReader(session).version < SINCE:
        return ()
    return tuple(_row(row) for row in session.rows(_EXPIRED, {"now": now}))


def delete_incident(session: Session, run: int) -> None:
    """Delete a run's incident; the run itself stays in the history."""
    session.execute("DELETE FROM migrate.incident WHERE run = %s", (run,))


def _row(row: tuple[Any, ...]) -> IncidentRow:
    return IncidentRow(
        run=row[0],
        id=row[1],
        category=row[2],
        severity=row[3],
        began=row[4],
        ended=row[5],
        document=row[6],
        expires=row[7],
    )


def _storable(document: dict[str, Any]) -> str:
    """The document as jsonb takes it: no NUL, no half of a surrogate pair."""
    return json.dumps(_without_nul(document), ensure_ascii=False).encode("utf-8", "replace").decode()


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {name: _without_nul(each) for name, each in value.items()}
        case list():
            return [_without_nul(each) for each in value]
        case _:
            return value

"""The checkpoints of a step that commits statement by statement: what it had committed when it was cut off.

Number 0 is written before such a step begins, by the ledger connection. The others are written by the step's own
connection inside each transaction that the step commits, so each is there exactly when what it tells of is in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.recovery import Mark

if TYPE_CHECKING:
    from uuid import UUID

    from coordinator.ledger.store import Ledger
    from coordinator.postgres.session import Session


CHECKPOINTS = "checkpoint"  # the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """What was there before the step (`fingerprint` of the catalog around it, `there` of the objects that it makes), and
    how often it committed since. `done` is how far its function is in for certain, None where that is not known;
    `undone`: nothing is left of it."""

    fingerprint: str
    there: frozenset[str]
    commits: int
    done: Mark | None = None
    undone: bool = False


def write_start(ledger: Ledger, token: UUID, fingerprint: str, there: tuple[str, ...]) -> None:
    """Write checkpoint 0 of the segment with that token, anew when the segment is tried again."""
    ledger.write(
        "INSERT INTO migrate.checkpoint (token, number, fingerprint, there) VALUES (%s, 0, %s, %s)"
        " ON CONFLICT (token, number) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, there = EXCLUDED.there",
        (token, fingerprint, list(there)),
    )


def write_commit(
    session: Session,
    token: UUID,
    number: int,
    mark: Mark | None,
    counts: tuple[int, ...] = (),
    *,
    undone: bool = False,
) -> None:
    """Say, inside the transaction that is about to be committed, that it is. Our own role writes, not a module's.

    `counts` are those of the mark that no earlier row has: a loop may commit thousands of times.
    """
    session.execute("SET LOCAL ROLE NONE")
    sent, texts = (None, None) if mark is None else (mark.sent, mark.digest)
    session.execute(
        "INSERT INTO migrate.checkpoint (token, number, sent, texts, counts, undone) VALUES (%s, %s, %s, %s, %s, %s)",
        (token, number, sent, texts, list(counts), undone),
    )


def write_undone(session: Session, token: UUID) -> None:
    """Say, inside the transaction that takes the last of it away, that nothing is left of the segment."""
    session.execute("SET LOCAL ROLE NONE")
    session.execute(
        "INSERT INTO migrate.checkpoint (token, number, undone)"
        " SELECT token, max(number) + 1, true FROM migrate.checkpoint WHERE token = %s GROUP BY token",
        (token,),
    )


def read_checkpoints(session: Session, token: UUID) -> Checkpoints | None:
    """The checkpoints of a segment; None when it has none: it had not begun, or an older program ran it."""
    if not session.value("SELECT to_regclass('migrate.checkpoint') IS NOT NULL"):
        return None
    rows = session.rows(
        # An older ledger has fewer columns, and a look does not bring it up to date.
        "SELECT number, fingerprint, there, to_jsonb(c) ->> 'sent', to_jsonb(c) ->> 'texts',"
        " to_jsonb(c) ->> 'counts', to_jsonb(c) ->> 'undone' FROM migrate.checkpoint c WHERE token = %s ORDER BY number",
        (token,),
    )
    if not rows or rows[0][0] != 0:
        return None
    latest, _, _, sent, texts, _, undone = rows[-1]
    counts = tuple(int(count) for row in rows for count in json.loads(row[5] or "[]"))
    return Checkpoints(
        fingerprint=rows[0][1],
        there=frozenset(rows[0][2]),
        commits=latest,  # a COMMIT that failed left a gap
        done=None
        if sent is None
        else Mark(int(sent), str(texts), counts if len(counts) == int(sent) else ()),
        undone=undone == "true",
    )

"""What the ledger tells of the past for a rollback: which run applied what, in which order, and how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.ledger.store import LedgerReader
from coordinator.model.capture import Direction
from coordinator.model.names import RevisionKey
from coordinator.model.rollback import PastSteps

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.session import Session

# A rollback or a recovery that puts revisions back in does not make them its own: the deploy was another run's.
_CAME_IN = """
SELECT s.module, s.revision FROM migrate.step s JOIN migrate.run r ON r.number = s.run
 WHERE s.run = %(run)s AND r.kind = 'apply' AND s.direction = 'upgrade' AND s.status = 'applied'
   AND NOT EXISTS (SELECT FROM migrate.step l JOIN migrate.run w ON w.number = l.run
                    WHERE l.module = s.module AND l.revision = s.revision AND l.run > s.run AND w.kind = 'apply'
                      AND l.direction = 'upgrade' AND l.status = 'applied')
 ORDER BY s.sequence
"""
_NEWEST = """
SELECT max(s.run) FROM migrate.step s JOIN migrate.run r ON r.number = s.run
 WHERE r.kind = 'apply' AND (r.status IN ('applied', 'settled') OR r.number = ANY (%(cut_off)s::bigint[]))
   AND s.direction = 'upgrade' AND s.status = 'applied'
   AND (%(module)s::text IS NULL OR s.module = %(module)s)
"""


def read_past(session: Session) -> PastSteps:
    """The revisions that runs applied, in that order, and the last time that each function took.

    What plain Alembic applied has no place in the order: nobody knows when it came in.
    """
    if not LedgerReader(session).exists:
        return PastSteps()
    order = session.rows(
        "SELECT module, revision FROM migrate.applied WHERE run IS NOT NULL ORDER BY applied, module, revision"
    )
    times = session.rows(
        "SELECT DISTINCT ON (module, revision, direction) module, revision, direction, seconds FROM migrate.step"
        " WHERE status IN ('applied', 'reversed') ORDER BY module, revision, direction, run DESC, sequence DESC"
    )
    return PastSteps(
        order=tuple(RevisionKey(row[0], row[1]) for row in order),
        seconds={(RevisionKey(row[0], row[1]), Direction(row[2])): row[3] for row in times},
    )


def newest_run(session: Session, module: str | None = None, *, cut_off: Collection[int] = ()) -> int | None:
    """The newest run that applied something (of that module) and succeeded; None when there is none.

    `cut_off` are runs of which something is in, and that count as well.
    """
    if not LedgerReader(session).exists:
        return None
    found = session.value(_NEWEST, {"module": module, "cut_off": list(cut_off)})
    return None if found is None else int(found)


def newest_failed_run(session: Session, *, cut_off: Collection[int] = ()) -> int | None:
    """The newest run that was to apply something and of which nothing is in; None when there is none.

    `cut_off` are runs of which nothing is in, and that are not settled yet.
    """
    if not LedgerReader(session).exists:
        return None
    found = session.value(
        "SELECT max(number) FROM migrate.run WHERE kind = 'apply'"
        " AND (status = 'reversed' OR number = ANY (%s::bigint[]))",
        (list(cut_off),),
    )
    return None if found is None else int(found)


def came_in_with(session: Session, run: int) -> tuple[RevisionKey, ...]:
    """The revisions that the run applied and that no later run has applied anew; some may be out by now."""
    return tuple(RevisionKey(row[0], row[1]) for row in session.rows(_CAME_IN, {"run": run}))

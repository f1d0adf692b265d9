"""Reads and writes `migrate.applied`: the revisions that are in, each enough to know and reverse it without its file.

A row is written and deleted by the transaction of the change itself, on the main connection; only what plain Alembic
did is noted by the ledger connection, before a run's first step.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from coordinator.model.names import RevisionKey
from coordinator.model.run import AppliedRevision

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.session import Row, Session

_ALWAYS = "module, revision, run, digest, parents, file, grade, applied"
_SINCE_2 = "requires, seconds"
_LARGE = "source, changes::text"
_LARGE_SINCE_2 = "effects::text"


def read_applied(session: Session, version: int, *, whole: bool = True) -> tuple[AppliedRevision, ...]:
    """Every revision that a ledger of that version knows to be in, by module, each module's in the order of its tree.

    Without `whole` source, changes and effects stay out: the look that most starts are needs none of them.
    """
    if not version:
        return ()
    columns = (
        _ALWAYS,
        _SINCE_2 if version > 1 else "'{}'::text[], 0::float8",
        _LARGE if whole else "'', '[]'",
        _LARGE_SINCE_2 if whole and version > 1 else "NULL",
    )
    rows = session.rows(
        f"SELECT {', '.join(columns)} FROM migrate.applied ORDER BY module, applied, revision"  # noqa: S608 - constants
    )
    return tuple(_applied(row) for row in rows)


def _applied(row: Row) -> AppliedRevision:
    return AppliedRevision(
        key=RevisionKey(row[0], row[1]),
        run=row[2],
        digest=row[3],
        parents=tuple(row[4]),
        file=row[5],
        grade=row[6],
        applied=row[7],
        requires=tuple(RevisionKey.parse(each) for each in row[8]),
        seconds=row[9],
        source=row[10],
        changes=row[11],
        effects=row[12],
    )


def write_applied(session: Session, revision: AppliedRevision) -> None:
    """Say that a revision is in; `applied` is now unless it says when."""
    session.execute(
        "INSERT INTO migrate.applied (module, revision, run, digest, source, parents, file, changes, grade, requires,"
        " effects, seconds, applied)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s, clock_timestamp()))"
        # A tree that ran before under plain Alembic may be taken back and applied again by either of us.
        " ON CONFLICT (module, revision) DO UPDATE SET run = EXCLUDED.run, digest = EXCLUDED.digest,"
        " source = EXCLUDED.source, parents = EXCLUDED.parents, file = EXCLUDED.file, changes = EXCLUDED.changes,"
        " grade = EXCLUDED.grade, requires = EXCLUDED.requires, effects = EXCLUDED.effects,"
        " seconds = EXCLUDED.seconds, applied = EXCLUDED.applied",
        (
            revision.key.module,
            revision.key.revision,
            revision.run,
            revision.digest,
            revision.source,
            list(revision.parents),
            revision.file,
            json.dumps(json.loads(revision.changes)),
            revision.grade,
            [str(each) for each in revision.requires],
            revision.effects,
            revision.seconds,
            revision.applied,
        ),
    )


def applied_digest(session: Session, key: RevisionKey) -> str | None:
    """The digest of the content of a revision that is in; None when it is not."""
    found = session.value(
        "SELECT digest FROM migrate.applied WHERE module = %s AND revision = %s", (key.module, key.revision)
    )
    return None if found is None else str(found)


def erase_applied(session: Session, key: RevisionKey) -> None:
    """Say that a revision is no longer in; on the main connection, in the transaction of its reversal."""
    session.execute(
        "DELETE FROM migrate.applied WHERE module = %s AND revision = %s", (key.module, key.revision)
    )


def forget_applied(session: Session, keys: Collection[RevisionKey]) -> None:
    """Erase revisions that something else than a run has taken out."""
    for key in sorted(keys):
        erase_applied(session, key)

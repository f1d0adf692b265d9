"""Reads and writes `migrate.kept`: what was copied before it was destroyed, and what became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from coordinator.ledger.store import LedgerReader
from coordinator.model.capture import Direction
from coordinator.model.kept import Ending, KeptData, LossKind, OriginState
from coordinator.model.names import RevisionKey

if TYPE_CHECKING:
    from coordinator.postgres.session import Row, Session

_COLUMNS = (
    "number, run, module, revision, direction, kind, table_schema, table_name, columns, key, rest, left_as, rows,"
    " bytes, checksum, left_out, copy, kept, expires, ended, ending, ended_by, put_back, conflicts"
)
_SINCE_4 = "digest, origins::text, personal"
_BEFORE_4 = "'', NULL, '{}'::text[]"

_EXPIRED = (
    "expires <= clock_timestamp()"
    " AND run NOT IN (SELECT number FROM migrate.run WHERE status IN ('running', 'unsettled'))"
)


def read_kept(session: Session, *, run: int) -> tuple[KeptData, ...]:
    """What that run kept, and what it put back; () while the ledger has no such table."""
    return _read(session, f"WHERE run = {int(run)} OR ended_by = {int(run)}")


def read_destroyed(session: Session, run: int, direction: Direction) -> tuple[KeptData, ...]:
    """What the run's steps of that direction destroyed, also where a recovery brought one of them to its end."""
    return _read(
        session,
        f"WHERE direction = '{direction.value}' AND (run = {int(run)} OR"  # noqa: S608 - a number, and a word of ours
        f" (run IN (SELECT number FROM migrate.run WHERE kind = 'recover' AND number > {int(run)})"
        f" AND module || ':' || revision IN (SELECT unnest(steps) FROM migrate.intent WHERE run = {int(run)})))",
    )


def read_open(session: Session, key: RevisionKey, direction: Direction) -> tuple[KeptData, ...]:
    """What the last run of that step kept and is still held, oldest first; only for a run that writes."""
    return _read_last(session, key, direction, f"{_HELD} AND NOT {_OF_OTHERS}")


def read_gone(session: Session, key: RevisionKey, direction: Direction) -> tuple[KeptData, ...]:
    """What the last run of that step destroyed and nothing puts back by itself, oldest first.

    There is no copy (any more), or its rows have no key that tells which rows of the table they were.
    """
    if not _has_table(session):
        return ()
    return _read_last(
        session,
        key,
        direction,
        "(ending IN ('expired', 'erased', 'discarded', 'left out', 'off', 'committed')"
        f" OR (ended IS NULL AND key = '{{}}' AND kind <> 'table' AND NOT {_OF_OTHERS}))",
    )


def read_overtaken(session: Session, key: RevisionKey, direction: Direction) -> tuple[KeptData, ...]:
    """What the last run of that step kept, while the step that is in now is somebody else's, oldest first."""
    if not _has_table(session):
        return ()
    return _read_last(session, key, direction, f"{_HELD} AND {_OF_OTHERS}")


_HELD = "ended IS NULL AND copy IS NOT NULL"
# Plain Alembic took the revision out and in again: what was destroyed then is not what a run of ours destroyed.
_OF_OTHERS = """
(k.direction = 'upgrade' AND EXISTS (SELECT FROM migrate.applied AS a
  WHERE (a.module, a.revision) = (k.module, k.revision) AND a.run IS NULL))
"""
# A run of the step that had nothing to keep wrote no row of its own: what an earlier one kept is not about it. A
# recovery is no run of its own here: it ends the step of the run that it recovers, and what both kept counts
# together, unless the opposite step has come between them.
_LAST = """
run >= (SELECT coalesce(max(o.run), 0) FROM migrate.kept AS o JOIN migrate.run AS r ON r.number = o.run
         WHERE (o.module, o.revision, o.direction) = (k.module, k.revision, k.direction) AND r.kind <> 'recover')
AND run >= (SELECT coalesce(max(s.run), 0) FROM migrate.step AS s JOIN migrate.run AS r ON r.number = s.run
             WHERE (s.module, s.revision, s.direction) = (k.module, k.revision, k.direction)
               AND s.status IN ('applied', 'reversed') AND r.kind <> 'recover')
AND NOT EXISTS (SELECT FROM migrate.step AS s
                 WHERE (s.module, s.revision) = (k.module, k.revision) AND s.direction <> k.direction
                   AND s.status IN ('applied', 'reversed') AND s.finished > k.kept)
"""


def _read_last(
    session: Session, key: RevisionKey, direction: Direction, condition: str
) -> tuple[KeptData, ...]:
    rows = session.rows(
        f"SELECT {_columns(session)} FROM migrate.kept AS k WHERE module = %s AND revision = %s AND direction = %s"  # noqa: S608 - constants
        f" AND {condition} AND {_LAST} ORDER BY number",
        (key.module, key.revision, direction.value),
    )
    return tuple(_kept(row) for row in rows)


def takes_back(session: Session, run: int, *, of: int) -> bool:
    """Whether the run takes back what the run `of` did: it is that run, or a recovery of that run, which is not over."""
    return run == of or bool(
        session.value(
            "SELECT EXISTS (SELECT FROM migrate.run AS r, migrate.run AS o WHERE r.number = %s AND r.kind = 'recover'"
            " AND o.number = %s AND o.status IN ('running', 'unsettled'))",
            (run, of),
        )
    )


def read_erasable(session: Session, *, run: int | None) -> tuple[KeptData, ...]:
    """Copies that still hold rows: all of that run, or with None those whose time is over.

    A run that is not over needs its copies to be taken back, however long that takes.
    """
    condition = f"run = {int(run)}" if run is not None else _EXPIRED
    return _read(session, f"WHERE copy IS NOT NULL AND {condition}")


def write_kept(main: Session, kept: KeptData, *, keep_for: float) -> None:
    """Write a row on the connection and in the transaction of the step; `keep_for` is in seconds."""
    main.execute(
        "INSERT INTO migrate.kept (number, run, module, revision, direction, kind, table_schema, table_name, columns,"
        " key, rest, left_as, rows, bytes, checksum, left_out, personal, copy, digest, origins, expires, ended, ending)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::text[], %s::text[], %s::text[],"
        " %s::text[], %s, %s, %s, %s::text[], %s::text[], %s, %s, %s::jsonb, clock_timestamp() + make_interval(secs => %s),"
        " CASE WHEN %s::text IS NOT NULL THEN clock_timestamp() END, %s)",
        (
            kept.number,
            kept.run,
            kept.key.module,
            kept.key.revision,
            kept.direction.value,
            kept.kind.value,
            kept.schema,
            kept.table,
            list(kept.columns),
            list(kept.row_key),
            list(kept.rest),
            list(kept.left_as),
            kept.rows,
            kept.bytes,
            kept.checksum,
            list(kept.left_out),
            list(kept.personal),
            kept.copy,
            kept.digest,
            None if kept.origins is None else _origins_text(kept.origins),
            keep_for,
            None if kept.ending is None else kept.ending.value,
            None if kept.ending is None else kept.ending.value,
        ),
    )


def write_put_back(main: Session, kept: KeptData, *, run: int, rows: int, conflicts: int) -> None:
    """Say that the values are back; with conflicts the copy stays, and holds the values that could not go back."""
    main.execute(
        "UPDATE migrate.kept SET ended = clock_timestamp(), ending = %s, ended_by = %s, put_back = %s, conflicts = %s,"
        " copy = CASE WHEN %s > 0 THEN copy END WHERE number = %s",
        (Ending.PUT_BACK.value, run, rows, conflicts, conflicts, kept.number),
    )


def write_erased(session: Session, kept: KeptData, ending: Ending) -> None:
    """Say that the copy is gone; what was put back before stays told as that."""
    session.execute(
        "UPDATE migrate.kept SET copy = NULL, ended = coalesce(ended, clock_timestamp()),"
        " ending = coalesce(ending, %s) WHERE number = %s",
        (ending.value, kept.number),
    )


def _has_table(session: Session) -> bool:
    return LedgerReader(session).version >= 2


def _read(session: Session, condition: str) -> tuple[KeptData, ...]:
    if not _has_table(session):
        return ()
    rows = session.rows(f"SELECT {_columns(session)} FROM migrate.kept {condition} ORDER BY number")  # noqa: S608 - constants
    return tuple(_kept(row) for row in rows)


def _columns(session: Session) -> str:
    return f"{_COLUMNS}, {_SINCE_4 if LedgerReader(session).version >= 4 else _BEFORE_4}"


def _origins_text(origins: tuple[OriginState, ...]) -> str:
    return json.dumps([{"schema": each.schema, "table": each.table, "state": each.state} for each in origins])


def _kept(row: Row) -> KeptData:
    return KeptData(
        number=row[0],
        run=row[1],
        key=RevisionKey(row[2], row[3]),
        direction=Direction(row[4]),
        kind=LossKind(row[5]),
        schema=row[6],
        table=row[7],
        columns=tuple(row[8]),
        row_key=tuple(row[9]),
        rest=tuple(row[10]),
        left_as=tuple(row[11]),
        rows=row[12],
        bytes=row[13],
        checksum=row[14],
        left_out=tuple(row[15]),
        copy=row[16],
        kept=row[17],
        expires=row[18],
        ended=row[19],
        ending=None if row[20] is None else Ending(row[20]),
        ended_by=row[21],
        put_back=row[22],
        conflicts=row[23],
        digest=row[24],
        origins=None if row[25] is None else tuple(OriginState(**each) for each in json.loads(row[25])),
        personal=tuple(row[26]),
    )

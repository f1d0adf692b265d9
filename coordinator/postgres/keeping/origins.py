"""How tables are from which others are filled: a measure that tells later whether they were changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.kept import NOT_MEASURED, OriginState
from coordinator.postgres.keeping.source import find_source, lock_source
from coordinator.postgres.rows import row_checksums

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.model.locks import LockMode
    from coordinator.postgres.session import Session

Table = tuple[str, str]  # schema and name

_FOUND = """
SELECT n.nspname, c.relname,
       c.relkind IN ('r', 'p') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
         AND NOT pg_catalog.row_security_active(c.oid)
         AND (WITH RECURSIVE part (oid) AS (
                SELECT c.oid UNION SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits AS i ON i.inhparent = part.oid)
              SELECT coalesce(sum(pg_catalog.pg_table_size(part.oid)), 0) FROM part) <= %s,
       c.relkind IN ('r', 'p') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY (%s::text[]) AND c.relname = ANY (%s::text[])
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""


def measured(session: Session, tables: Collection[Table], *, limit: int) -> tuple[OriginState, ...]:
    """Count and checksum of each of these, sorted. Reads every row of those that are not larger than `limit` bytes.

    Whoever reads one of them reads all that inherit from it too, so these count with it. A view, a foreign table, one
    that hides rows and a larger one are not measured.
    """
    if not tables:
        return ()
    found = _found(session, tables, limit)
    wanted = [each for each, (may_read, _) in found.items() if may_read]
    sums = row_checksums(session, tables=wanted, with_heirs=True)
    states = {each: f"{count} {checksum}" for each, (count, checksum) in sums.items()}
    return tuple(
        OriginState(
            schema=each[0], table=each[1], state=states.get(each, NOT_MEASURED) if each in found else None
        )
        for each in sorted(tables)
    )


def lock_origins(session: Session, tables: Collection[Table], *, mode: LockMode) -> None:
    """Lock those of them that are tables which may be locked, with all that inherit from them."""
    for each, (_, may_lock) in sorted(_found(session, tables, 0).items()) if tables else ():
        source = find_source(session, *each) if may_lock else None
        if source is not None:
            lock_source(session, source, mode=mode, heirs=True)


def _found(session: Session, tables: Collection[Table], limit: int) -> dict[Table, tuple[bool, bool]]:
    """Those that are there, each with whether it may be read whole, and whether it may be locked."""
    rows = session.rows(
        _FOUND, (limit, sorted({schema for schema, _ in tables}), sorted({name for _, name in tables}))
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows if (row[0], row[1]) in tables}

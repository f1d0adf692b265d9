"""How large the tables of a database are, without counting and without waiting for anybody."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from coordinator.model.table_size import TableSize
from coordinator.postgres.failure import TRANSIENT, StatementError
from coordinator.postgres.reading import undone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.postgres.session import Row, Session

# A partitioned table is as large as its partitions; what it holds by itself is nothing.
_SIZES = """
WITH stored AS (
    SELECT c.oid, n.nspname, c.relname, c.reltuples::bigint AS rows, {bytes} AS bytes, c.relispartition
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrate'))
SELECT nspname, relname, rows, bytes FROM stored
UNION ALL
SELECT n.nspname, p.relname,
       CASE WHEN bool_or(s.rows < 0) THEN -1 ELSE coalesce(sum(s.rows), 0) END::bigint,
       coalesce(sum(s.bytes), 0)::bigint
  FROM pg_catalog.pg_class p JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
  CROSS JOIN LATERAL pg_catalog.pg_partition_tree(p.oid) AS t
  LEFT JOIN stored s ON s.oid = t.relid
 WHERE p.relkind = 'p' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrate')
 GROUP BY 1, 2
 ORDER BY 1, 2
"""
_MEASURED = "pg_catalog.pg_total_relation_size(c.oid)"
# What the last VACUUM or ANALYZE wrote down; nothing is opened for it.
_NOTED = """
(SELECT coalesce(sum(part.relpages::bigint), 0) FROM pg_catalog.pg_class part
  WHERE part.oid IN (c.oid, c.reltoastrelid)
     OR part.oid IN (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid IN (c.oid, c.reltoastrelid))
) * current_setting('block_size')::bigint"""
_WAIT = "1s"


def read_sizes(session: Session) -> Mapping[tuple[str, str], TableSize]:
    """Schema and name of each table and filled view, with its size. Raises StatementError.

    Measuring opens the tables; where somebody holds one, the pages that the server has noted are told instead.
    """
    try:
        rows = _measured(session)
    except StatementError as error:
        if error.sqlstate not in TRANSIENT:
            raise
        rows = session.rows(_SIZES.format(bytes=_NOTED))
    return MappingProxyType(
        {
            (schema, name): TableSize(rows=int(count), bytes=int(taken or 0))
            for schema, name, count, taken in rows
        }
    )


def _measured(session: Session) -> tuple[Row, ...]:
    if session.in_transaction:
        with undone(session):
            session.execute(f"SET LOCAL lock_timeout = '{_WAIT}'")
            return session.rows(_SIZES.format(bytes=_MEASURED))
    with session.transaction(read_only=True):
        session.execute(f"SET LOCAL lock_timeout = '{_WAIT}'")
        return session.rows(_SIZES.format(bytes=_MEASURED))

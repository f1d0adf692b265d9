"""About how large a copy would get, from statistics and file sizes: no row is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.session import compose, literal

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session

_ROW = 32  # bytes of a row besides its values: header, pointer, digest


def estimate(session: Session, source: Source, columns: Collection[str]) -> int:
    """Bytes of a copy of these columns with the key; of all when none are named. 0: the table is empty.

    The table's own size where the statistics do not know its columns.
    """
    size, rows = session.rows(
        compose(
            "SELECT coalesce(sum(pg_catalog.pg_table_size(t.relid)), 0)::bigint,"
            " coalesce(sum(greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid), 0)), 0)::bigint"
            " FROM (SELECT relid FROM pg_catalog.pg_partition_tree({oid}::oid) WHERE isleaf"
            " UNION SELECT {oid}::oid) AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.relid"
            " WHERE pg_catalog.pg_relation_size(t.relid) > 0",
            oid=literal(source.oid),
        )
    )[0]
    key = source.key_without(columns)
    wanted = {*columns, *key} if columns and key else set(source.stored)
    widths: dict[str, float] = dict(
        session.rows(
            compose(
                "SELECT attname::text, max(avg_width * (1 - null_frac)) FROM pg_catalog.pg_stats"
                " WHERE schemaname = {schema} AND tablename = {name} GROUP BY 1",
                schema=literal(source.schema),
                name=literal(source.name),
            )
        )
    )
    if not size or not rows or not wanted <= set(widths):
        return int(size)
    return max(int(rows * (_ROW + sum(widths[each] for each in wanted))), 1)

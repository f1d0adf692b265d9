"""What a cut off step leaves that holds no data: half built indexes, and partitions that are half way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.postgres.dropping import as_owner, drop_index
from coordinator.postgres.failure import StatementError
from coordinator.postgres.keeping.source import shown
from coordinator.postgres.session import compose, identifier, literal
from coordinator.postgres.setting import set_during

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from coordinator.postgres.session import Session

# REINDEX CONCURRENTLY builds beside the old index, under a name of its own.
_TRANSIENT = (
    "SELECT n.nspname, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND n.nspname = ANY (%s)"
    " AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)"
    " ORDER BY 1, 2"
)
_FOUND = (
    "SELECT c.relkind = 'I', EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = c.oid)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('i', 'I')"
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)"
)
_CANCELLED = "57014"
# What the rows that were there have in a column since it was added, and what those that came later got by default.
_ADDED = (
    "SELECT (a.attmissingval::text::text[])[1], pg_get_expr(d.adbin, d.adrelid), format_type(a.atttypid, a.atttypmod)"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE n.nspname = %s AND c.relname = %s AND a.attname = %s AND NOT a.attisdropped AND a.attgenerated = ''"
)
_SINCE = 140000  # server_version_num of the first release with DETACH PARTITION CONCURRENTLY


def transient_indexes(session: Session, schemas: Collection[str]) -> tuple[ObjectName, ...]:
    """Invalid indexes in these schemas that a REINDEX CONCURRENTLY has left which nobody carries on."""
    rows = session.rows(_TRANSIENT, (list(schemas),))
    return tuple(ObjectName(ObjectKind.INDEX, schema, name) for schema, name in rows)


def pending_detaches(session: Session, schemas: Collection[str]) -> tuple[str, ...]:
    """For each partition in these schemas whose DETACH CONCURRENTLY was cut off, the statement that ends it."""
    if session.server_version < _SINCE:
        return ()
    rows = session.rows(
        "SELECT format('ALTER TABLE %%s DETACH PARTITION %%s FINALIZE', h.inhparent::regclass, h.inhrelid::regclass)"
        " FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE h.inhdetachpending AND n.nspname = ANY (%s) ORDER BY 1",
        (list(schemas),),
    )
    return tuple(text for (text,) in rows)


def holds_values(session: Session, name: ObjectName) -> bool:
    """Whether a table has rows, or a stored column values besides those that it was added with.

    Where the server does not know what that was any more, any value counts.
    """
    table = identifier(name.schema, name.name)
    if name.kind is ObjectKind.RELATION:
        return bool(session.value(compose("SELECT EXISTS (SELECT 1 FROM {table})", table=table)))
    if name.kind is not ObjectKind.COLUMN:
        return False
    found = session.rows(_ADDED, (name.schema, name.name, name.part))
    if not found:
        return False
    added, default, shape = found[0]
    if added is None and default is not None and "(" in default:
        return holds_values(session, ObjectName(ObjectKind.RELATION, name.schema, name.name))
    given = literal(added)
    if added is None and default is not None:
        given = compose(
            "pg_catalog.format('%s', ({default})::{type})", default=sql.SQL(default), type=sql.SQL(shape)
        )
    query = compose(
        "SELECT EXISTS (SELECT 1 FROM {table} AS t WHERE {value} IS DISTINCT FROM {given})",
        table=table,
        value=shown(name.part),
        given=given,
    )
    return bool(session.value(query))


def drop_indexes(session: Session, indexes: Iterable[ObjectName], *, lock_wait: float) -> None:
    """Drop those of them that are there, outside of any transaction; those of constraints stay.

    One of a partitioned table goes first, with the partitions' that are attached to it, and waits `lock_wait` seconds
    at most: PostgreSQL cannot drop it concurrently. One that cannot be dropped keeps none of the others, unless it
    was cancelled; the first StatementError is raised at the end.
    """
    errors: list[StatementError] = []
    found = [(each, row[0]) for each in dict.fromkeys(indexes) for row in _look(session, each)]
    for index, partitioned in sorted(found, key=lambda each: not each[1]):
        # A parent that went before has taken those along that were attached to it.
        if not any(not attached for _, attached in _look(session, index)):
            continue
        try:
            if partitioned:
                _drop_partitioned(session, index, lock_wait)
            else:
                drop_index(session, index)
        except StatementError as error:
            if error.sqlstate == _CANCELLED:
                raise  # whoever ended this wait does not want the next one
            errors.append(error)
    if errors:
        raise errors[0]


def _look(session: Session, index: ObjectName) -> list[tuple[bool, bool]]:
    """Whether it belongs to a partitioned table, and whether to another index; [] when there is none to drop."""
    return [(bool(row[0]), bool(row[1])) for row in session.rows(_FOUND, (index.schema, index.name))]


def _drop_partitioned(session: Session, index: ObjectName, lock_wait: float) -> None:
    limit = str(max(1, int(lock_wait * 1000)))
    with set_during(session, "lock_timeout", limit), as_owner(session, index):
        session.execute(compose("DROP INDEX IF EXISTS {index}", index=identifier(index.schema, index.name)))

"""Rows of tables as numbers: how many there are, a checksum over them, and what a transaction did to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.model.check import WrittenTable
from coordinator.postgres.reading import read_undisturbed
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from coordinator.postgres.session import Row, Session

Table = tuple[str, str]  # schema and name

_AT_ONCE = 200  # tables in one statement; each holds a lock until the statement is done
# The whole row as jsonb, whose keys are sorted: the order of columns does not count. A sum: nor that of rows.
# A mere `t` would be the column where a table has one of that name.
_CHECKSUM = """SELECT {schema}, {name}, count(*),
    coalesce(sum(hashtextextended(to_jsonb(t.*)::text, 0)::numeric), 0)::text FROM {table} AS t"""
_COUNT = "SELECT {schema}, {name}, count(*) FROM {table} AS t"


def row_checksums(
    session: Session,
    *,
    schemas: Collection[str] | None = None,
    tables: Collection[Table] | None = None,
    ignore: Collection[Table] = frozenset(),
    with_heirs: bool = False,
) -> dict[Table, tuple[int, str]]:
    """Number of rows and checksum of each table; equal when the rows are, in whatever order, also of columns.

    `tables` names them; else all ordinary tables of `schemas`, else of all schemas but PostgreSQL's own and
    the ledger's. Partitions are tables of their own, their parent is none. `with_heirs`: rows that are only in tables
    which inherit from one of these count for it as well. Reads every row. Raises StatementError, also when a policy
    would hide rows.
    """
    wanted = ordinary_tables(session, schemas) if tables is None else tuple(sorted(tables))
    kept = tuple(each for each in wanted if each not in ignore)
    rows = _for_each(session, _CHECKSUM, _not_surely_empty(session, kept, with_heirs=with_heirs))
    sums = {(schema, name): (count, checksum) for schema, name, count, checksum in rows}
    return {each: sums.get(each, (0, "0")) for each in kept}


def row_counts(session: Session, tables: Collection[Table]) -> dict[Table, int]:
    """Number of rows of each table. Reads every row; raises StatementError like `row_checksums`."""
    return {(schema, name): count for schema, name, count in _for_each(session, _COUNT, sorted(tables))}


def ordinary_tables(session: Session, schemas: Collection[str] | None = None) -> tuple[Table, ...]:
    """Schema and name of the tables that hold rows themselves, sorted."""
    return tuple(
        session.rows(
            """SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.relkind = 'r' AND CASE WHEN %(schemas)s::text[] IS NULL
                      THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', %(ledger)s)
                      ELSE n.nspname = ANY (%(schemas)s::text[]) END
                ORDER BY n.nspname, c.relname""",
            {"schemas": None if schemas is None else list(schemas), "ledger": LEDGER_SCHEMA},
        )
    )


def readable_tables(session: Session, schemas: Collection[str]) -> tuple[Table, ...]:
    """Those of these schemas' ordinary tables of which we may read every row, sorted."""
    return tuple(
        session.rows(
            """SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.relkind = 'r' AND n.nspname = ANY (%s::text[])
                  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                  AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND NOT pg_catalog.row_security_active(c.oid)
                ORDER BY n.nspname, c.relname""",
            (sorted(schemas),),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMark:
    """What the open transaction has done to one table so far; only the difference of two marks means something.

    `estimate` is 0 also where the server has never counted the rows.
    """

    schema: str
    name: str
    file: int
    inserted: int
    updated: int
    deleted: int
    estimate: int
    root: int | None

    @property
    def table(self) -> Table:
        """Schema and name."""
        return self.schema, self.name


def table_marks(session: Session, oids: Collection[int] | None = None) -> dict[int, TableMark]:
    """A mark for each table of all schemas but PostgreSQL's own, or for each of those named, by OID; reads no table.

    A partitioned table counts nothing itself, its partitions do.
    """
    rows = session.rows(
        """SELECT c.oid, n.nspname, c.relname, c.relfilenode,
                  pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid),
                  pg_catalog.pg_stat_get_xact_tuples_updated(c.oid),
                  pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid),
                  greatest(c.reltuples::bigint, pg_catalog.pg_stat_get_live_tuples(c.oid),
                      pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), 0),
                  CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid END
             FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
              AND (%(oids)s::oid[] IS NULL OR c.oid = ANY (%(oids)s::oid[]))""",
        {"oids": None if oids is None else sorted(oids)},
    )
    names = ("schema", "name", "file", "inserted", "updated", "deleted", "estimate", "root")
    return {oid: TableMark(**dict(zip(names, rest, strict=True))) for oid, *rest in rows}


def perhaps_filled(session: Session) -> frozenset[int]:
    """OIDs of the tables of all schemas but PostgreSQL's own whose files hold something, and of those with such partitions.

    All others surely have no row. The server's counts do not tell that: after a crash they are what was counted at the
    last ANALYZE. A table that somebody else locks, or is about to, is among them unseen, or this would wait for him.
    """
    rows = session.rows(
        """WITH RECURSIVE filled (oid) AS (
               SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                  AND CASE WHEN c.oid IN (SELECT l.relation FROM pg_catalog.pg_locks AS l
                                           WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                                             AND l.pid <> pg_catalog.pg_backend_pid())
                      THEN true ELSE pg_catalog.pg_relation_size(c.oid) > 0 END
               UNION
               SELECT i.inhparent FROM filled JOIN pg_catalog.pg_class AS c ON c.oid = filled.oid AND c.relispartition
                 JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid)
           SELECT oid::bigint FROM filled"""
    )
    return frozenset(oid for (oid,) in rows)


def written_since(session: Session, marks: Mapping[int, TableMark]) -> tuple[WrittenTable, ...] | None:
    """The tables whose rows were written since the marks were taken, in the same transaction; sorted by name.

    None when the server does not count (`track_counts` is off).
    """
    if not _counts(session):
        return None
    return _written_of(table_marks(session), marks)


def _counts(session: Session) -> bool:
    return bool(session.value("SELECT pg_catalog.current_setting('track_counts') = 'on'"))


def _written_of(now: Mapping[int, TableMark], then: Mapping[int, TableMark]) -> tuple[WrittenTable, ...]:
    found = (_written(mark, then.get(oid)) for oid, mark in now.items())
    return tuple(
        sorted((each for each in found if each is not None), key=lambda each: (each.schema, each.name))
    )


def _written(now: TableMark, then: TableMark | None) -> WrittenTable | None:
    # A new transaction counts from 0 again: then all that it counted is new.
    same = then is not None and then.inserted <= now.inserted and then.deleted <= now.deleted
    base = then if then is not None and same else None
    written = WrittenTable(
        schema=now.schema,
        name=now.name,
        inserted=now.inserted - (base.inserted if base else 0),
        updated=max(now.updated - (base.updated if base else 0), 0),
        deleted=now.deleted - (base.deleted if base else 0),
        rows_before=then.estimate if then else 0,
        moved_file=then is not None and then.file != now.file,
        created=then is None,
        partition_of=now.root,
    )
    touched = written.inserted or written.updated or written.deleted or written.moved_file
    return written if touched else None


def changed_by_us(session: Session, marks: Mapping[int, TableMark]) -> frozenset[Table]:
    """Schema and name of the tables whose rows the open transaction has changed; `marks` were taken before it, or in it.

    Where the server does not count, of those whose rows it may have changed, by the locks that it holds.
    """
    locked = table_marks(session, [oid for oid, _ in _locked_by_us(session)])
    if not _counts(session):
        return frozenset(each.table for each in locked.values())
    return frozenset((each.schema, each.name) for each in _written_of(locked, marks))


def written_by_us(session: Session) -> frozenset[int] | None:
    """OIDs of all that the open transaction may have changed rows of, by the locks that this takes; None: not known.

    A dropped column counts as well, which no counter of the server shows. What drops an attribute of a composite type
    changes rows of tables that it does not lock.
    """
    rows = _locked_by_us(session)
    return None if any(is_type for _, is_type in rows) else frozenset(oid for oid, _ in rows)


def _locked_by_us(session: Session) -> tuple[Row, ...]:
    """OIDs of what the open transaction locks as for the changing of rows, and whether each is a composite type."""
    return session.rows(
        """SELECT l.relation::bigint, coalesce(c.relkind = 'c', false)
             FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
            WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted
              AND l.mode IN ('RowExclusiveLock', 'AccessExclusiveLock')"""
    )


def named(session: Session, oids: Collection[int]) -> frozenset[Table]:
    """Schema and name of those of these relations that are there."""
    return frozenset(
        session.rows(
            """SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.oid = ANY (%s::oid[])""",
            (sorted(oids),),
        )
    )


def estimated_rows(session: Session, tables: Collection[Table]) -> int:
    """About how many rows these tables hold together, as far as statistics know; reads no table."""
    wanted = set(tables)
    rows = session.rows(
        """SELECT n.nspname, c.relname, greatest(c.reltuples::bigint, pg_catalog.pg_stat_get_live_tuples(c.oid),
                      pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), 0)
             FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = ANY (%s::text[]) AND c.relname = ANY (%s::text[])""",
        ([schema for schema, _ in wanted], [name for _, name in wanted]),
    )
    return sum(count for schema, name, count in rows if (schema, name) in wanted)


def _not_surely_empty(session: Session, tables: Collection[Table], *, with_heirs: bool) -> tuple[Table, ...]:
    """The tables whose files hold something. To read a file's size costs far less than to plan a query."""
    empty = set(
        read_undisturbed(
            session,
            compose(
                """SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                    WHERE c.relkind = 'r' AND n.nspname = ANY ({schemas}::text[]) AND pg_relation_size(c.oid) = 0
                      AND NOT ({with_heirs} AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid))""",
                schemas=literal(sorted({schema for schema, _ in tables})),
                with_heirs=literal(with_heirs),
            ),
        )
    )
    return tuple(each for each in tables if each not in empty)


def _for_each(session: Session, template: str, tables: Iterator[Table] | Collection[Table]) -> Iterator[Row]:
    waiting = list(tables)
    while waiting:
        batch, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        parts = [
            compose(template, schema=literal(schema), name=literal(name), table=identifier(schema, name))
            for schema, name in batch
        ]
        yield from read_undisturbed(session, sql.SQL(" UNION ALL ").join(parts))

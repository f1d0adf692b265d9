"""A table as somebody sees it who copies from it or puts back into it: its columns, its key, its size."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.postgres.reading import SETTINGS
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from coordinator.model.locks import LockMode
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """One column. `type` is its type without length or precision, as the server names it, and `modifier` the number
    that stands for these; `identity` is a, d or ''."""

    number: int
    name: str
    type: str
    modifier: int
    generated: bool
    identity: str
    mandatory: bool
    default: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One ordinary or partitioned table. `keys` are the sets of columns that tell its rows apart, the best first.

    `depth` is how many partitioned tables it is a part of; 0: it is no partition. By schema and name, `elders` are those
    and all that it inherits from, `below` its partitions or all that inherit from it.
    """

    oid: int
    schema: str
    name: str
    partitioned: bool
    depth: int
    elders: tuple[tuple[str, str], ...]
    below: tuple[tuple[str, str], ...]
    columns: tuple[SourceColumn, ...]
    keys: tuple[tuple[str, ...], ...]

    @property
    def lineage(self) -> tuple[tuple[str, str], ...]:
        """Its own name, and those of its elders and parts: what is said of a column of theirs is said of its own."""
        return (self.schema, self.name), *self.elders, *self.parts

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """The tables that its rows are in besides itself."""
        return self.below if self.partitioned else ()

    @property
    def stored(self) -> tuple[str, ...]:
        """Names of the columns that are not computed from others, sorted."""
        return tuple(sorted(each.name for each in self.columns if not each.generated))

    def column(self, name: str) -> SourceColumn | None:
        """The column of that name, or None."""
        return next((each for each in self.columns if each.name == name), None)

    def key_without(self, columns: Collection[str]) -> tuple[str, ...]:
        """The best key that has none of these columns; () when there is none."""
        return next((each for each in self.keys if not set(each) & set(columns)), ())

    @property
    def rows(self) -> sql.Composable:
        """What to write behind FROM or UPDATE: the table's own rows, those of a partitioned one in its partitions."""
        only = compose("") if self.partitioned else compose("ONLY ")
        return compose("{only}{table}", only=only, table=identifier(self.schema, self.name))


_TABLE = """
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind = 'p',
       (SELECT greatest(count(*) - 1, 0) FROM pg_catalog.pg_partition_ancestors(c.oid))::int,
       ARRAY(WITH RECURSIVE elder (oid) AS (
           SELECT inhparent FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid
           UNION SELECT i.inhparent FROM elder JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = elder.oid)
         SELECT ARRAY[m.nspname, e.relname]::text[] FROM elder JOIN pg_catalog.pg_class AS e USING (oid)
           JOIN pg_catalog.pg_namespace AS m ON m.oid = e.relnamespace ORDER BY 1),
       ARRAY(WITH RECURSIVE child (oid) AS (
           SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = c.oid
           UNION SELECT i.inhrelid FROM child JOIN pg_catalog.pg_inherits AS i ON i.inhparent = child.oid)
         SELECT ARRAY[m.nspname, e.relname]::text[] FROM child JOIN pg_catalog.pg_class AS e USING (oid)
           JOIN pg_catalog.pg_namespace AS m ON m.oid = e.relnamespace ORDER BY 1)
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND {condition}
"""
_COLUMNS = """
SELECT a.attnum::int, a.attname::text, pg_catalog.format_type(a.atttypid, -1), a.atttypmod, a.attgenerated <> '',
       a.attidentity::text, a.attnotnull,
       CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END
  FROM pg_catalog.pg_attribute AS a
  LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
# The primary key first, then the shortest; a partial index or one over expressions tells nothing of all rows.
_KEYS = """
SELECT (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
         WHERE k.place <= i.indnkeyatts)
  FROM pg_catalog.pg_index AS i
 WHERE i.indrelid = {oid} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
   AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE k.place <= i.indnkeyatts AND NOT a.attnotnull)
 ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
"""


def columns_there(session: Session) -> dict[int, int]:
    """Every table's OID with the highest number that a column of it has or had; both outlive renaming."""
    rows = session.rows(
        "SELECT oid::bigint, relnatts::int FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p')"
        " AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    )
    return dict(rows)


def columns_in(session: Session, schemas: Collection[str]) -> tuple[tuple[int, int, str, str, str], ...]:
    """Every column of the tables in these schemas, and of all that are a part or an heir of one or have it as a part: the
    OID of the table and the column's number there, and the names of schema, table and column in these schemas."""
    if not schemas:
        return ()
    rows = session.rows(
        compose(
            "WITH RECURSIVE own (oid) AS ("
            " SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p')"
            " AND c.relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY ({schemas}::text[]))"
            "), below (named, oid) AS (SELECT oid, oid FROM own"
            " UNION SELECT below.named, i.inhrelid FROM below JOIN pg_catalog.pg_inherits AS i ON i.inhparent = below.oid"
            "), above (named, oid) AS (SELECT oid, oid FROM own"
            " UNION SELECT above.named, i.inhparent FROM above JOIN pg_catalog.pg_class AS c ON c.oid = above.oid"
            " AND c.relispartition JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid)"
            " SELECT a.attrelid::bigint, a.attnum::int, n.nspname::text, c.relname::text, a.attname::text"
            " FROM (SELECT * FROM below UNION SELECT * FROM above) AS line"
            " JOIN pg_catalog.pg_attribute AS a ON a.attrelid = line.oid AND a.attnum > 0 AND NOT a.attisdropped"
            " JOIN pg_catalog.pg_class AS c ON c.oid = line.named"
            " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace",
            schemas=literal(sorted(schemas)),
        )
    )
    return tuple(rows)


def find_source(session: Session, schema: str, name: str) -> Source | None:
    """The table of that name, or None; views and foreign tables hold no rows of ours."""
    condition = compose(
        "n.nspname = {schema} AND c.relname = {name}", schema=literal(schema), name=literal(name)
    )
    return _source(session, condition)


def find_source_by_oid(session: Session, oid: int) -> Source | None:
    """The table with that OID, whatever it is called by now, or None."""
    return _source(session, compose("c.oid = {oid}", oid=literal(oid)))


def _source(session: Session, condition: sql.Composable) -> Source | None:
    found = session.rows(compose(_TABLE, condition=condition))
    if not found:
        return None
    oid, schema, name, partitioned, depth, elders, below = found[0]
    names = ("number", "name", "type", "modifier", "generated", "identity", "mandatory", "default")
    columns = session.rows(compose(_COLUMNS, oid=literal(oid)))
    keys = session.rows(compose(_KEYS, oid=literal(oid)))
    return Source(
        oid=oid,
        schema=schema,
        name=name,
        partitioned=partitioned,
        depth=depth,
        elders=tuple((elder, table) for elder, table in elders),
        below=tuple((child, table) for child, table in below),
        columns=tuple(SourceColumn(**dict(zip(names, row, strict=True))) for row in columns),
        keys=tuple(tuple(row[0]) for row in keys),
    )


def full_types(session: Session, source: Source) -> dict[str, str]:
    """The type of each column with its length or precision, as the server names it."""
    return dict(
        session.rows(
            compose(
                "SELECT attname::text, pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute"
                " WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped",
                oid=literal(source.oid),
            )
        )
    )


def lock_source(session: Session, source: Source, *, mode: LockMode, heirs: bool = False) -> None:
    """Lock the table, all partitions of one, and its `heirs` where these are read too, before anything is read."""
    table = identifier(source.schema, source.name) if heirs else source.rows
    session.execute(compose(f"LOCK TABLE {{table}} IN {mode.value} MODE", table=table))


def has_rows(session: Session, source: Source) -> bool:
    """Whether there is any row; raises StatementError where a policy could hide some."""
    return session.value(compose("SELECT EXISTS (SELECT FROM {rows})", rows=source.rows)) is True


def shown(name: str) -> sql.Composable:
    """The value of a column of the row `t` as its type prints it; a cast to text would drop the blanks of char(n), for one."""
    return compose(
        "CASE WHEN pg_catalog.num_nulls({value}) = 0 THEN pg_catalog.format('%s', {value}) END",
        value=identifier("t", name),
    )


def digest(names: Collection[str]) -> sql.Composable:
    """A number made of the printed values of these columns of the row `t`."""
    return compose(
        "pg_catalog.hashtextextended((ARRAY[{values}]::text[])::text, 0)",
        values=comma_separated(*(shown(name) for name in names)),
    )


def same_row(keys: Mapping[str, str]) -> sql.Composable:
    """Whether the row `t` of a table is the row `k` of its copy, compared as printed.

    `keys` maps the copy's key columns to what they are called in the table.
    """
    return sql.SQL(" AND ").join(
        compose("{value} = {kept}", value=shown(now), kept=identifier("k", then))
        for then, now in keys.items()
    )


def equal(names: Collection[str]) -> sql.Composable:
    """The same, where the key's columns have kept their names."""
    return same_row({each: each for each in names})


@contextmanager
def printing(session: Session) -> Iterator[None]:
    """Print every value so that reading it again gives the same value; the settings are given back."""
    names = tuple(SETTINGS)
    query = ", ".join(f"pg_catalog.current_setting('{name}')" for name in names)
    before = dict(zip(names, session.rows(f"SELECT {query}")[0], strict=True))
    _set(session, dict(SETTINGS))
    try:
        yield
    finally:
        # After a failure the savepoint of the step takes the settings back with everything else.
        if not session.closed and not session.failed:
            _set(session, before)


def _set(session: Session, values: dict[str, str]) -> None:
    parts = (
        compose("pg_catalog.set_config({name}, {value}, true)", name=literal(name), value=literal(value))
        for name, value in values.items()
    )
    session.execute(compose("SELECT {parts}", parts=comma_separated(*parts)))

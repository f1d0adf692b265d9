"""Foreign keys and their orphans: rows that point at a row which is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.postgres.reading import read_undisturbed
from coordinator.postgres.session import compose, identifier

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.session import Session

Table = tuple[str, str]  # schema and name


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`columns[i]` of a table points at `target_columns[i]` of another, compared by `operators[i]`.

    Operators are qualified; without a foreign key they are the usual `=`. `proved`: PostgreSQL has validated it.
    """

    name: str
    table: Table
    columns: tuple[str, ...]
    target: Table
    target_columns: tuple[str, ...]
    operators: tuple[Table, ...] = ()
    proved: bool = False

    @property
    def sql(self) -> str:
        """A query that shows the orphans, for people."""
        return _orphans("SELECT s.*", self).as_string()


def foreign_keys(session: Session, tables: Collection[Table]) -> tuple[Reference, ...]:
    """The foreign keys from or to these tables, sorted; those that PostgreSQL derives for partitions are left out."""
    rows = session.rows(
        """SELECT c.conname, n.nspname, r.relname, m.nspname, t.relname, c.convalidated,
                  (SELECT array_agg(a.attname::text ORDER BY k.place)
                     FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
                     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number),
                  (SELECT array_agg(a.attname::text ORDER BY k.place)
                     FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
                     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.number),
                  (SELECT array_agg(ARRAY[p.nspname::text, o.oprname::text] ORDER BY k.place)
                     FROM unnest(c.conpfeqop) WITH ORDINALITY AS k (number, place)
                     JOIN pg_catalog.pg_operator AS o ON o.oid = k.number
                     JOIN pg_catalog.pg_namespace AS p ON p.oid = o.oprnamespace)
             FROM pg_catalog.pg_constraint AS c
             JOIN pg_catalog.pg_class AS r ON r.oid = c.conrelid
             JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
             JOIN pg_catalog.pg_class AS t ON t.oid = c.confrelid
             JOIN pg_catalog.pg_namespace AS m ON m.oid = t.relnamespace
            WHERE c.contype = 'f' AND c.conparentid = 0
              AND (r.relname = ANY (%(names)s::text[]) OR t.relname = ANY (%(names)s::text[]))
            ORDER BY n.nspname, r.relname, c.conname""",
        {"names": sorted({name for _, name in tables})},
    )
    wanted = frozenset(tables)
    keys = (
        Reference(
            name=name,
            table=(schema, table),
            columns=tuple(columns),
            target=(target_schema, target),
            target_columns=tuple(target_columns),
            operators=tuple((operator[0], operator[1]) for operator in operators),
            proved=proved,
        )
        for name, schema, table, target_schema, target, proved, columns, target_columns, operators in rows
    )
    return tuple(key for key in keys if key.table in wanted or key.target in wanted)


def count_orphans(session: Session, reference: Reference) -> int:
    """How many rows point at no row. A row with a NULL among the columns points nowhere and is no orphan.

    Reads both tables. Raises StatementError, also when a policy would hide rows.
    """
    ((count,),) = read_undisturbed(session, _orphans("SELECT count(*)", reference))
    return int(count)


def _orphans(head: str, reference: Reference) -> sql.Composed:
    operators = reference.operators or (("pg_catalog", "="),) * len(reference.columns)
    pairs = zip(reference.columns, reference.target_columns, operators, strict=True)
    equal = [
        compose(
            "t.{target} OPERATOR({schema}.{operator}) s.{column}",
            target=identifier(target),
            column=identifier(column),
            schema=identifier(schema),
            operator=sql.SQL(operator),  # an operator's name cannot be quoted, nor can it hold letters
        )
        for column, target, (schema, operator) in pairs
    ]
    given = [compose("s.{column} IS NOT NULL", column=identifier(column)) for column in reference.columns]
    return compose(
        "{head} FROM {table} AS s WHERE {given} AND NOT EXISTS (SELECT FROM {target} AS t WHERE {equal})",
        head=sql.SQL(head),
        table=identifier(*reference.table),
        target=identifier(*reference.target),
        given=sql.SQL(" AND ").join(given),
        equal=sql.SQL(" AND ").join(equal),
    )

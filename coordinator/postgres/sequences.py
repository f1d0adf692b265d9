"""Where the sequences behind columns stand, and how far their columns' values have got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.postgres.reading import read_undisturbed
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.session import Session

Table = tuple[str, str]  # schema and name


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedSequence:
    """A sequence that gives a column its values. `indexed`: the column's extreme value is found without a scan."""

    name: Table
    table: Table
    column: str
    increment: int
    indexed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The value that comes next, and the farthest one that the column already holds (None: it holds none)."""

    sequence: OwnedSequence
    next: int
    farthest: int | None

    @property
    def behind(self) -> bool:
        """Whether the sequence will sooner or later give a value that is taken."""
        if self.farthest is None:
            return False
        return self.next <= self.farthest if self.sequence.increment > 0 else self.next >= self.farthest

    @property
    def remedy(self) -> str:
        """The statement that puts the sequence behind the last value, for people."""
        each = self.sequence
        return compose(
            "SELECT setval({name}, (SELECT {extreme}({column}) FROM {table}))",
            name=literal(identifier(*each.name).as_string()),
            extreme=_extreme(each),
            column=identifier(each.column),
            table=identifier(*each.table),
        ).as_string()


def owned_sequences(session: Session, tables: Collection[Table]) -> tuple[OwnedSequence, ...]:
    """The sequences owned by number columns of these tables; those that may cycle are left out."""
    rows = session.rows(
        """SELECT n.nspname, s.relname, m.nspname, t.relname, a.attname, q.seqincrement,
                  EXISTS (SELECT FROM pg_catalog.pg_index AS i
                           WHERE i.indrelid = t.oid AND i.indkey[0] = a.attnum AND i.indisvalid)
             FROM pg_catalog.pg_depend AS d
             JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
             JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = s.oid AND NOT q.seqcycle
             JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
             JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid
             JOIN pg_catalog.pg_namespace AS m ON m.oid = t.relnamespace
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
             JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid AND y.typcategory = 'N'
            WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
              AND d.deptype IN ('a', 'i') AND t.relname = ANY (%s::text[])
            ORDER BY n.nspname, s.relname""",
        (sorted({name for _, name in tables}),),
    )
    wanted = frozenset(tables)
    return tuple(
        OwnedSequence(
            name=(schema, name),
            table=(table_schema, table),
            column=column,
            increment=increment,
            indexed=indexed,
        )
        for schema, name, table_schema, table, column, increment, indexed in rows
        if (table_schema, table) in wanted
    )


def positions(session: Session, sequences: Collection[OwnedSequence]) -> tuple[Position, ...]:
    """Where each sequence stands. Reads each table's extreme value. Raises StatementError when refused."""
    found = []
    listed = tuple(sequences)
    if listed:
        parts = [_position(number, each) for number, each in enumerate(listed)]
        for number, coming, farthest in read_undisturbed(session, sql.SQL(" UNION ALL ").join(parts)):
            found.append(Position(sequence=listed[number], next=coming, farthest=farthest))
    return tuple(found)


def _position(number: int, sequence: OwnedSequence) -> sql.Composed:
    return compose(
        """SELECT {number}, last_value + CASE WHEN is_called THEN {increment} ELSE 0 END,
                  (SELECT {extreme}({column})::bigint FROM {table}) FROM {sequence}""",
        number=literal(number),
        increment=literal(sequence.increment),
        extreme=_extreme(sequence),
        column=identifier(sequence.column),
        table=identifier(*sequence.table),
        sequence=identifier(*sequence.name),
    )


def _extreme(sequence: OwnedSequence) -> sql.SQL:
    return sql.SQL("max" if sequence.increment > 0 else "min")

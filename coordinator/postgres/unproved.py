"""Rows that break a constraint which PostgreSQL has not validated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.postgres.reading import read_undisturbed
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from coordinator.postgres.session import Session


def count_breaking(session: Session, schema: str, table: str, constraint: str) -> int:
    """How many rows break this CHECK constraint. Reads the table; raises StatementError when the server refuses."""
    ((condition,),) = read_undisturbed(
        session,
        compose(
            """SELECT pg_get_expr(c.conbin, c.conrelid) FROM pg_constraint AS c
                 JOIN pg_class AS r ON r.oid = c.conrelid JOIN pg_namespace AS n ON n.oid = r.relnamespace
                WHERE n.nspname = {schema} AND r.relname = {table} AND c.conname = {constraint}""",
            schema=literal(schema),
            table=literal(table),
            constraint=literal(constraint),
        ),
    )
    ((count,),) = read_undisturbed(
        session,
        compose(
            "SELECT count(*) FROM {table} WHERE NOT ({condition})",
            table=identifier(schema, table),
            condition=sql.SQL(condition),  # the server's own words, read with the search_path used here
        ),
    )
    return int(count)


def count_nulls(session: Session, schema: str, table: str, column: str) -> int:
    """How many rows have no value in this column. Reads the table."""
    query = compose(
        "SELECT count(*) FROM {table} WHERE {column} IS NULL",
        table=identifier(schema, table),
        column=identifier(column),
    )
    ((count,),) = read_undisturbed(session, query)
    return int(count)

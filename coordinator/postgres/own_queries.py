"""Running a query of other people so that it can change nothing and shows nothing but how many rows it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.postgres.reading import undone
from coordinator.postgres.session import comma_separated, compose, identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.postgres.session import Session


def count_rows(
    session: Session, query: str, *, search_path: Sequence[str], seconds: float
) -> tuple[int, tuple[str, ...]]:
    """How many rows one query has, and the names of its columns; its values never leave the server.

    It runs read-only, in at most so many seconds, in a savepoint of the open transaction that is taken back.
    Raises StatementError; the transaction can go on after that.
    """
    path = comma_separated(*(identifier(schema) for schema in search_path))
    with undone(session):
        session.execute(
            compose("SET LOCAL search_path = {path}; SET LOCAL transaction_read_only = on", path=path)
        )
        session.execute(f"SET LOCAL statement_timeout = {max(int(seconds * 1000), 1)}")
        # A query that ends in a comment would swallow what follows it on its line.
        inner = sql.SQL(query + "\n")
        shape = session.execute(compose("SELECT * FROM ({query}) AS violations LIMIT 0", query=inner))
        count = session.value(compose("SELECT count(*) FROM ({query}) AS violations", query=inner))
    return int(count), tuple(name for name, _ in shape.columns or ())

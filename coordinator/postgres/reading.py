"""Reading that neither depends on the session's settings nor leaves anything behind in its transaction."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coordinator.postgres.session import compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg.sql import Composable

    from coordinator.postgres.session import Row, Session

# What would change a printed definition or value without any change of the object.
SETTINGS: Mapping[str, str] = {
    "search_path": "pg_catalog",
    "quote_all_identifiers": "off",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "xmloption": "content",
    # Rows that a policy hides are an error, never rows that are not there.
    "row_security": "off",
}
_SAVEPOINT = "migrate_reads"


def read_undisturbed(session: Session, query: Composable) -> tuple[Row, ...]:
    """The query's rows, read with fixed settings; settings and locks are given back afterwards.

    In an open transaction that is done by a savepoint; outside of one by the end of the statement's own.
    Raises StatementError when the server refuses; an open transaction can go on after that.
    """
    settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in SETTINGS.items())
    # One text of two statements is one transaction where none is open, so the settings hold for the second.
    text = compose(f"SELECT {settings}; {{query}}", query=query)
    if not session.in_transaction:
        return session.rows(text)
    with undone(session):
        return session.rows(text)


@contextmanager
def undone(session: Session) -> Iterator[None]:
    """Take back whatever the block does to the open transaction, its settings and its locks."""
    session.execute(f"SAVEPOINT {_SAVEPOINT}")
    try:
        yield
    finally:
        if not session.closed:
            session.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}; RELEASE SAVEPOINT {_SAVEPOINT}")

"""PostgreSQL's failures as values: SQLSTATE, its own words, and where in the text."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from coordinator.errors import CoordinatorError

if TYPE_CHECKING:
    from collections.abc import Iterator


# Somebody else's lock, a deadlock, a serialization failure: the same statements may work a moment later. Not among
# them: 57014, a statement that a person or a limit has cancelled.
TRANSIENT = frozenset({"55P03", "40P01", "40001"})


class StatementError(CoordinatorError):
    """The server refused a statement. `message` is its primary message; DETAIL may hold row values and is kept apart."""

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        position: int = 0,
        table: str | None = None,
        raised_in: str | None = None,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.detail = detail
        self.hint = hint
        self.table = table  # of the constraint that was violated, where the server tells
        self.raised_in = (
            raised_in  # where an author's RAISE stands; its words may hold values; None: the server's own
        )
        self.position = position  # 1-based character in the text that was sent; 0: not told

    def __str__(self) -> str:
        return f"{self.message} (SQLSTATE {self.sqlstate})" if self.sqlstate else self.message


class ConnectionLostError(CoordinatorError):
    """The connection to the server ended while it was needed."""

    exit_code = 4


_LANGUAGES = ("pl_exec", "plpy", "plperl", "pltcl", "plv8")  # source files of procedural languages
_AT_RAISE = re.compile(r"^PL/pgSQL function (?P<name>.+) line (?P<line>\d+) at RAISE$", re.MULTILINE)


def raised_in(diagnostic: psycopg.errors.Diagnostic) -> str | None:
    """The function whose author chose the words of a message, with the line; None when they are the server's own."""
    source = diagnostic.source_file or ""
    if not source.startswith(_LANGUAGES) and diagnostic.sqlstate != "P0001":
        return None
    # The rest of the context quotes statements, and these may hold values.
    found = _AT_RAISE.search(diagnostic.context or "")
    return f"PL/pgSQL function {found['name']}, line {found['line']}" if found else "a function"


@contextmanager
def translated(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Turn psycopg's errors into ours. Anything else passes through untouched."""
    try:
        yield
    except psycopg.Error as error:
        diagnostic = error.diag
        message = diagnostic.message_primary or str(error).strip() or type(error).__name__
        if connection.closed or connection.broken:
            raise ConnectionLostError(f"the connection to the server was lost: {message}") from error
        raise StatementError(
            message,
            sqlstate=error.sqlstate,
            detail=diagnostic.message_detail,
            hint=diagnostic.message_hint,
            position=int(diagnostic.statement_position or 0),
            table=diagnostic.table_name,
            raised_in=raised_in(diagnostic),
        ) from error

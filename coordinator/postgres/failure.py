"""PostgreSQL's failures as values: SQLSTATE, its own words, and where in the text."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from coordinator.errors import CoordinatorError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.detail = detail
        self.hint = hint
        self.table = table  # of the constraint that was violated, where the server tells
        self.position = position  # 1-based character in the text that was sent; 0: not told

    def __str__(self) -> str:
        return f"{self.message} (SQLSTATE {self.sqlstate})" if self.sqlstate else self.message


class ConnectionLostError(CoordinatorError):
    """The connection to the server ended while it was needed."""

    exit_code = 4


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
        ) from error

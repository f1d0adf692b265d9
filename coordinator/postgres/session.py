"""One connection whose transactions are ours to begin and end, statement by statement."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from coordinator.model.incident import Notice
from coordinator.postgres.failure import ConnectionLostError, raised_in, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType


_NOTICES_HELD = 200  # between two looks at them; a loop can send millions

Row = tuple[Any, ...]
Query: TypeAlias = str | sql.SQL | sql.Composed


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said to one text of SQL: the last result's columns and rows, and how many rows it touched."""

    columns: tuple[tuple[str, int], ...] | None  # (name, type oid); None when it returned no rows
    rows: tuple[Row, ...]
    rowcount: int


class Session:
    """A connection in autocommit mode on which BEGIN, COMMIT and savepoints are sent as plain statements.

    Nothing below this class begins or ends a transaction on its own, so what the server holds is always what
    the caller asked for. Statement failures come out as `StatementError`, a lost connection as `ConnectionLostError`.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        *,
        reconnect: Callable[[], psycopg.Connection[Any]] | None = None,
        role_mark: str = "",
    ) -> None:
        """`role_mark` is the comment of the roles that are made here; empty: they are none of ours to drop."""
        self._reconnect = reconnect
        self.role_mark = role_mark
        self._notices: deque[Notice] = deque(maxlen=_NOTICES_HELD)
        self._use(connection)

    def _use(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        # Not the number that the connection was given for cancelling: a pooler makes one up.
        row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
        self._pid: int = row[0] if row else connection.info.backend_pid
        # Authors' statements may hold several commands: these need binding on this side. Server-side binding
        # also fails on the untyped parameters of SQLAlchemy's reflection.
        self._cursor = psycopg.ClientCursor(self._connection)
        self._connection.add_notice_handler(self._note)

    def _note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self._notices.append(
            Notice(
                severity=diagnostic.severity_nonlocalized or diagnostic.severity or "",
                sqlstate=diagnostic.sqlstate or "",
                message=diagnostic.message_primary or "",
                raised=raised_in(diagnostic) is not None,
            )
        )

    def reopen(self) -> None:
        """Connect anew after the connection was lost; nothing of the old one's transaction comes along.

        Raises UnreachableError, or ConnectionLostError when this session was given no way to connect anew.
        """
        if self._reconnect is None:
            raise ConnectionLostError("the connection to the server was lost")
        self._connection.close()
        self._use(self._reconnect())

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back by the server."""
        self._connection.close()

    def execute(self, text: Query, parameters: Sequence[object] | dict[str, object] | None = None) -> Answer:
        """Send one text of SQL and read all of its last result.

        Raises StatementError with PostgreSQL's own words, ConnectionLostError when the connection is gone.
        """
        with translated(self._connection):
            cursor = self._cursor.execute(text, parameters)
            while cursor.nextset():
                pass
            if cursor.description is None:
                return Answer(columns=None, rows=(), rowcount=cursor.rowcount)
            columns = tuple((column.name, column.type_code) for column in cursor.description)
            return Answer(columns=columns, rows=tuple(cursor.fetchall()), rowcount=cursor.rowcount)

    def rows(
        self, text: Query, parameters: Sequence[object] | dict[str, object] | None = None
    ) -> tuple[Row, ...]:
        """All rows of a query."""
        return self.execute(text, parameters).rows

    def value(self, text: Query, parameters: Sequence[object] | dict[str, object] | None = None) -> Any:
        """The first column of the first row, or None when there is no row."""
        found = self.rows(text, parameters)
        return found[0][0] if found else None

    def as_text(self, query: sql.Composable) -> str:
        """A composed query as the text that would be sent."""
        return query.as_string(self._connection)

    @property
    def pid_when_open(self) -> int:
        """The server process behind this connection; also told after the connection was lost."""
        return self._pid

    @property
    def cancel_pid(self) -> int:
        """The number that the connection was given for cancelling: the server process, unless a pooler made it up."""
        return self._connection.info.backend_pid

    @property
    def server_version(self) -> int:
        """server_version_num, such as 150018."""
        return self._connection.info.server_version

    @property
    def in_transaction(self) -> bool:
        return self._connection.info.transaction_status is not TransactionStatus.IDLE

    @property
    def failed(self) -> bool:
        """Whether the open transaction can only be rolled back."""
        return self._connection.info.transaction_status is TransactionStatus.INERROR

    @property
    def closed(self) -> bool:
        return self._connection.closed or self._connection.broken

    def take_notices(self) -> tuple[Notice, ...]:
        """What the server said since the last call, the latest of it; an author's words may hold values of rows."""
        taken = tuple(self._notices)
        self._notices.clear()
        return taken

    def cancel(self) -> None:
        """Ask the server to cancel what this connection is running; safe from another thread or a signal handler."""
        self._connection.cancel_safe(timeout=5)

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        """BEGIN … COMMIT around the block; ROLLBACK when it raises."""
        self.execute("BEGIN READ ONLY" if read_only else "BEGIN")
        try:
            yield
        except BaseException:
            if not self.closed:
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One unchanging, read-only view of the database for the block; always rolled back."""
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            if not self.closed:
                self.execute("ROLLBACK")


def identifier(*names: str) -> sql.Composable:
    """A quoted, dotted identifier."""
    return sql.Identifier(*names)


def literal(value: object) -> sql.Composable:
    """A quoted literal."""
    return sql.Literal(value)


def compose(template: str, **parts: sql.Composable) -> sql.Composed:
    """`template` with each {name} replaced by its part: the only way names of other people become SQL."""
    return sql.SQL(cast("Any", template)).format(**parts)


def comma_separated(*parts: sql.Composable) -> sql.Composable:
    """The parts with commas between them."""
    return sql.SQL(", ").join(parts)

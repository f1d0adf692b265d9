"""In the worker: a DBAPI whose connection is the pipe. It has no server, no address and no password."""

from __future__ import annotations

import sys
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from coordinator.worker.protocol import Channel, pack, unpack

apilevel = "2.0"
threadsafety = 0
paramstyle = "pyformat"

Binary = bytes


class Error(Exception):
    """The server's answer, with the names that authors know from psycopg."""

    def __init__(self, message: str, sqlstate: Optional[str] = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.pgcode = sqlstate


class InterfaceError(Error):
    pass


class DatabaseError(Error):
    pass


class DataError(DatabaseError):
    pass


class OperationalError(DatabaseError):
    pass


class IntegrityError(DatabaseError):
    pass


class InternalError(DatabaseError):
    pass


class ProgrammingError(DatabaseError):
    pass


class NotSupportedError(DatabaseError):
    pass


_CLASSES = {
    "08": OperationalError,
    "0A": NotSupportedError,
    "22": DataError,
    "23": IntegrityError,
    "25": InternalError,
    "40": OperationalError,
    "42": ProgrammingError,
    "53": OperationalError,
    "55": OperationalError,
    "57": OperationalError,
    "XX": InternalError,
}


class Link:
    """The pipe as the statements of one running revision see it: which file runs, and what it asked for."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.file = ""
        self.running = (
            False  # only then is a commit or rollback the author's; SQLAlchemy has its own at the edges
        )
        self.capturing = False
        self.asked: List[int] = []  # lines that read rows while nobody was behind the pipe

    def ask(self, message: Dict[str, Any]) -> Dict[str, Any]:
        """Send a request and wait for its answer. Raises the DBAPI error that the answer names."""
        message["line"] = self.line()
        self.channel.write(message)
        answer = self.channel.read()
        if answer is None:
            raise SystemExit(0)  # the coordinator is gone, and with it the transaction
        if answer.get("ok"):
            return answer
        sqlstate = answer.get("sqlstate")
        raise _CLASSES.get((sqlstate or "")[:2], DatabaseError)(str(answer.get("error")), sqlstate)

    def line(self) -> int:
        """The line of the revision's file that is being run; 0 when it is not on the stack."""
        frame: Any = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == self.file:
                return int(frame.f_lineno)
            frame = frame.f_back
        return 0


class Cursor:
    """Sends a statement, keeps its rows."""

    arraysize = 1

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self._link = connection.link
        self.description: Optional[List[Tuple[Any, ...]]] = None
        self.rowcount = -1
        self.lastrowid = None
        self._rows: List[Tuple[Any, ...]] = []
        self._next = 0

    def execute(self, statement: str, parameters: Any = None) -> "Cursor":
        self._take(self._link.ask({"op": "execute", "sql": statement, "parameters": [pack(parameters)]}))
        return self

    def executemany(self, statement: str, parameters: Sequence[Any]) -> "Cursor":
        self._take(
            self._link.ask(
                {"op": "execute", "sql": statement, "parameters": [pack(each) for each in parameters]}
            )
        )
        return self

    def _take(self, answer: Dict[str, Any]) -> None:
        columns = answer.get("columns")
        self.description = (
            None if columns is None else [(name, oid, None, None, None, None, None) for name, oid in columns]
        )
        self._rows = [tuple(unpack(value) for value in row) for row in answer.get("rows", [])]
        self.rowcount = int(answer.get("rowcount", -1))
        self._next = 0

    def _reading(self) -> None:
        if self._link.capturing:
            self._link.asked.append(self._link.line())

    def fetchone(self) -> Optional[Tuple[Any, ...]]:
        self._reading()
        if self._next >= len(self._rows):
            return None
        self._next += 1
        return self._rows[self._next - 1]

    def fetchmany(self, size: Optional[int] = None) -> List[Tuple[Any, ...]]:
        self._reading()
        taken = self._rows[self._next : self._next + (size or self.arraysize)]
        self._next += len(taken)
        return taken

    def fetchall(self) -> List[Tuple[Any, ...]]:
        self._reading()
        taken = self._rows[self._next :]
        self._next = len(self._rows)
        return taken

    def __iter__(self) -> Iterator[Tuple[Any, ...]]:
        return iter(self.fetchall())

    def close(self) -> None:
        self._rows = []

    def setinputsizes(self, *sizes: Any) -> None:
        """Nothing to prepare for."""

    def setoutputsize(self, *sizes: Any) -> None:
        """Nothing to prepare for."""


class Connection:
    """Looks like a connection; beginning and ending transactions is not its business."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.autocommit = False

    def cursor(self, *arguments: Any, **options: Any) -> Cursor:
        return Cursor(self)

    def commit(self) -> None:
        """Ask, and be refused: the transaction belongs to the whole run."""
        self._end("commit")

    def rollback(self) -> None:
        """Ask, and be refused: the transaction belongs to the whole run."""
        self._end("rollback")

    def _end(self, how: str) -> None:
        if self.link.running:
            self.link.ask({"op": "end", "how": how})

    def close(self) -> None:
        """There is nothing to close."""


def connect(*arguments: Any, **options: Any) -> Connection:
    """A DBAPI must have it; the engine is given its one connection and never calls this."""
    raise OperationalError("a revision has no server of its own to connect to; use op.get_bind()")

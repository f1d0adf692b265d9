"""Numbers the points of the process it is installed in, and strikes at one of them; it cannot be taken out again."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq

from tests.kills.points import Point, kind_of, phase_here, plain, plain_path

if TYPE_CHECKING:
    from collections.abc import Callable

_CHANGES = {
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.remove",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Statements after which, outside of a transaction, something is in although the answer never came.
_LASTING = ("write", "ddl", "commit")
ANSWER = "commit-answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a strike may need to know: the point, its connection, and the server process of the main connection."""

    point: Point
    connection: psycopg.Connection[Any] | None
    main: int | None


class Watch:
    """Every statement, connection, started process and written file of the main thread.

    Statements of other threads are told by a clock, so they have no number; whatever moment they come at is the
    moment of some point of the main thread.
    """

    def __init__(self, log: int, at: int | None, strike: Callable[[Moment], None]) -> None:
        self._log = log
        self._at = at
        self._strike = strike
        self._count = 0
        self._quiet = 0
        self._latest = ""
        self._main: int | None = None
        self.active = True

    def install(self) -> None:
        """From here on every point is written to the log, and the struck one is struck."""
        self._wrap_connect()
        self._wrap_execute()
        sys.addaudithook(self._audit)

    def point(self, kind: str, what: str, connection: Any = None) -> Moment | None:
        """Number a point; strike if it is the one, or return the moment when only the caller can strike at it."""
        if not self.active or self._quiet or threading.current_thread() is not threading.main_thread():
            return None
        if kind == "read" and what == self._latest:
            return None  # asked again and again, until a clock or another process says that it is enough
        self._latest = what
        self._count += 1
        each = Point(number=self._count, phase=phase_here(), kind=kind, what=plain(what))
        os.write(self._log, json.dumps(each.as_json()).encode() + b"\n")
        if self._count != self._at:
            return None
        moment = Moment(point=each, connection=connection, main=self._main)
        if kind == ANSWER:
            return moment
        self._struck(moment)
        return None

    def _struck(self, moment: Moment) -> None:
        self._quiet += 1
        try:
            self._strike(moment)
        finally:
            self._quiet -= 1

    def _wrap_connect(self) -> None:
        connect = psycopg.connect

        def connecting(conninfo: str, **names: Any) -> Any:
            self.point("connect", "connect")
            connection = connect(conninfo, **names)
            if "migrate:main" in conninfo:
                self._main = connection.info.backend_pid
            return connection

        psycopg.connect = connecting  # type: ignore[assignment] # as much of it as the program uses

    def _wrap_execute(self) -> None:
        execute = psycopg.Cursor.execute

        def executing(cursor: Any, query: Any, params: Any = None, **names: Any) -> Any:
            text = query if isinstance(query, str) else query.as_string(cursor.connection)
            kind, connection = kind_of(text), cursor.connection
            outside = connection.info.transaction_status is pq.TransactionStatus.IDLE
            self.point(kind, text, connection)
            if kind in _LASTING and (outside or kind == "commit"):
                moment = self.point(ANSWER, text, connection)
                if moment is not None:
                    self._lose_answer(moment, psycopg.ClientCursor(connection).mogrify(query, params))
            return execute(cursor, query, params, **names)

        psycopg.Cursor.execute = executing  # type: ignore[method-assign,assignment] # it stands in for it

    def _lose_answer(self, moment: Moment, text: str) -> None:
        """Let the server have the statement, and strike before its answer is read: nobody reads it any more."""
        assert moment.connection is not None
        server = moment.connection.pgconn
        server.send_query(text.encode())
        while server.flush():
            pass
        self._struck(moment)
        server.finish()
        raise psycopg.OperationalError("the connection was lost before the answer came")

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and flags & _WRITES and path not in ("/dev/null", b"/dev/null"):
                self.point("file", f"open {plain_path(os.fsdecode(path))}")
        elif event in _CHANGES:
            self.point("file", f"{event[3:]} {plain_path(str(arguments[0]))}")
        elif event == "subprocess.Popen":
            self.point("process", os.path.basename(os.fsdecode(arguments[0])))

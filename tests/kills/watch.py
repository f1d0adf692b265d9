"""Numbers the points of the process it is installed in, and strikes at one of them; it cannot be taken out again."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
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

# What happens at the struck point; the connection is None for files and new connections.
Strike = "Callable[[Point, psycopg.Connection[Any] | None], None]"


class Watch:
    """Every statement, connection, started process and written file of the main thread.

    Statements of other threads are told by a clock, so they have no number; whatever moment they come at is the
    moment of some point of the main thread.
    """

    def __init__(self, log: int, at: int | None, strike: Callable[[Point, Any], None]) -> None:
        self._log = log
        self._at = at
        self._strike = strike
        self._count = 0
        self._quiet = 0
        self.active = True

    def install(self) -> None:
        """From here on every point is written to the log, and the struck one is struck."""
        self._wrap_connect()
        self._wrap_execute()
        sys.addaudithook(self._audit)

    def point(self, kind: str, what: str, connection: Any = None) -> bool:
        """Number a point; whether it is the one to strike at. Strikes unless it is an answer's."""
        if not self.active or self._quiet or threading.current_thread() is not threading.main_thread():
            return False
        self._count += 1
        each = Point(number=self._count, phase=phase_here(), kind=kind, what=plain(what))
        os.write(self._log, json.dumps(each.as_json()).encode() + b"\n")
        if self._count != self._at:
            return False
        if kind.endswith("answer"):
            return True
        self._struck(each, connection)
        return False

    def _struck(self, point: Point, connection: Any) -> None:
        self._quiet += 1
        try:
            self._strike(point, connection)
        finally:
            self._quiet -= 1

    def _wrap_connect(self) -> None:
        connect = psycopg.connect

        def connecting(*arguments: Any, **names: Any) -> Any:
            self.point("connect", "connect")
            return connect(*arguments, **names)

        psycopg.connect = connecting

    def _wrap_execute(self) -> None:
        execute = psycopg.Cursor.execute

        def executing(cursor: Any, query: Any, params: Any = None, **names: Any) -> Any:
            text = query if isinstance(query, str) else query.as_string(cursor.connection)
            kind = kind_of(text)
            connection = cursor.connection
            self.point(kind, text, connection)
            outside = connection.info.transaction_status is pq.TransactionStatus.IDLE
            if kind in _LASTING and (outside or kind == "commit") and self._answers(kind, text):
                self._send_only(cursor, query, params)
            return execute(cursor, query, params, **names)

        psycopg.Cursor.execute = executing  # type: ignore[method-assign]

    def _answers(self, kind: str, text: str) -> bool:
        """The point between a lasting statement and its answer; whether it is struck there."""
        return self.point(f"{kind}-answer", text)

    def _send_only(self, cursor: Any, query: Any, params: Any) -> None:
        """Let the server have the statement, and strike before its answer is read."""
        connection = cursor.connection
        text = psycopg.ClientCursor(connection).mogrify(query, params)
        connection.pgconn.send_query(text.encode())
        while connection.pgconn.flush():
            pass
        self._quiet += 1
        self._strike(
            Point(number=self._count, phase=phase_here(), kind="answer", what=plain(text)), connection
        )
        raise AssertionError("who strikes at an answer does not come back")

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and flags & _WRITES and path not in ("/dev/null", b"/dev/null"):
                self.point("file", f"open {plain_path(os.fsdecode(path))}")
        elif event in _CHANGES:
            self.point("file", f"{event[3:]} {plain_path(str(arguments[0]))}")
        elif event == "subprocess.Popen":
            self.point("process", os.path.basename(os.fsdecode(arguments[0])))


def kill(point: Point, connection: Any) -> None:
    """SIGKILL to the process and what it has started."""
    os.killpg(0, signal.SIGKILL)
    signal.pause()

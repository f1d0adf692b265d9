"""A TCP proxy before the server that reads what goes through it, and cuts a connection where a test wants it cut."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from coordinator.model.target import DatabaseUrl

_OPENS_A_SEGMENT = "BEGIN ISOLATION LEVEL READ COMMITTED"


class Cut(Enum):
    """Where the connection ends."""

    BEFORE = "the server does not get the statement"
    AFTER = "the server gets the statement, and its answer is lost"
    UNHEARD = "the server gets the statement, and the connection ends before it answers"
    CLIENT_ONLY = "only the client notices; the server goes on waiting for it"
    EVERYTHING = "every connection ends, and the server does not get the statement"
    FOR_GOOD = "every connection ends, and nobody can connect any more"
    EVERYTHING_AFTER = "the server gets the statement and answers; then every connection ends"

    @property
    def reaches_server(self) -> bool:
        return self in {Cut.AFTER, Cut.UNHEARD, Cut.EVERYTHING_AFTER}

    @property
    def awaits_answer(self) -> bool:
        return self in {Cut.AFTER, Cut.EVERYTHING_AFTER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A statement of the main connection: its text, and how often such a text was sent since the start."""

    text: str
    count: int


@dataclass(slots=True)
class CuttingProxy:
    """Forwards to the server of `url`. `where` is asked for each statement of connections that open segments."""

    url: DatabaseUrl
    where: Callable[[Seen], Cut | None]
    server_side_lives: float = 3.0  # seconds after Cut.CLIENT_ONLY
    answered: Callable[[], None] = lambda: None  # before every connection ends with Cut.EVERYTHING_AFTER
    cuts: list[Seen] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _open: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    @property
    def address(self) -> DatabaseUrl:
        """The same database through the proxy."""
        port = str(self._listener.getsockname()[1])
        return replace(self.url, parameters={**self.url.parameters, "host": "127.0.0.1", "port": port})

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed: the test is over
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                parameters = self.url.parameters
                server.connect(f"{parameters['host']}/.s.PGSQL.{parameters['port']}")
                threading.Thread(target=self._forwards, args=(client, server), daemon=True).start()

    def _forwards(self, client: socket.socket, server: socket.socket) -> None:
        """From the client to the server, message by message; the way back runs in a thread of its own."""
        self._open.extend((client, server))
        gate = _Gate()
        threading.Thread(target=_backwards, args=(client, server, gate), daemon=True).start()
        opens_segments = False
        with suppress(OSError):
            server.sendall(_startup(client))
            while message := _message(client):
                text = message[5:].split(b"\0", 1)[0].decode() if message[:1] == b"Q" else ""
                opens_segments = opens_segments or text.startswith(_OPENS_A_SEGMENT)
                cut = self._decide(text) if text and opens_segments else None
                if cut is not None and cut.awaits_answer:
                    gate.swallow()
                if cut is None or cut.reaches_server:
                    server.sendall(message)
                if cut is not None and cut.awaits_answer:
                    gate.answered.wait(60)
                if cut is Cut.EVERYTHING_AFTER:
                    self.answered()
                if cut is Cut.FOR_GOOD:
                    _end(self._listener)
                if cut in {Cut.EVERYTHING, Cut.EVERYTHING_AFTER, Cut.FOR_GOOD}:
                    for each in tuple(self._open):
                        _end(each)
                if cut is Cut.CLIENT_ONLY:
                    client.close()
                    time.sleep(self.server_side_lives)
                if cut is not None:
                    break
        _end(client)
        _end(server)

    def _decide(self, text: str) -> Cut | None:
        with self._guard:
            self._counts[text] = self._counts.get(text, 0) + 1
            seen = Seen(text=text, count=self._counts[text])
            cut = self.where(seen)
            if cut is not None:
                self.cuts.append(seen)
            return cut


class _Gate:
    """Lets answers through until they shall be swallowed."""

    def __init__(self) -> None:
        self.is_open = True
        self.answered = threading.Event()

    def swallow(self) -> None:
        self.is_open = False


def _backwards(client: socket.socket, server: socket.socket, gate: _Gate) -> None:
    with suppress(OSError):
        while answer := server.recv(65536):
            if not gate.is_open:
                gate.answered.set()
                return
            client.sendall(answer)
    _end(client)


def _startup(client: socket.socket) -> bytes:
    head = _exactly(client, 4)
    return head + _exactly(client, struct.unpack("!I", head)[0] - 4)


def _message(client: socket.socket) -> bytes:
    """One message with its type; empty when the client has gone."""
    head = _exactly(client, 5)
    return head and head + _exactly(client, struct.unpack("!I", head[1:])[0] - 4)


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()

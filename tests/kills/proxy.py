"""A TCP proxy before the server that cuts a connection where it is told: before a statement arrives, or its answer."""

from __future__ import annotations

import json
import select
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from tests.kills.strikes import UNANSWERED, UNSENT

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from coordinator.model.target import DatabaseUrl


class Proxy:
    """Listens on a port of this machine for the length of a `with` block; `control` is told what to cut."""

    def __init__(self, server: DatabaseUrl, folder: Path) -> None:
        self._server = f"{server.parameters['host']}/.s.PGSQL.{server.parameters['port']}"
        self.control = folder / "proxy"
        self._orders: dict[int, str] = {}  # client's port -> what is to be cut

    def __enter__(self) -> Self:
        self._clients = socket.create_server(("127.0.0.1", 0))
        self.port = self._clients.getsockname()[1]
        self._commands = socket.socket(socket.AF_UNIX)
        self._commands.bind(str(self.control))
        self._commands.listen()
        for listener, serve in ((self._clients, self._carry), (self._commands, self._obey)):
            threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in (self._clients, self._commands):
            with suppress(OSError):  # wakes up the thread that accepts
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.control.unlink(missing_ok=True)

    def _obey(self, caller: socket.socket) -> None:
        order = json.loads(caller.makefile().readline())
        self._orders[order["port"]] = order["do"]
        caller.sendall(b"\n")

    def _carry(self, client: socket.socket) -> None:
        port = client.getpeername()[1]
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    order = self._orders.get(port)
                    if not data or order == (UNSENT if source is client else UNANSWERED):
                        self._orders.pop(port, None)
                        return
                    (server if source is client else client).sendall(data)


def _accept(listener: socket.socket, serve: object) -> None:
    assert callable(serve)
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:  # the block is over
            return
        threading.Thread(target=_serve, args=(caller, serve), daemon=True).start()


def _serve(caller: socket.socket, serve: object) -> None:
    assert callable(serve)
    with caller, suppress(ConnectionError):
        serve(caller)

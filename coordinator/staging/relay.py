"""A way from a container to a database that only this process can reach: bytes are handed on, both ways."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 65536
_DESKTOP_NAME = "host.docker.internal"


@contextmanager
def relay(database: tuple[str, int], *, container_address: str) -> Iterator[tuple[str, int]]:
    """Listen where the container can reach us, hand on to `database`; the address and port for the container.

    `database` is host and port, or a socket's directory and port. The login stays the database's own.
    """
    bind, name = _facing(container_address)
    with socket.create_server((bind, 0)) as listener:
        stopping = threading.Event()
        worker = threading.Thread(target=_accept, args=(listener, database, stopping), daemon=True)
        worker.start()
        try:
            yield name, listener.getsockname()[1]
        finally:
            stopping.set()
            # A blocked accept() does not wake when its socket is closed: it is woken by a caller.
            socket.create_connection(listener.getsockname()[:2], timeout=5).close()
            worker.join(timeout=5)


def _facing(container_address: str) -> tuple[str, str]:
    """The address to listen at, and its name inside the container."""
    if sys.platform == "darwin":  # the engine is in a virtual machine that knows us by a name
        return "127.0.0.1", _DESKTOP_NAME
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((container_address, 9))  # sends nothing: asks the kernel for our side of the way
        address = str(probe.getsockname()[0])
    return address, address


def _accept(listener: socket.socket, database: tuple[str, int], stopping: threading.Event) -> None:
    while True:
        client, _ = listener.accept()
        if stopping.is_set():
            client.close()
            return
        threading.Thread(target=_hand_on, args=(client, database), daemon=True).start()


def _hand_on(client: socket.socket, database: tuple[str, int]) -> None:
    """One connection from its beginning to its end; the client sees a closed one when there is no server."""
    with client, suppress(OSError), _connect(database) as server:
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join()


def _connect(database: tuple[str, int]) -> socket.socket:
    host, port = database
    if not host.startswith("/"):
        return socket.create_connection((host, port), timeout=10)
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends; then tell the sink, whose own answer may still be under way."""
    source.settimeout(None)
    with suppress(OSError):  # one side is gone: the other thread sees it on its own socket
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)

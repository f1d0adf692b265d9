"""What can happen to a command at a point: it is killed, or one of the others is who keeps it from going on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from coordinator.staging import postmaster
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.kills.watch import Moment

KILL, TERMINATE, STOP, UNSENT, UNANSWERED = "kill", "terminate", "stop", "unsent", "unanswered"
HOWS = (KILL, TERMINATE, STOP, UNSENT, UNANSWERED)
_WITHIN = 30.0  # seconds


def strike_named(name: str, request: Mapping[str, Any]) -> Callable[[Moment], None]:
    """The strike of that name; `request` has the addresses that it needs."""
    strikes: dict[str, Callable[[Moment], None]] = {
        KILL: lambda moment: _kill(),
        TERMINATE: lambda moment: _terminate(moment, request["admin"]),
        STOP: lambda moment: _stop_and_start(Path(request["cluster"]), Path(request["sockets"])),
        UNSENT: lambda moment: _tell_proxy(moment, request["proxy"], UNSENT),
        UNANSWERED: lambda moment: _tell_proxy(moment, request["proxy"], UNANSWERED),
    }
    return strikes[name]


def _kill() -> None:
    """SIGKILL to the process and what it has started."""
    os.killpg(0, signal.SIGKILL)
    signal.pause()


def _terminate(moment: Moment, admin: str) -> None:
    """Another session ends the server process of the main connection, and waits until it is gone."""
    assert moment.main is not None, "there is no main connection yet"
    with psycopg.connect(admin, autocommit=True) as other:
        ended = other.execute("SELECT pg_terminate_backend(%s, %s)", (moment.main, int(_WITHIN * 1000)))
        assert ended.fetchone() == (True,), "the main connection is gone already"


def _stop_and_start(directory: Path, sockets: Path) -> None:
    """The server of a cluster of our own falls over, and is started again at once, at the same address."""
    pid = int((directory / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
    os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + _WITHIN
    while postmaster.find(directory / "data") is not None:
        assert time.monotonic() < deadline, "the server does not stop"
        time.sleep(0.01)
    # Its other users stay users, so it is left running.
    with LocalCluster(find_binaries(environment=os.environ), directory) as cluster:
        if sockets.is_symlink():
            sockets.unlink()
        else:
            shutil.rmtree(sockets, ignore_errors=True)
        sockets.symlink_to(cluster.url().parameters["host"])


def _tell_proxy(moment: Moment, control: str, what: str) -> None:
    """What is sent next on this connection does not arrive, or its answer does not."""
    assert moment.connection is not None
    with socket.socket(fileno=os.dup(moment.connection.pgconn.socket)) as ours:
        port = ours.getsockname()[1]
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.connect(control)
        proxy.sendall(json.dumps({"port": port, "do": what}).encode() + b"\n")
        assert proxy.recv(1) == b"\n", "the proxy does not know the connection"

"""Workers of a watched command: forked where a program start would cost half a second each time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from coordinator.worker import process

if TYPE_CHECKING:
    from tests.kills.watch import Watch


def fork_workers(watch: Watch) -> None:
    """Let workers of our own interpreter be forks of this process; they get nothing but their pipe, as ever."""

    def popen(arguments: list[str], **names: Any) -> Any:
        if arguments[0] != sys.executable:
            return subprocess.Popen(arguments, **names)
        watch.point("process", "worker")
        return _Forked(int(arguments[-1]), watch, names)

    process.subprocess = SimpleNamespace(  # type: ignore[assignment,attr-defined] # as much of it as is used
        Popen=popen,
        DEVNULL=subprocess.DEVNULL,
        STDOUT=subprocess.STDOUT,
        TimeoutExpired=subprocess.TimeoutExpired,
    )


class _Forked:
    """As much of a Popen as a worker's owner uses."""

    def __init__(self, descriptor: int, watch: Watch, names: dict[str, Any]) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            watch.active = False
            _be_worker(descriptor, names)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("worker", timeout or 0.0)
            time.sleep(0.002)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _be_worker(descriptor: int, names: dict[str, Any]) -> NoReturn:
    """Everything of the parent but its memory is given back before authors' code runs."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(names["stdout"].fileno(), 1)
        os.dup2(1, 2)
        os.closerange(3, descriptor)
        os.closerange(descriptor + 1, 1024)
        os.chdir(names["cwd"])
        os.environ.clear()
        os.environ.update(names["env"])
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115 - as long as the process
        from coordinator.worker.child import main

        main(descriptor)
    finally:
        sys.stdout.flush()
        os._exit(0)

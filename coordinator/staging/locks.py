"""Locks on files: released by the kernel when their holder dies, so nothing has to be believed."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_SECONDS = 0.02


class FileLock:
    """One open lock on a file. Two of them on one file exclude each other, also inside one process."""

    def __init__(self, path: Path) -> None:
        # O_CLOEXEC (Python's default) matters: a server that we start must not inherit the lock.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def try_exclusive(self) -> bool:
        """Take the lock alone; False when somebody else has it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take the lock beside others; False when somebody has it alone."""
        return self._try(fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def exclusive(path: Path, *, timeout: float = 120) -> Iterator[None]:
    """Hold `path` alone. UnreachableError after `timeout` seconds."""
    lock = FileLock(path)
    try:
        deadline = time.monotonic() + timeout
        while not lock.try_exclusive():
            if time.monotonic() > deadline:
                raise UnreachableError(
                    f"Another process has held '{path}' for {timeout:.0f} s.",
                    help="It is starting or stopping a server; look for it with 'ps', then try again.",
                )
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        lock.close()

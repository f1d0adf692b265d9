"""The directory in which a worker's process runs: whose it is, and how one is known that a killed coordinator left."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import time
from pathlib import Path

from coordinator.temporary import temporary_directory

_NAME = re.compile(r"migrate-worker-(?P<pid>\d+)-\w+")
_BEING_MADE_SECONDS = 60


class Scratch:
    """A new directory. Its lock is held until `remove`, or given back by the kernel when this process is killed.

    Raises SettingsError when no directory for temporary files can be written.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(
            prefix=f"migrate-worker-{os.getpid()}-", dir=temporary_directory()
        )
        self.path = Path(self._directory.name)
        # Python's descriptors are not inherited by the programs that it starts: the worker does not hold the lock.
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        self._directory.cleanup()
        os.close(self._descriptor)


def maker_of(path: Path) -> int | None:
    """The pid of the process that made a scratch directory; None when the name is none of ours."""
    match = _NAME.fullmatch(path.name)
    return int(match["pid"]) if match else None


def is_abandoned(path: Path) -> bool:
    """Whether the process that made a scratch directory is gone. A pid alone would not tell: it may be taken anew."""
    pid = maker_of(path)
    if pid is None:
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # gone meanwhile, or no directory of ours
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        age = time.time() - os.fstat(descriptor).st_mtime
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return age > _BEING_MADE_SECONDS or not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""Servers that run for nobody, and directories that were never finished or are long unused."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.model.staging import Leftover, LeftoverKind
from coordinator.model.target import TARGET_DIRECTORY
from coordinator.staging import postmaster, processes
from coordinator.staging.cluster import is_used, remove_if_unused, stop_if_unused
from coordinator.staging.locks import exclusive
from coordinator.staging.server_user import server_user
from coordinator.temporary import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNUSED_DAYS = 30
_UNFINISHED_SECONDS = 3600


def cluster_directories(state: Path) -> tuple[Path, ...]:
    """The clusters of a project: the embedded target's first, if there is one, then the disposable ones."""
    directories = [state / TARGET_DIRECTORY, *sorted(state.glob("staging-*"))]
    return tuple(path for path in directories if (path / "lock").exists())


def find(directory: Path) -> Iterator[Leftover]:
    """What is left in one cluster's directory; nothing while somebody uses it."""
    if is_used(directory):
        return
    server = postmaster.find(directory / "data")
    if server:
        reason = f"its server, process {server.pid}, runs for nobody"
        yield Leftover(kind=LeftoverKind.PROCESS, name=str(server.pid), place=str(directory), reason=reason)
    for part in sorted(directory.glob("initdb-*")):
        yield _directory(part, "it was never finished")
    days = (time.time() - (directory / "users").stat().st_mtime) / 86400
    if directory.name != TARGET_DIRECTORY and days > _UNUSED_DAYS:
        yield _directory(directory, f"nobody has used it for {days:.0f} days")


def find_sockets() -> Iterator[Leftover]:
    """Directories for sockets whose server is gone."""
    uid = server_user(Path("/nonexistent")).uid
    for parent in dict.fromkeys((temporary_directory(), Path("/tmp"))):  # noqa: S108  # as the server's maker
        for path in sorted(parent.glob(f"{postmaster.SOCKET_PREFIX}*")):
            with suppress(FileNotFoundError):  # its server has just stopped, and took it along
                found = path.lstat()
                if path.is_dir() and found.st_uid in {uid, os.geteuid()} and _is_abandoned(path):
                    yield _directory(path, "the server of its sockets is gone")


def remove(leftover: Leftover) -> bool:
    """Stop or delete it, if it is still nobody's. True when that was done."""
    if leftover.kind is LeftoverKind.PROCESS:
        return stop_if_unused(Path(leftover.place))
    path = Path(leftover.name)
    if path.name.startswith(postmaster.SOCKET_PREFIX):
        if not _is_abandoned(path):
            return False
        shutil.rmtree(path)
        return True
    if path.name.startswith("initdb-"):
        with exclusive(path.parent / "lock"):  # who is making one holds it
            shutil.rmtree(path)
        return True
    return remove_if_unused(path)


def _is_abandoned(sockets: Path) -> bool:
    """Whether no server can be behind these sockets: its process is gone, or none was ever started."""
    locks = list(sockets.glob(".s.PGSQL.*.lock"))
    if locks:
        return not any(processes.started(int(lock.read_text().split("\n", 1)[0])) for lock in locks)
    return time.time() - sockets.stat().st_mtime > _UNFINISHED_SECONDS


def _directory(path: Path, reason: str) -> Leftover:
    return Leftover(kind=LeftoverKind.DIRECTORY, name=str(path), place=str(path.parent), reason=reason)

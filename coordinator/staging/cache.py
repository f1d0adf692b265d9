"""Server programs kept once for a user: unpacked, or copied to where the server's user can run them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.staging.locks import exclusive
from coordinator.temporary import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = "migration-coordinator"


def unpacked(archive: Path, *, environment: Mapping[str, str]) -> Path:
    """The directory with the contents of `archive` (a tar file), unpacked at the first call."""

    def fill(directory: Path) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(directory, filter="data")

    return _once(archive.name.removesuffix(".tar.gz"), archive, fill, environment=environment)


def copied(tree: Path, beside: tuple[Path, ...], *, environment: Mapping[str, str]) -> Path:
    """A copy of `tree` that every user of this machine can read and run, and only its maker can change.

    The libraries in `beside` are found by their place relative to the tree, so they are copied with it.
    """
    base = Path(os.path.commonpath([tree.parent, *(path.parent for path in beside)]))
    parts = [tree / "bin", tree / "lib", tree / "share", *beside]

    def fill(directory: Path) -> None:
        for part in parts:
            shutil.copytree(part, directory / part.relative_to(base), symlinks=True)

    return _once("copy", tree / "bin" / "postgres", fill, environment=environment) / tree.relative_to(base)


def _once(name: str, source: Path, fill: Callable[[Path], None], *, environment: Mapping[str, str]) -> Path:
    """`fill` a new directory once for each state of `source`; seen by others only when it is complete."""
    found = source.stat()
    seal = hashlib.sha256(f"{source}:{found.st_size}:{found.st_mtime_ns}".encode()).hexdigest()[:12]
    home = cache_directory(environment)
    ready = home / f"{name}-{seal}"
    if ready.is_dir():
        return ready
    with exclusive(home / "lock"):
        if not ready.is_dir():
            part = Path(tempfile.mkdtemp(prefix="part-", dir=home))
            try:
                fill(part)
                part.chmod(0o755)
                part.rename(ready)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return ready


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Where such trees lie (or `MIGRATE_CACHE_DIR`). UnreachableError if others may write it."""
    refusals = []
    for directory in _candidates(environment):
        try:
            if not directory.exists():
                directory.mkdir(parents=True, exist_ok=True)
                directory.chmod(0o755)  # whatever the umask: the server's user must get in
        except OSError as exc:
            refusals.append(f"{directory}: {exc.strerror}")
            continue
        found = directory.lstat()
        # What lies here is executed, by root too: nobody else may have made it or be able to change it.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            refusals.append(f"{directory}: it belongs to, or can be written by, another user")
        elif not os.access(directory, os.W_OK):
            refusals.append(f"{directory}: not writable")
        else:
            return directory
    raise UnreachableError(
        "There is no directory to keep PostgreSQL's programs in.",
        help="Name one that only you can write in MIGRATE_CACHE_DIR.",
        details=tuple(refusals),
    )


def _candidates(environment: Mapping[str, str]) -> tuple[Path, ...]:
    if environment.get("MIGRATE_CACHE_DIR"):
        return (Path(environment["MIGRATE_CACHE_DIR"]),)
    temporary = temporary_directory() / f"{_NAME}-{os.geteuid()}"
    if os.geteuid() == 0:
        return Path("/var/cache") / _NAME, temporary
    home = Path(environment.get("HOME", "/nonexistent"))
    default = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(environment.get("XDG_CACHE_HOME") or default) / _NAME, temporary

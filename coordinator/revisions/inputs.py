"""The files that shaped what a revision did, by the digests of their bytes."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.model.capture import InputFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.module import Module

_REMEMBERED = 20_000  # files of one process: helpers are read for every revision that uses them


def input_files(module: Module, paths: Iterable[str]) -> tuple[InputFile, ...]:
    """These files as seen from the module's folder, sorted, each once."""
    folder = Path(os.path.abspath(module.path))
    found = {Path(os.path.relpath(each, folder)).as_posix(): each for each in paths}
    return tuple(InputFile(path=path, sha256=file_digest(Path(found[path]))) for path in sorted(found))


def file_digest(file: Path) -> str:
    """SHA-256 of the file's bytes in hexadecimal; empty when it is not there, cannot be read, or is no regular file.

    A device or a pipe has no bytes of its own, and reading it might never end.
    """
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            return ""
        return _digest(str(file), status.st_mtime_ns, status.st_size, status.st_ino)
    except OSError:
        return ""


@functools.lru_cache(maxsize=_REMEMBERED)
def _digest(file: str, changed: int, size: int, inode: int) -> str:
    """The digest of a file that looks like this from outside; another look, another entry."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old one or the whole new one. Raises OSError.

    A link stays a link, and a device or a pipe, which no file can take the place of, is written to.
    """
    place = path.resolve()
    if place.exists() and not place.is_file() and not place.is_dir():
        place.write_bytes(content)
        return
    number, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(_mode(place))
        Path(name).replace(place)
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _mode(place: Path) -> int:
    """Of the file that is replaced; else what this process gives to new files."""
    with suppress(OSError):
        return place.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask

"""Files that a command writes at its end: reserved before it begins, and each there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

STANDARD_OUTPUT = "-"


@dataclass(slots=True)
class _Reserved:
    """A file in the same folder, that takes the other's place when it is complete; None: written as it is."""

    path: Path
    option: str  # that named it
    part: Path | None


@dataclass(slots=True)
class ReportFiles:
    """The files of one command; use it as a context manager, so that nothing half written is left behind."""

    _reserved: dict[Path, _Reserved] = field(default_factory=dict)

    def __enter__(self) -> ReportFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._reserved.values():
            if each.part is not None:
                with suppress(FileNotFoundError):
                    each.part.unlink()

    def reserve(self, path: Path, option: str) -> None:
        """Make sure that the file can be written later. Raises UsageError when it cannot, or is named twice."""
        place = Path(os.path.realpath(path))
        if place in self._reserved:
            raise UsageError(f"The file '{path}' is named twice.", help="Give each report its own.")
        if (
            path.exists() and not path.is_file()
        ):  # as it is named: what /dev/stdout leads to has no path of its own
            if path.is_dir():
                raise _unwritable(path, option, "it is a directory")
            # A device or a pipe: nothing can take its place.
            self._reserved[place] = _Reserved(path, option, None)
            return
        try:
            if place.exists():
                with place.open("ab"):
                    pass  # a file that may not be written is not replaced either
            handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        except OSError as error:
            raise _unwritable(path, option, error.strerror or str(error)) from error
        os.close(handle)
        self._reserved[place] = _Reserved(path, option, Path(name))

    def write(self, path: Path, text: str) -> None:
        """Write a reserved file. Raises UsageError when the disk does not take it after all."""
        place = Path(os.path.realpath(path))
        reserved = self._reserved[place]
        data = text.encode("utf-8", errors="backslashreplace")
        try:
            if reserved.part is None:
                reserved.path.write_bytes(data)
                return
            with reserved.part.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            reserved.part.chmod(_mode(place))
            reserved.part.replace(place)
        except OSError as error:
            raise _unwritable(path, reserved.option, error.strerror or str(error)) from error


def _unwritable(path: Path, option: str, why: str) -> UsageError:
    return UsageError(f"The file '{path}' cannot be written: {why}.", help=f"Name another one with {option}.")


def _mode(place: Path) -> int:
    if place.exists():
        return place.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask

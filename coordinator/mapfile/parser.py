"""database_map.md to a DatabaseMap: the file, and the text in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import MapError
from coordinator.mapfile.document import finish, read_draft
from coordinator.model.finding import Finding
from coordinator.model.names import Place

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.database_map import DatabaseMap

LARGEST = 16 * 1024 * 1024  # bytes; a map of ten thousand tables has about 4 million


def parse_map(text: str, *, file: str) -> DatabaseMap:
    """Read a map in either form. `file` is the name that findings show.

    Raises MapError with every problem when the text holds a contradiction, a fact that cannot be read, or no
    module at all. What was merely not understood is carried as warnings in `problems`.
    """
    return finish(read_draft(text, file=file))


def read_map(path: Path) -> DatabaseMap:
    """Read the map in a file. Raises MapError when the file or what it says cannot be used."""
    return parse_map(read_text(path), file=str(path))


def read_text(path: Path) -> str:
    """The text of a map file. Raises MapError when there is none, or it is no text."""
    if path.is_dir():
        raise _unreadable(path, f"the map '{path}' is a directory", "name the Markdown file")
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise _unreadable(path, f"the map '{path}' has {size:,} bytes", f"a map has at most {LARGEST:,}")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        message = f"there is no map at '{path}'"
        raise _unreadable(path, message, "write one with: migrate map write") from error
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error
    except OSError as error:
        raise _unreadable(
            path, f"the map '{path}' cannot be read: {error.strerror}", "check its rights"
        ) from error


def _not_utf8(path: Path, error: UnicodeDecodeError) -> MapError:
    before = error.object[: error.start]
    line = before.count(b"\n") + 1
    column = error.start - (before.rfind(b"\n") + 1) + 1
    message = f"the map '{path}' is no UTF-8 text: byte 0x{error.object[error.start]:02x} at line {line}"
    return _unreadable(path, message, "save it as UTF-8", line=line, column=column)


def _unreadable(path: Path, message: str, remedy: str, *, line: int = 0, column: int = 0) -> MapError:
    finding = Finding(
        rule="map-unreadable", message=message, place=Place(str(path), line, column), help=remedy
    )
    return MapError(message, (finding,), help=remedy)

"""The settings file: where it is, what it holds, and on which line each key stands."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from coordinator.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Table: TypeAlias = "dict[str, Any]"
KeyPath: TypeAlias = "tuple[str, ...]"

FILE_NAME = "migrate.toml"
PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The table of settings that a file holds; `prefix` is where it lies in the file."""

    file: Path
    text: str = field(repr=False)
    prefix: KeyPath
    table: Mapping[str, Any] = field(repr=False)

    def where(self, *keys: str) -> str:
        """`file:line` of a key below the settings' table, or of the nearest table around it."""
        lines = key_lines(self.text)
        path = (*self.prefix, *keys)
        while path and path not in lines:
            path = path[:-1]
        return f"{self.file}:{lines[path]}" if path else str(self.file)


def find_source(start: Path) -> Source:
    """The settings file in `start` or the nearest folder above it. Raises SettingsError without one."""
    for folder in (start, *start.parents):
        found = [source for name in (FILE_NAME, PYPROJECT) if (source := _read(folder / name)) is not None]
        if len(found) > 1:
            raise SettingsError(
                f"Both {found[0].file} and {found[1].file} hold settings.",
                help=f"Keep the settings in one of them: {FILE_NAME}, or [tool.migrate] in {PYPROJECT}.",
            )
        if found:
            return found[0]
    raise SettingsError(
        f"No settings were found in {start} or any folder above it.",
        help=f"Wanted is a {FILE_NAME}, or a {PYPROJECT} with [tool.migrate]; docs/settings.md shows both.",
    )


def _read(file: Path) -> Source | None:
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{file} is not UTF-8 text: byte {error.start} cannot be read.", help="Save it as UTF-8."
        ) from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{file} is not TOML: {error}.", help="Correct it there; docs/settings.md shows every key."
        ) from error
    tool = document.get("tool")
    if isinstance(tool, dict) and "migrate" in tool:
        table = tool["migrate"]
        if not isinstance(table, dict):
            raise SettingsError(f"{file}: [tool.migrate] must be a table of settings.")
        return Source(file=file, text=text, prefix=("tool", "migrate"), table=table)
    return None if file.name == PYPROJECT else Source(file=file, text=text, prefix=(), table=document)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, counted from 1, of every key and table of a TOML text.

    tomllib keeps no positions, so each statement is given to it again by itself: a statement is as many
    lines as it takes to be TOML, and what it defines stands on its first line.
    """
    lines = text.replace("\r\n", "\n").split("\n")  # not splitlines: a text may hold other line ends
    places: dict[KeyPath, int] = {}
    header: KeyPath = ()
    index = 0
    while index < len(lines):
        statement, table = _statement(lines, index)
        if lines[index].lstrip().startswith("["):
            header = max(_keys(table), key=len, default=())
            for length in range(1, len(header) + 1):
                places.setdefault(header[:length], index + 1)
        else:
            for path in _keys(table):
                places.setdefault((*header, *path), index + 1)
        index += statement
    return places


def _statement(lines: list[str], start: int) -> tuple[int, Table]:
    for count in range(1, len(lines) - start + 1):
        try:
            return count, tomllib.loads("\n".join(lines[start : start + count]))
        except tomllib.TOMLDecodeError:
            continue
    return 1, {}


def _keys(value: object, prefix: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and not value[0]:
        return  # `[[name]]`: an array of tables is no key of ours, and its name has been given
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*prefix, key)
            yield from _keys(item, (*prefix, key))

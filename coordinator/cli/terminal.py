"""What a stream can show: its width, whether colour is welcome, and paths as short as they can be."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.streams import write_line
from coordinator.reports.page import broken
from coordinator.reports.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")

WIDTH = 80  # of what goes to a file or a pipe
_WIDEST = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """A stream and what it can show."""

    stream: TextIO
    interactive: bool
    colour: bool
    width: int
    write: Callable[[str], None] | None = None  # takes a line in place of the stream, while a bar is below it

    def line(self, text: str = "") -> None:
        """Write one line."""
        self._emit(shorten_paths(text))

    def wrapped(self, text: str, *, indent: str = "", following: str | None = None) -> None:
        """Write a sentence, broken at the width of the stream, but not inside of a command in backticks."""
        after = indent if following is None else following
        for each in broken(shorten_paths(text), self.width, first=indent, then=after) or [indent]:
            self._emit(each)

    def _emit(self, text: str) -> None:
        text = _harmless(text, colour=self.colour)
        if self.write is not None:
            self.write(text)
        else:
            write_line(text, self.stream, colour=self.colour)

    def styled(self, text: str, colour: str, *, bold: bool = False) -> str:
        """The text in colour, where that is welcome."""
        return click.style(text, fg=colour, bold=bold) if self.colour else text


def _harmless(text: str, *, colour: bool) -> str:
    """The text without what would move a cursor, rename a window or turn a line around.

    Names and messages come from authors' files and from servers. Our own colours stay, where there are any.
    """
    shown = [part if colour and _STYLE.fullmatch(part) else harmless(part) for part in _STYLE.split(text)]
    return "".join(shown)


def terminal(stream: TextIO | None = None) -> Terminal:
    """What `stream` (standard error when not named) can show; NO_COLOR and TERM=dumb are obeyed."""
    chosen = sys.stderr if stream is None else stream
    interactive = chosen.isatty()
    colour = interactive and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, _WIDEST) if interactive else WIDTH
    return Terminal(stream=chosen, interactive=interactive, colour=colour, width=width)


def shorten_paths(text: str) -> str:
    """Write files below the current directory relative to it."""
    here = str(Path.cwd())
    return text if here == "/" else text.replace(here + os.sep, "")

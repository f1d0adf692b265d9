"""What a text report is written on: its width, whether colour is welcome, and the folder that paths start from."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from coordinator.reports.wording import harmless

Paint: TypeAlias = Callable[[str, str], str]
"""Puts a text in a colour ("green", "red", "yellow", "cyan", "blue")."""

_COMMAND = re.compile(r"`[^`]*`")
_UNBROKEN = "\x1f"  # stands for a space inside a command while lines are broken; no text holds it
WIDTH = 80  # characters, of a file or a pipe


def plain(text: str, colour: str) -> str:
    """The Paint of a file or a pipe."""
    return text


def broken(text: str, width: int, *, first: str = "", then: str = "") -> list[str]:
    """The lines of a sentence: `first` before the first of them, `then` before the others; none of an empty one.

    A command in backticks stays on one line, so that it can be copied.
    """
    lines = textwrap.wrap(
        _COMMAND.sub(lambda match: match[0].replace(" ", _UNBROKEN), text),
        width,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_UNBROKEN, " ") for line in lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that text is written on. Files below `folder` are named relative to it."""

    width: int = WIDTH
    paint: Paint = plain
    folder: str = ""

    def short(self, text: str) -> str:
        """The text with its paths as short as they can be."""
        return text.replace(f"{self.folder.rstrip('/')}/", "") if self.folder.strip("/") else text

    def wrapped(
        self, text: str, *, first: str = "", then: str = "", lead: str = "", colour: str = ""
    ) -> list[str]:
        """The lines of a sentence: `first` before the first of them, `then` before the others.

        `lead` is put in front of the text and painted after the lines were broken: colours have no width.
        """
        lines = broken(harmless(self.short(lead + text)), self.width, first=first, then=then) or [
            first.rstrip()
        ]
        if lead and lines[0].startswith(first + lead):
            lines[0] = first + self.paint(lead, colour) + lines[0][len(first + lead) :]
        return lines

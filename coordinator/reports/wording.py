"""How numbers, names and times are worded in every report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

# Control characters but tab and line feed, and those that change the direction of a text.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def one_line(text: str) -> str:
    """The text on one line, without anything that could move a terminal's cursor or colour it."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(shown.split())


def harmless(text: str) -> str:
    """The text with a mark in the place of what would move a cursor, rename a window or turn a line around."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def shortened(text: str, width: int) -> str:
    """The text cut to `width` characters, with an ellipsis where something is missing."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def seconds_text(seconds: float) -> str:
    """`0.12 s`, `14 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(when: datetime | None) -> str:
    """Date and time to the second with the zone's offset, or a dash."""
    return "-" if when is None else when.isoformat(sep=" ", timespec="seconds")

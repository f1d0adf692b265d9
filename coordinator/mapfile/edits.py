"""Changes to the lines of a document: what is dropped, replaced and put in, with every other line left as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LISTED = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])\s")
_APART = "<!-- -->"  # Markdown's own way to end a list before another one


@dataclass(slots=True, kw_only=True)
class Edits:
    """Edits to `lines`, by line number from 0. A line that no edit names survives as it stands."""

    lines: Sequence[str]
    dropped: set[int] = field(default_factory=set)
    replaced: dict[int, str] = field(default_factory=dict)
    followed: dict[int, list[str]] = field(default_factory=dict)  # new lines right after a line
    items: set[int] = field(default_factory=set)  # lines of lists that hold facts
    blocks: dict[int, list[list[str]]] = field(
        default_factory=dict
    )  # new blocks before a line, apart from others

    def drop(self, span: tuple[int, int]) -> None:
        """Take out the lines of a span."""
        self.dropped.update(range(*span))

    def replace(self, span: tuple[int, int], line: str) -> None:
        """Put one line in the place of a span."""
        self.drop((span[0] + 1, span[1]))
        self.replaced[span[0]] = line

    def follow(self, line: int, new: Iterable[str]) -> None:
        """Put lines right after a line, whether or not that line stays."""
        self.followed.setdefault(line, []).extend(new)

    def insert(self, line: int, blocks: Iterable[list[str]]) -> None:
        """Put blocks before a line, with an empty line between each."""
        self.blocks.setdefault(line, []).extend(blocks)

    def __bool__(self) -> bool:
        return bool(self.dropped or self.replaced or self.followed or self.blocks)

    def apply(self) -> str:
        """The edited document. Empty lines are doubled nowhere that an edit has touched."""
        out: list[str] = []
        touched = False  # the last thing that happened was an edit
        for number in range(len(self.lines) + 1):
            for block in self.blocks.get(number, ()):
                _separate(out)
                out.extend(block)
                out.append("")
                touched = True
            if number == len(self.lines):
                break
            touched = self._line(number, out, touched=touched)
        while touched and len(out) > 1 and out[-1] == out[-2] == "":
            out.pop()
        return "\n".join(out)

    def _line(self, number: int, out: list[str], *, touched: bool) -> bool:
        line = self.replaced.get(number, self.lines[number])
        if number in self.dropped and number not in self.replaced:
            touched = True
        elif touched and not line.strip() and (not out or not out[-1].strip()):
            pass
        else:
            if touched and number not in self.items and _LISTED.match(line) and _ends_with_list(out):
                out.extend((_APART, ""))
            out.append(line)
            touched = False
        if new := self.followed.get(number):
            out.extend(new)
            touched = False
        return touched


def _ends_with_list(out: list[str]) -> bool:
    """Whether a list written next would become part of the one before the last empty lines."""
    above = next((each for each in reversed(out) if each.strip()), "")
    return bool(out) and not out[-1].strip() and _LISTED.match(above) is not None


def _separate(out: list[str]) -> None:
    if out and out[-1].strip():
        out.append("")

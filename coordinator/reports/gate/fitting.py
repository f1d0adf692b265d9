"""Parts of a Markdown document that must not become longer than a comment may be: what is cut is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# GitHub takes 65,536 characters for a comment; counted here in bytes, of which there are never fewer.
LIMIT: Final = 65_000
_NOTICE: Final = 160  # bytes kept free for saying what was left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part with a beginning and an end, and blocks between of which as many are shown as there is room for.

    `rank` says who gets room first (1 before 2). `whole`: rather nothing of it than a piece.
    """

    rank: int
    head: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]
    tail: tuple[str, ...] = ()
    noun: str = "entries"
    whole: bool = False


def fitted(parts: Sequence[Part], *, limit: int = LIMIT) -> str:
    """The parts in their order, none of them longer than what is left for it."""
    room = limit
    texts: dict[int, str] = {}
    for number, part in sorted(enumerate(parts), key=lambda each: each[1].rank):
        text = _shown(part, room)
        room -= _size(text)
        texts[number] = text
    return "".join(texts[number] for number in range(len(parts)))


def _shown(part: Part, room: int) -> str:
    left = room - _size(_lines(part.head)) - _size(_lines(part.tail))
    kept: list[tuple[str, ...]] = []
    for number, block in enumerate(part.blocks):
        size = _size(_lines(block))
        last = number == len(part.blocks) - 1
        if size > left - (0 if last else _NOTICE):
            break
        left -= size
        kept.append(block)
    missing = len(part.blocks) - len(kept)
    if part.blocks and (left < 0 or (missing and (part.whole or not kept))):
        return (
            _lines((f"*Left out here, or this would be too long: {_count(part)}.*", ""))
            if room > _NOTICE
            else ""
        )
    notice = (
        ("", f"*{missing} more {part.noun} are left out here; the JSON report has them.*") if missing else ()
    )
    return _lines((*part.head, *(line for block in kept for line in block), *notice, *part.tail))


def _count(part: Part) -> str:
    return f"{len(part.blocks)} {part.noun}"


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _size(text: str) -> int:
    return len(text.encode("utf-8", errors="replace"))

"""A Markdown document as the blocks a map is made of, each with its lines."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.mapfile.inline import Inline, read_inline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_PIPE = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading. Lines count from 0 and `end` is the line after the last, here and below."""

    level: int
    inline: Inline
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Lines of text as they stand in the source."""

    lines: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: its text and its column in the line, from 1. `raw` is the text with its marks."""

    inline: Inline
    raw: str
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table."""

    cells: tuple[Cell, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A Markdown table."""

    head: Row
    rows: tuple[Row, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a list: the lines of its own text, and the lists inside it."""

    lines: tuple[str, ...]
    line: int
    end: int  # of its own text
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list, numbered or not."""

    items: tuple[Item, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Fenced or indented code, without its margin. `first` is the line of the source where its content begins."""

    language: str
    lines: tuple[str, ...]
    first: int
    start: int
    end: int


Block = Heading | Paragraph | Table | Bullets | Fence


@functools.cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Lines are read lazily (`read_inline`), and tables are cut out of paragraphs below: the library makes three
    # tokens of every cell, which takes seconds for a map of a few megabytes.
    return MarkdownIt("commonmark", {"html": False}).disable(["inline", "html_block", "reference"])


def read_blocks(text: str, lines: list[str]) -> list[Block]:
    """The document's top-level blocks, and fences wherever they stand, in order. Other quotes hold no facts."""
    tokens = _markdown().parse(text)
    blocks: list[Block] = []
    position = 0
    while position < len(tokens):
        end = _closing(tokens, position)
        blocks.extend(_block(tokens[position : end + 1], lines))
        position = end + 1
    return blocks


def _closing(tokens: list[Token], position: int) -> int:
    if tokens[position].nesting <= 0:
        return position
    level = tokens[position].level
    position += 1
    while tokens[position].level != level or tokens[position].nesting != -1:
        position += 1
    return position


def _block(tokens: list[Token], lines: list[str]) -> Iterator[Block]:
    opening = tokens[0]
    start, end = opening.map or (0, 0)
    if opening.type == "heading_open":
        inline = read_inline(tokens[1].content)
        yield Heading(level=int(opening.tag[1:]), inline=inline, start=start, end=end)
    elif opening.type == "paragraph_open":
        yield from _paragraph_and_table(lines, start, end)
    elif opening.type in ("bullet_list_open", "ordered_list_open"):
        yield Bullets(items=_items(tokens[1:-1]), start=start, end=end)
        yield from (_fence(each) for each in tokens if each.type == "fence")
    elif opening.type == "blockquote_open":
        yield from (_fence(each) for each in tokens if each.type == "fence")
    elif opening.type in ("fence", "code_block"):
        yield _fence(opening)


def _fence(token: Token) -> Fence:
    start, end = token.map or (0, 0)
    return Fence(
        language=token.info.strip().split(" ")[0].lower(),
        lines=tuple(token.content.removesuffix("\n").split("\n")),
        first=start + (token.type == "fence"),
        start=start,
        end=end,
    )


def _paragraph_and_table(lines: list[str], start: int, end: int) -> Iterator[Block]:
    """A paragraph up to the line before a delimiter row (`|---|---|`), and the table from there."""
    for line in range(start + 1, end):
        if "|" in lines[line] and _DELIMITER.fullmatch(lines[line]) and "|" in lines[line - 1]:
            head = _row(lines, line - 1)
            if len(head.cells) != len(_row(lines, line).cells):
                continue
            if line - 1 > start:
                yield Paragraph(lines=tuple(lines[start : line - 1]), start=start, end=line - 1)
            rows = tuple(_row(lines, each, width=len(head.cells)) for each in range(line + 1, end))
            yield Table(head=head, rows=rows, start=line - 1, end=end)
            return
    yield Paragraph(lines=tuple(lines[start:end]), start=start, end=end)


def _row(lines: list[str], line: int, *, width: int = 0) -> Row:
    """One row; it gets empty cells up to `width`, as on the web."""
    source = lines[line]
    cells: list[Cell] = []
    start = 0
    for end in (*(match.start() for match in _PIPE.finditer(source)), len(source)):
        raw = source[start:end]
        is_edge = not raw.strip() and (start == 0 or end == len(source))
        if not is_edge:
            column = start + len(raw) - len(raw.lstrip()) + 1
            stripped = raw.strip().replace(r"\|", "|")
            cells.append(Cell(inline=read_inline(stripped), raw=stripped, column=column))
        start = end + 1
    cells.extend(Cell(inline=Inline(""), raw="", column=len(source) + 1) for _ in range(width - len(cells)))
    return Row(cells=tuple(cells), line=line)


def _items(tokens: list[Token]) -> tuple[Item, ...]:
    items: list[Item] = []
    position = 0
    while position < len(tokens):
        end = _closing(tokens, position)
        items.append(_item(tokens[position : end + 1]))
        position = end + 1
    return tuple(items)


def _item(tokens: list[Token]) -> Item:
    line, _ = tokens[0].map or (0, 0)
    own: tuple[str, ...] = ()
    end = line + 1
    nested: list[Item] = []
    position = 1
    while position < len(tokens) - 1:
        token = tokens[position]
        closing = _closing(tokens, position)
        if token.type == "paragraph_open" and not own:
            own = tuple(tokens[position + 1].content.split("\n"))
            line, end = token.map or (line, end)
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            nested.extend(_items(tokens[position + 1 : closing]))
        position = closing + 1
    return Item(lines=own, line=line, end=end, items=tuple(nested))

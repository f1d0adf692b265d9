"""Bullets and tree art as one outline of text, each node with its line and column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.mapfile.inline import read_inline
from coordinator.mapfile.words import LABELS, says_open
from coordinator.model.database_map import folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.mapfile.blocks import Item

_BRANCH = re.compile(r"^[\s│┃|]*(?:[├└┣┗╰][─━╌-]*|\|--+|\+--+|`--+|\\--+)[ \t]*")
_TRUNK = " \t\u00a0│┃|"
_BRANCH_MARK = re.compile(r"[├└┣┗╰]|(?:^|\s)(?:\|--|\+--|`--|\\--)")
_LABELLED = re.compile(r"^\W*([^:：]{2,30})[:：]")
_MODULE = re.compile(r"^\W*m[oó]dul[eo]\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One line of an outline. `line` counts from 0, `end` is the line after its text, `column` from 1."""

    text: str
    line: int
    end: int
    column: int
    children: tuple[Node, ...] = ()


def is_tree_art(lines: Sequence[str]) -> bool:
    """Whether branches are drawn in these lines."""
    return any(_BRANCH_MARK.search(line) for line in lines)


def starts_statement(text: str) -> bool:
    """Whether the text is a sentence of a map of its own and not the rest of the line before."""
    label = _LABELLED.match(text)
    return bool(_MODULE.match(text) or says_open(text) or (label and folded(label[1].strip(" *`")) in LABELS))


@dataclass(slots=True)
class _Draft:
    text: str
    line: int
    end: int
    column: int
    depth: int


def read_tree(lines: Sequence[str], first: int, source: Sequence[str], *, marked: bool) -> tuple[Node, ...]:
    """Tree art as nodes.

    `first` is the line of `source` that `lines[0]` is, with or without its margin; `marked` texts may hold
    Markdown's own marks.
    """
    drafts: list[_Draft] = []
    for offset, line in enumerate(lines):
        branch = _BRANCH.match(line)
        text_at = branch.end() if branch else len(line) - len(line.lstrip(_TRUNK))
        text = line[text_at:].rstrip()
        if not text:
            continue
        if branch is None and drafts and text_at > 0 and not starts_statement(text):
            drafts[-1].text += f" {text}"
            drafts[-1].end = first + offset + 1
            continue
        # A branch stands under whatever has its text further left than the branch's own mark.
        mark = len(line[:text_at].rstrip("─━╌- \t"))
        depth = mark if branch else (text_at if text_at else 0)
        shown = read_inline(text).text if marked else text
        number = first + offset
        margin = len(source[number]) - len(line)
        drafts.append(
            _Draft(text=shown, line=number, end=number + 1, column=margin + text_at + 1, depth=depth)
        )
    return _nested(drafts)


def _nested(drafts: Sequence[_Draft]) -> tuple[Node, ...]:
    """Drafts become children of the nearest earlier one that is less deep."""
    nodes: list[Node] = []
    position = 0
    while position < len(drafts):
        head = drafts[position]
        after = position + 1
        while after < len(drafts) and drafts[after].depth > head.depth:
            after += 1
        nodes.append(
            Node(
                text=head.text,
                line=head.line,
                end=head.end,
                column=head.column,
                children=_nested(drafts[position + 1 : after]),
            )
        )
        position = after
    return tuple(nodes)


def read_bullets(items: Sequence[Item], source: Sequence[str]) -> tuple[Node, ...]:
    """A Markdown list as nodes. A further line of an item that starts a statement is a child of it."""
    return tuple(_bullet(each, source) for each in items)


def _bullet(item: Item, source: Sequence[str]) -> Node:
    own = list(item.lines[:1])
    end = item.line + 1
    children: list[Node] = []
    for offset, line in enumerate(item.lines[1:], start=1):
        number = item.line + offset
        if starts_statement(read_inline(line).text):
            children.append(_line_node(line, number, source))
        elif children:
            last = children.pop()
            text = f"{last.text} {read_inline(line).text}"
            children.append(Node(text=text, line=last.line, end=number + 1, column=last.column))
        else:
            own.append(line)
            end = number + 1
    first = item.lines[0] if item.lines else ""
    return Node(
        text=read_inline("\n".join(own)).text,
        line=item.line,
        end=end,
        column=_column_of(first, item.line, source),
        children=(*children, *read_bullets(item.items, source)),
    )


def _line_node(line: str, number: int, source: Sequence[str]) -> Node:
    return Node(
        text=read_inline(line).text, line=number, end=number + 1, column=_column_of(line, number, source)
    )


def _column_of(text: str, line: int, source: Sequence[str]) -> int:
    return max(source[line].find(text.strip()), 0) + 1 if line < len(source) else 1

"""Sentences, names and folds as the gate's Markdown writes them."""

from __future__ import annotations

import re
from typing import Final

from coordinator.reports.escaping import markdown_cell, markdown_code, markdown_text
from coordinator.reports.wording import one_line, seconds_text, shortened

CLOSED: Final = ("", "</details>", "")
_LONGEST = 600  # characters of a sentence
_MENTION = re.compile(r"@(?=\w)")
_UNSEEN = "\u200b"  # after an @: else GitHub and GitLab write to whoever has that name
_QUOTED = re.compile(r"`([^`]+)`")


def prose(text: str, *, in_cell: bool = False) -> str:
    """A sentence letter by letter, in which what stands in backticks stays code; nobody's words can leave either."""
    line = shortened(one_line(text), _LONGEST)
    parts: list[str] = []
    position = 0
    for match in _QUOTED.finditer(line):
        code = markdown_code(match[1])
        parts.extend((_text(line[position : match.start()]), markdown_cell(code) if in_cell else code))
        position = match.end()
    return "".join((*parts, _text(line[position:])))


def _text(text: str) -> str:
    """The text with the blanks around it, which part it from the code beside it."""
    start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    shown = _MENTION.sub(f"@{_UNSEEN}", markdown_text(text))
    return f"{start}{shown}{end}" if text.strip() else text


def cell(name: str) -> str:
    """A name as code in a table."""
    return markdown_cell(markdown_code(name))


def took(seconds: float) -> str:
    """A time that is not broken at its unit."""
    return seconds_text(seconds).replace(" ", "&nbsp;")


def folded(title: str, *, open_: bool = False) -> tuple[str, ...]:
    """The beginning of a part that is folded away, or can be."""
    return (f"<details{' open' if open_ else ''}><summary>{_html(title)}</summary>", "")


def _html(text: str) -> str:
    """Text inside an HTML block, where Markdown does not count."""
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub(f"@{_UNSEEN}", shown)

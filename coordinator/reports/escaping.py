"""Other people's names and sentences, made harmless in Markdown, in mermaid and in SQL."""

from __future__ import annotations

import re

from coordinator.reports.wording import one_line

_MARKUP = re.compile(r"[\\`*_\[\]#!|~$<>&]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_BACKTICKS = re.compile(r"`+")
_HARMLESS = frozenset(" .,:/'+-=·→…_")


def markdown_text(text: str) -> str:
    """The text as Markdown shows it letter by letter: on one line, no markup, no HTML, no new table cell."""
    return _MARKUP.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), one_line(text))


def markdown_code(text: str) -> str:
    """The text as a code span. In a table's cell a `|` must be escaped even there; elsewhere it must not."""
    line = one_line(text)
    if not line:
        return ""
    fence = "`" * (max((len(each) for each in _BACKTICKS.findall(line)), default=0) + 1)
    return f"{fence} {line} {fence}" if line[0] == "`" or line[-1] == "`" else f"{fence}{line}{fence}"


def markdown_cell(code: str) -> str:
    """A code span of `markdown_code` for a table's cell."""
    return code.replace("|", "\\|")


def markdown_fence(text: str, language: str) -> list[str]:
    """The lines of a fenced block that nothing in the text can close."""
    longest = max((len(each) for each in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *text.splitlines(), fence]


def mermaid_text(text: str) -> str:
    """The text inside a quoted mermaid label: everything but letters, digits and harmless signs as an entity."""
    return "".join(
        each if each.isalnum() or each in _HARMLESS else f"#{ord(each)};" for each in one_line(text)
    )


def sql_name(*parts: str) -> str:
    """A quoted, dotted SQL identifier."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def sql_text(value: str) -> str:
    """A quoted SQL literal."""
    escaped = value.replace("'", "''")
    return f"E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in value else f"'{escaped}'"


def sql_comment(text: str) -> str:
    """A comment line that the text cannot leave."""
    return f"-- {one_line(text)}".rstrip()

"""The text inside a line of Markdown, and any text as a line of Markdown that reads back as itself."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# What may mean something. An underscore inside a word never does.
_MARKS = re.compile(r"[\\`*&<\[\n]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_LONGEST = 5000  # characters; nobody writes such a line, and brackets in it take the library minutes
_CODE_ONLY = re.compile(r"`([^`\n]+)`")
# A label in bold and code spans, without any other mark: what most lines of a map are.
_PLAIN = r"[^\\`*_&<\[\n]"
_LABELLED = re.compile(
    rf"(?:\*\*(?=\S)(?P<bold>{_PLAIN}+)(?<=\S)\*\*(?=\s|$))?(?P<rest>(?:{_PLAIN}|`(?! )[^`\n]+(?<! )`)*)"
)
_SAFE_IN_CODE = re.compile(r"(?! )[^`|\\\n\r\t]+(?<! )")
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~!]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Inline:
    """What a line says once its marks are gone. `code` is the code span it begins with, `bold` whether all is bold."""

    text: str
    code: str | None = None
    bold: bool = False

    @property
    def after_code(self) -> str:
        """What follows the leading code span; the whole text when there is none."""
        return self.text if self.code is None else self.text[len(self.code) :]


@functools.cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # html=False: a tag in a map is text, whatever it says.
    return MarkdownIt("commonmark", {"html": False})


@functools.lru_cache(maxsize=4096)  # a map says `integer` a thousand times
def read_inline(content: str) -> Inline:
    """Read one line of Markdown. Most lines of a map hold no marks, or one code span: those are quick."""
    if len(content) > _LONGEST or not _MARKS.search(content):
        return Inline(content)
    if match := _CODE_ONLY.fullmatch(content):
        code = match[1]
        if code.startswith(" ") and code.endswith(" ") and code.strip(" "):
            code = code[1:-1]
        return Inline(code, code=code)
    if (match := _LABELLED.fullmatch(content)) and not content.startswith("`"):
        return Inline((match["bold"] or "") + match["rest"].replace("`", ""), bold=match["bold"] is not None)
    tokens = _markdown().parseInline(content)[0].children or []
    code = tokens[0].content if tokens and tokens[0].type == "code_inline" else None
    bold = bool(tokens) and tokens[0].type == "strong_open"
    return Inline("".join(_text_of(each) for each in tokens), code=code, bold=bold)


def _text_of(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return " "
    return token.content


def escaped(text: str) -> str:
    """The text as Markdown that reads back as the same text, in a paragraph, a list item or a cell."""
    if text in ("-", "—", "–"):
        return f"&#{ord(text)};"
    safe = _SPECIAL.sub(lambda match: "\\" + match[0], text)
    safe = "".join(f"&#{ord(each)};" if each.isspace() and each != " " else each for each in safe)
    if safe.startswith(" "):
        safe = "&#32;" + safe[1:]
    return safe[:-1] + "&#32;" if safe.endswith(" ") else safe


def code_or_escaped(text: str) -> str:
    """The text as a code span where it can be one, else escaped."""
    if not text:
        return ""
    odd = any(each.isspace() and each != " " for each in text)
    return f"`{text}`" if _SAFE_IN_CODE.fullmatch(text) and not odd else escaped(text)

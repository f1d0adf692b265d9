"""Names as a map spells them: bare where that is clear, in SQL's double quotes where it is not."""

from __future__ import annotations

import re
import unicodedata

_BARE = r"\w+(?:-\w+)*(?: \w+(?:-\w+)*)*"
_PLAIN = re.compile(_BARE)
# Words that mean something at the start of a cell or a list item.
_TAKEN = re.compile(
    r"(?:fk|references|none|nothing|nenhuma?|nada|na|tbd|por definir|a definir|to be defined)\b", re.I
)
_QUOTED = re.compile(r'"((?:[^"]|"")+)"')
_EITHER = rf"(?:\"(?:[^\"]|\"\")+\"|{_BARE})"
_TWO_PARTS = re.compile(rf"{_EITHER}\.{_EITHER}(?=$|[\s(:—–])")
_NUMBER = re.compile(r"(?:\d+[.)]|\d+(?:\.\d+)+[.)]?)\s+")
_REMARK = re.compile(r"\s+[—–-]+\s|\s*[(:]|\s*[—–]")
_STRUCTURE = re.compile(r"[\"()\[\],;]")
_JOINERS = "\u200d\ufe0f\ufe0e\u20e3"


def quoted(name: str) -> str:
    """The name in double quotes, those inside it doubled."""
    return '"' + name.replace('"', '""') + '"'


def written_name(name: str) -> str:
    """The name as it stands in a map: bare when it reads back as itself."""
    return name if _PLAIN.fullmatch(name) and not _TAKEN.match(name) else quoted(name)


def without_emoji(text: str) -> str:
    """The text from its first character that is no emoji, arrow or space."""
    for position, each in enumerate(text):
        is_picture = not each.isascii() and unicodedata.category(each) in ("So", "Sk", "Sm")
        if not (is_picture or each.isspace() or each in _JOINERS):
            return text[position:] if position else text
    return ""


def _unnumbered(text: str) -> str:
    """The text behind `1.2 🏠`."""
    bare = without_emoji(text)
    numbered = _NUMBER.match(bare)
    return without_emoji(bare[numbered.end() :]) if numbered else bare


def read_name(text: str) -> tuple[str, str]:
    """The name at the start of a text, and the remark that follows it (a meaning, a bracket).

    An unquoted name ends before a dash between spaces, a colon or a bracket.
    """
    bare = _unnumbered(text)
    if match := _QUOTED.match(bare):
        return match[1].replace('""', '"'), bare[match.end() :].strip()
    cut = _REMARK.search(bare)
    if cut is None or cut.start() == 0:
        return bare.strip().strip("`*"), ""
    return bare[: cut.start()].strip().strip("`*"), bare[cut.start() :].strip()


def read_dotted_name(text: str) -> tuple[tuple[str, ...], str]:
    """The one or two parts of `schema.table` at the start of a text, and the remark that follows."""
    bare = _unnumbered(text)
    if match := _TWO_PARTS.match(bare):
        return split_dotted(match[0]), bare[match.end() :].strip()
    name, remark = read_name(text)
    return (name,), remark


def split_dotted(text: str) -> tuple[str, ...]:
    """`crm."a.b"` as its parts; a text that is no dotted name is one part."""
    parts: list[str] = []
    position = 0
    while position <= len(text):
        match = _QUOTED.match(text, position)
        if match:
            parts.append(match[1].replace('""', '"'))
            end = match.end()
        else:
            end = text.find(".", position)
            end = len(text) if end < 0 else end
            parts.append(text[position:end].strip())
        if end < len(text) and text[end] != ".":
            return (text,)
        position = end + 1
    return tuple(parts) if all(parts) else (text,)


def split_top_level(text: str, separators: str = ",;") -> list[str]:
    """The text cut at separators that stand neither in brackets nor in double quotes."""
    pieces: list[str] = []
    start = depth = 0
    in_quotes = False
    for match in _STRUCTURE.finditer(text):
        each = match[0]
        if each == '"':
            in_quotes = not in_quotes
        elif in_quotes:
            continue
        elif each in "([":
            depth += 1
        elif each in ")]":
            depth -= 1
        elif depth <= 0 and each in separators:
            pieces.append(text[start : match.start()])
            start = match.end()
    return [*pieces, text[start:]]

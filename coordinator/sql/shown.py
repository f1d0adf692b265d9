"""SQL as it may be shown and kept: on one line, short, and without anybody's values."""

from __future__ import annotations

import re

LEFT_OUT = "…"
# Names stay; comments go, and so does every literal, also one whose end the server has cut off.
_TOKENS = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<value>\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)
          |\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?\Z)
          |(?:\b[bBxXnN]|\b[uU]&)?'(?:[^']|'')*(?:'|\Z)
          |(?<![\w$])\.?\d[\w.]*(?:(?<=[eE])[+-]\d+)?)
      | (?P<name>"(?:[^"]|"")*"|(?:[^\W\d]|[^\x00-\x7f])(?:[\w$]|[^\x00-\x7f])*)""",
    re.VERBOSE | re.DOTALL,
)
# In these commands a value may stand without quotes, and more than one: all that follows in the command goes.
_REST = r"""(?:"[^"]*"|[^";])*"""
_BARE_VALUES = tuple(
    re.compile(pattern + _REST, re.IGNORECASE)
    for pattern in (
        r"""(?P<kept>(?:^|;)\s*set\b(?:\s+(?:session|local)\b)?(?:\s+(?:"[^"]*"|[\w.])+\s*(?:=|\bto\b))?)""",
        r"""(?P<kept>(?:^|;)\s*(?:alter|create)\b(?:"[^"]*"|[^";])*?\bset\s+(?:"[^"]*"|[\w.])+\s*(?:=|\bto\b))""",
        r"""(?P<kept>\bexecute\s+(?:"[^"]*"|\w+)\s*\()""",
    )
)
# Whether a backslash ends such a literal or not depends on a setting of the other session; where a comment in a
# comment ends cannot be told by a pattern.
_MYSTERIOUS = re.compile(r"(?<!\b[eE])'[^']*\\'|/\*(?:(?!\*/).)*/\*", re.DOTALL)
_FIRST_WORD = re.compile(r"\s*([A-Za-z]{2,20})\b")


def without_values(text: str, *, limit: int = 70) -> str:
    """The text with `…` for each literal, at most `limit` characters long. It need not be valid SQL."""
    if _MYSTERIOUS.search(text):
        word = _FIRST_WORD.match(text)
        return f"{word[1].upper()} {LEFT_OUT}" if word else LEFT_OUT
    bare = _TOKENS.sub(lambda found: found["name"] or (LEFT_OUT if found["value"] else " "), text)
    line = " ".join(bare.split())
    for each in _BARE_VALUES:
        line = each.sub(rf"\g<kept> {LEFT_OUT}", line)
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}{LEFT_OUT}"

"""SQL as it may be shown and kept: on one line, short, and without anybody's values."""

from __future__ import annotations

import re

LEFT_OUT = "…"
# Names in quotes stay; comments go, and so does every literal, also one whose end the server has cut off.
_TOKENS = re.compile(
    r"""(?P<name>"(?:[^"]|"")*")
      | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<value>\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)
          |\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?\Z)
          |(?:\b[bBxXnN]|\b[uU]&)?'(?:[^']|'')*(?:'|\Z)
          |(?<![\w$])\.?\d[\w.]*(?:(?<=[eE])[+-]\d+)?)""",
    re.VERBOSE | re.DOTALL,
)
# After `SET name =` and `SET name TO` a value may stand without quotes.
_BARE_VALUE = re.compile(r"\b(set\s+(?:session\s+|local\s+)?[\w.]+\s*(?:=|\bto\b)\s*)[\w.$-]+", re.IGNORECASE)
_SETS = re.compile(r"(?:set|alter)\b", re.IGNORECASE)
# Whether a backslash ends such a literal or not depends on a setting of the other session.
_MYSTERIOUS = re.compile(r"(?<!\b[eE])'[^']*\\'")
_FIRST_WORD = re.compile(r"\s*([A-Za-z]{2,20})\b")


def without_values(text: str, *, limit: int = 70) -> str:
    """The text with `…` for each literal, at most `limit` characters long. It need not be valid SQL."""
    if _MYSTERIOUS.search(text):
        word = _FIRST_WORD.match(text)
        return f"{word[1].upper()} {LEFT_OUT}" if word else LEFT_OUT
    bare = _TOKENS.sub(lambda found: found["name"] or (LEFT_OUT if found["value"] else " "), text)
    line = " ".join(bare.split())
    if _SETS.match(line):
        line = _BARE_VALUE.sub(rf"\1{LEFT_OUT}", line)
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}{LEFT_OUT}"

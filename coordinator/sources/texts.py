"""SQL as it stands in people's code: with placeholders of drivers and templates, in one text or in parts."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.sql.bodies import read_statement
from coordinator.sql.parser import parse
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.sql.bodies import Body
    from coordinator.sql.tree import Tree

HOLE = "\x00"  # stands for a part that is only known when the program runs
PUT_IN = "_p_"  # the name that such a part gets where the grammar wants one
_BEGINS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*(?:(?!\*/).)*+\*/|\()*+(?:select|insert|update|delete|with|merge|copy|call|truncate|refresh|lock|values"
    r"|create|alter|drop|explain|table|declare|grant|revoke|do|comment|prepare)\b",
    re.IGNORECASE | re.DOTALL,
)
# Each kind of placeholder is a group, by whose name it is known what is put in.
_NAMED = r"(?P<percent>%%)|(?P<brackets>%\(\w+\)s|%[sbt]|(?<![:\w\\]):[A-Za-z_]\w*(?!\w))"
_QUESTION = r"(?P<plain>(?<=[\s(,=])\?(?=[\s),;]|$))"
_BRACES = r"(?P<hole>\x00|\{\{.*?\}\}|\{%.*?%\}|\{[\w.!:\[\]]*\})"
_WITH_NAMES = re.compile(_NAMED)
_WITH_QUESTIONS = re.compile(f"{_QUESTION}|{_NAMED}")
_WITH_HOLES = re.compile(f"{_BRACES}|{_QUESTION}|{_NAMED}", re.DOTALL)
_META = re.compile(r"^\\.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One command found in a text: what it does, its own words, and where it begins and ends (characters) in the text."""

    body: Body
    sql: str
    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A text with something put in for its placeholders. `behind` are the places behind these, here and as given."""

    text: str
    behind: tuple[tuple[int, int], ...]

    def given(self, place: int) -> int:
        """The place in the text as it was given."""
        here, there = self.behind[bisect_right(self.behind, place, key=lambda each: each[0]) - 1]
        return there + place - here


def looks_like_sql(text: str) -> bool:
    """Whether a text begins as a command does."""
    return _BEGINS.match(text) is not None


def statements(text: str) -> tuple[Statement, ...] | None:
    """The commands of a text; None when it cannot be parsed, whatever is put in for its placeholders.

    Places hold for the text as given.
    """
    for prepared in _variants(text):
        try:
            trees = parse(prepared.text)
        except SqlSyntaxError:
            continue
        return tuple(_statement(tree, prepared) for tree in trees)
    return None


def script_statements(text: str) -> tuple[tuple[Statement, ...], int]:
    """The commands of a whole file, and how many of its parts cannot be parsed.

    Where the file as a whole is no SQL, each part between semicolons is tried by itself.
    """
    whole = statements(_META.sub(lambda found: " " * len(found[0]), text))
    if whole is not None:
        return whole, 0
    found: list[Statement] = []
    failed = start = 0
    for part in re.split(r"(?<=;)", text):
        if part.strip():
            some = statements(_META.sub(lambda match: " " * len(match[0]), part))
            if some is None:
                failed += 1
            else:
                found.extend(replace(each, offset=each.offset + start, end=each.end + start) for each in some)
        start += len(part)
    return tuple(found), failed


def _statement(tree: Tree, prepared: _Prepared) -> Statement:
    end = tree.offset + len(tree.sql)
    return Statement(read_statement(tree), tree.sql, prepared.given(tree.offset), prepared.given(end))


def _variants(text: str) -> Iterator[_Prepared]:
    if HOLE not in text:
        yield _prepared(text, _WITH_NAMES)
    if any(found["plain"] for found in _WITH_QUESTIONS.finditer(text)):
        yield _prepared(text, _WITH_QUESTIONS)
    if any(found["hole"] for found in _WITH_HOLES.finditer(text)):
        for hole in (" ", PUT_IN, "($1)"):
            yield _prepared(text, _WITH_HOLES, hole)


def _prepared(text: str, placeholders: re.Pattern[str], hole: str = "") -> _Prepared:
    # Brackets, since a list may stand for one parameter.
    put_in = {"percent": "%", "brackets": "($1)", "plain": "$1", "hole": hole}
    parts: list[str] = []
    behind = [(0, 0)]
    here = done = 0
    for found in placeholders.finditer(text):
        parts += [text[done : found.start()], put_in[found.lastgroup or "hole"]]
        here += len(parts[-2]) + len(parts[-1])
        done = found.end()
        behind.append((here, done))
    return _Prepared("".join([*parts, text[done:]]), tuple(behind))

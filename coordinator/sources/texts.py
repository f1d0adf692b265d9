"""SQL as it stands in people's code: with placeholders of drivers and templates, in one text or in parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|insert|update|delete|with|merge|copy|call|truncate|refresh|lock|values"
    r"|create|alter|drop|explain|table|declare|grant|revoke|do|comment|prepare)\b",
    re.IGNORECASE | re.DOTALL,
)
_PERCENT = re.compile(r"%\(\w+\)s|%s|%b|%t")
_COLON = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)(?!\w)")
_QUESTION = re.compile(r"(?<=[\s(,=])\?(?=[\s),;]|$)")
_BRACES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{[\w.!:\[\]]*\}", re.DOTALL)
_META = re.compile(r"^\\.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One command found in a text: what it does, its own words, and where it begins (characters) in the text."""

    body: Body
    sql: str
    offset: int


def looks_like_sql(text: str) -> bool:
    """Whether a text begins as a command does."""
    return _BEGINS.match(text) is not None


def statements(text: str) -> tuple[Statement, ...] | None:
    """The commands of a text; None when it cannot be parsed, whatever is put in for its placeholders.

    Offsets hold for the text as given: what is put in has the length of what it replaces, or stands behind.
    """
    for prepared in _variants(text):
        try:
            trees = parse(prepared)
        except SqlSyntaxError:
            continue
        return tuple(_statement(tree) for tree in trees)
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
                found.extend(Statement(each.body, each.sql, each.offset + start) for each in some)
        start += len(part)
    return tuple(found), failed


def _statement(tree: Tree) -> Statement:
    return Statement(read_statement(tree), tree.sql, tree.offset)


def _variants(text: str) -> Iterator[str]:
    prepared = _COLON.sub(_as_parameter, _PERCENT.sub(_as_parameter, text)).replace("%%", "% ")
    if HOLE not in prepared:
        yield prepared
    if _QUESTION.search(prepared):
        yield _QUESTION.sub("$1", prepared)
    if HOLE in prepared or _BRACES.search(prepared):
        prepared = _BRACES.sub(HOLE, _QUESTION.sub("$1", prepared))
        yield prepared.replace(HOLE, " ")
        yield prepared.replace(HOLE, PUT_IN)
        yield prepared.replace(HOLE, "($1)")


def _as_parameter(found: re.Match[str]) -> str:
    # Brackets, since a list may stand for one parameter; blanks, so that places stay where they are.
    return "($1)".ljust(len(found[0]))

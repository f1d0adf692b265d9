"""Names that stand near each other in a text: the weakest sign of a use, and told as such."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from coordinator.sources.wanted import says_little, table_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.effect import ObjectName
    from coordinator.model.known_objects import Key
    from coordinator.sources.wanted import Wanted

NEAR = 5  # lines
_WORD = re.compile(r"[A-Za-z_]\w*")
_LONGEST_LINE = 2000  # characters; nobody wrote longer ones by hand
Lines = "Mapping[str, Sequence[int]]"


def words_of(text: str) -> dict[str, list[int]]:
    """Every word of a text in lower case, and the lines on which it stands."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) <= _LONGEST_LINE:
            for word in _WORD.findall(line):
                found.setdefault(word.lower(), []).append(number)
    return found


def near_uses(
    words: Mapping[str, Sequence[int]], wanted: Wanted, classes: Mapping[Key, frozenset[str]]
) -> Iterator[tuple[ObjectName, int]]:
    """Each wanted column whose name stands near its table's, and each other object near its schema's, with the line."""
    for column in sorted(wanted.columns, key=lambda each: each.sorting):
        tables = table_words(column.name, classes.get((column.schema, column.name), ()))
        around = sorted(line for word in tables for line in words.get(word, ()))
        reach = 0 if says_little(column.part) else NEAR
        for line in sorted(set(words.get(column.part.lower(), ()))):
            if _is_near(line, around, reach):
                yield column, line
    for other in sorted(wanted.others, key=lambda each: each.sorting):
        around = sorted(words.get(other.schema.lower(), ()))
        for line in sorted(set(words.get(other.name.lower(), ()))):
            if _is_near(line, around, NEAR):
                yield other, line


def near_tables(
    words: Mapping[str, Sequence[int]], wanted: Wanted, classes: Mapping[Key, frozenset[str]]
) -> Iterator[tuple[Key, int]]:
    """Each wanted relation whose name stands near its schema's, or a class that stands for it, with the line."""
    for key in sorted(wanted.relations):
        schema, name = key
        around = sorted(words.get(schema.lower(), ()))
        for line in sorted(set(words.get(name.lower(), ()))):
            if _is_near(line, around, 0):
                yield key, line


def _is_near(line: int, others: Sequence[int], reach: int) -> bool:
    place = bisect_left(others, line - reach)
    return place < len(others) and others[place] <= line + reach

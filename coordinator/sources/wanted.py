"""What is looked for in people's code, and the words by which a file is known to be worth reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.impact import Usage
    from coordinator.model.known_objects import Key

_SHORTEST = 3  # letters of a word that says something by itself
# Columns of these names stand beside every table's name in every file; only on one line do they say something.
_EVERYWHERE = frozenset(
    {
        *("id", "name", "type", "status", "state", "date", "time", "value", "code", "key", "title", "number"),
        *("amount", "total", "user", "users", "data", "text", "email"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The objects of which uses are looked for. `columns` are among the columns of `relations`."""

    relations: frozenset[Key]
    columns: frozenset[ObjectName] = frozenset()
    others: frozenset[ObjectName] = frozenset()  # functions, types, sequences

    @classmethod
    def of(cls, objects: Iterable[ObjectName]) -> Wanted:
        """What these objects and their relations are called."""
        relations: set[Key] = set()
        columns: set[ObjectName] = set()
        others: set[ObjectName] = set()
        for each in objects:
            if each.kind is ObjectKind.COLUMN:
                columns.add(each)
            if each.part or each.kind is ObjectKind.RELATION:
                relations.add((each.schema, each.name))
            elif each.kind in {ObjectKind.FUNCTION, ObjectKind.TYPE, ObjectKind.SEQUENCE}:
                others.add(each)
        return cls(relations=frozenset(relations), columns=frozenset(columns), others=frozenset(others))

    @property
    def names(self) -> tuple[bytes, ...]:
        """Words of which a file that uses any of the objects holds at least one, in lower case."""
        # What holds a table's name holds its singular too, but for the odd plural.
        found = {each.name for each in self.others}
        for _, name in self.relations:
            found |= {name, singular(name)}
        return tuple(sorted(name.lower().encode() for name in found))

    def concerns(self, usage: Usage) -> bool:
        """Whether a use is of one of these, or of a column that would be confused with one."""
        if usage.object in self.others or usage.relation in self.relations:
            return True
        return any((each.schema, each.name) in self.relations for each in usage.others)


def table_words(table: str, classes: Iterable[str]) -> frozenset[str]:
    """The words by which code speaks of a table: its name, its singular, the classes that stand for it; folded."""
    return frozenset(each.lower() for each in (table, singular(table), *classes))


def singular(word: str) -> str:
    """The word without the ending that makes it several, as people name one row."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("sses", "xes", "ches", "shes"):
        if word.endswith(ending):
            return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def says_little(column: str) -> bool:
    """Whether a column's name is so common that it means something only right beside its table's."""
    return len(column) < _SHORTEST or column.lower() in _EVERYWHERE

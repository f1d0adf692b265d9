"""What a body of text names, and whether a catalog knows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.catalog import RELATION_KINDS
from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.sql.namespace import Namespace
from coordinator.sql.parser import parse
from coordinator.sql.reading import Reading
from coordinator.sql.statements import read_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.catalog import Catalog
    from coordinator.postgres.function_bodies import FunctionBody

# The kinds of addresses that stand for each kind of object in a body.
_KINDS = {
    ObjectKind.FUNCTION: frozenset({"function", "procedure", "aggregate"}),
    ObjectKind.SEQUENCE: frozenset({"sequence"}),
    ObjectKind.TYPE: frozenset({"enum", "domain", "composite type", "range type", "base type"})
    | RELATION_KINDS,
    ObjectKind.RELATION: RELATION_KINDS | {"sequence"},
}
_NEW_AND_OLD = re.compile(r"\b(?:new|old)\s*\.\s*(\"[^\"]+\"|[a-z_]\w*)", re.IGNORECASE)
_LIKE_A_COLUMN = re.compile(r"((?:[\w\"]+\s*\.\s*){0,2}[\w\"]+)\s*%\s*(row)?type", re.IGNORECASE)


class KnownNames:
    """The names of a catalog, ready to be asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._names = frozenset((each.kind, each.schema, each.name) for each in catalog.definitions)
        self._columns = frozenset(
            (each.schema, each.name, each.part) for each in catalog.definitions if each.kind == "column"
        )
        self._labels = frozenset(
            (each.schema, each.name, line)
            for each, text in catalog.definitions.items()
            if each.kind == "enum"
            for line in text.split("\n")
        )

    def knows(self, name: ObjectName) -> bool:
        """Whether the catalog has this object. Kinds that a body cannot name are never known."""
        if name.kind is ObjectKind.COLUMN:
            return (name.schema, name.name, name.part) in self._columns
        if name.kind is ObjectKind.LABEL:
            quoted = name.part.replace("'", "''")
            return (name.schema, name.name, f"label '{quoted}'") in self._labels
        return any((kind, name.schema, name.name) in self._names for kind in _KINDS.get(name.kind, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedThings:
    """What one function's body names: each entry may mean any of its names. `unknown`: why this is not all."""

    entries: tuple[tuple[ObjectName, ...], ...]
    unknown: tuple[str, ...] = ()

    def lost(self, before: KnownNames, after: KnownNames) -> tuple[ObjectName, ...]:
        """What could be resolved before and cannot be now."""
        return tuple(
            next(name for name in entry if before.knows(name))
            for entry in self.entries
            if any(before.knows(name) for name in entry) and not any(after.knows(name) for name in entry)
        )


def named_things(function: FunctionBody, home: str) -> NamedThings:
    """All that the body names, unqualified names taken to lie in the schema `home`."""
    reading = Reading(Namespace(home))
    for tree in parse(function.definition):
        read_command(reading, tree)
    held = (each for each in reading.effects if each.verb in {Verb.HOLD, Verb.USE})
    entries = [(each.object, *each.alternatives) for each in held]
    entries += _fields_of_rows(function)
    entries += _declared_like(function, home)
    return NamedThings(entries=tuple(dict.fromkeys(entries)), unknown=tuple(reading.unknown))


def _fields_of_rows(function: FunctionBody) -> Iterator[tuple[ObjectName, ...]]:
    """NEW.x and OLD.x of a trigger function: a column of each relation that fires it."""
    for word in _NEW_AND_OLD.findall(function.definition) if function.fired_by else ():
        for schema, relation in function.fired_by:
            yield (ObjectName(ObjectKind.COLUMN, schema, relation, _plain(word)),)


def _declared_like(function: FunctionBody, home: str) -> Iterator[tuple[ObjectName, ...]]:
    """Variables declared as `table.column%TYPE` or `table%ROWTYPE`."""
    for text, is_row in _LIKE_A_COLUMN.findall(function.definition):
        words = tuple(_plain(each) for each in text.split("."))
        column = () if is_row else words[-1:]
        *schema, relation = words if is_row else words[:-1] or ("",)
        kind = ObjectKind.RELATION if is_row else ObjectKind.COLUMN
        yield (ObjectName(kind, schema[0] if schema else home, relation, *column),)


def _plain(word: str) -> str:
    word = word.strip()
    return word[1:-1] if word.startswith('"') else word.lower()

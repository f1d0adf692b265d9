"""What is sent outside of a transaction may write, by its SQL: once it is over, no lock and no counter tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from coordinator.model.effect import ObjectKind, Verb
from coordinator.sql.namespace import Namespace
from coordinator.sql.parser import parse
from coordinator.sql.reading import Reading
from coordinator.sql.statements import read_command
from coordinator.sql.tree import SqlSyntaxError


@dataclass(slots=True, kw_only=True)
class Writing:
    """The tables of which SQL may change rows, and the names of the functions that it calls; `anything`: not all is known."""

    anything: bool = False
    tables: set[tuple[str, str]] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.anything or self.tables or self.calls)

    def add(self, other: Writing) -> None:
        """Let it be the writing of both."""
        self.anything = self.anything or other.anything
        self.tables |= other.tables
        self.calls |= other.calls


def writing_of(text: str, schema: str) -> Writing:
    """What one text may write; `schema` is where unqualified names go."""
    reading = Reading(Namespace(schema))
    try:
        for tree in parse(text):
            read_command(reading, tree)
    except SqlSyntaxError:
        return Writing(anything=True)
    return Writing(
        anything=bool(reading.unknown),
        tables={
            (each.object.schema, each.object.name)
            for each in reading.effects
            if each.verb in {Verb.WRITE, Verb.RETYPE}
        },
        calls={
            each.object.name
            for each in reading.effects
            if each.verb is Verb.USE and each.object.kind is ObjectKind.FUNCTION
        },
    )

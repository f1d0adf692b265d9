"""What a name inside a query can mean: a table of its FROM or of those around it, a query named by WITH."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.effect import ObjectName

Columns = tuple[str, ...] | None  # None: not known


@dataclass(slots=True)
class Source:
    """One item of a FROM: a relation, or something that only this query knows, with its columns."""

    alias: str
    relation: ObjectName | None = None
    columns: Columns = None


@dataclass(slots=True)
class Scope:
    """The sources of one query level, inside those of the queries around it."""

    around: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    named_queries: dict[str, Columns] = field(default_factory=dict)
    outputs: frozenset[str] = frozenset()  # names that only ORDER BY and GROUP BY may use

    def levels(self) -> Iterator[Scope]:
        """This level and those around it, inner first."""
        level: Scope | None = self
        while level is not None:
            yield level
            level = level.around

    def is_named_query(self, name: str) -> bool:
        """Whether a WITH in reach gives that name."""
        return any(name in level.named_queries for level in self.levels())

    def columns_of_named_query(self, name: str) -> Columns:
        """The columns of the nearest query of that name."""
        return next(
            (level.named_queries[name] for level in self.levels() if name in level.named_queries), None
        )

    def source(self, alias: str, schema: str | None = None) -> Source | None:
        """The nearest source with that alias; with a schema, the nearest relation of that name."""
        for level in self.levels():
            for source in level.sources:
                if schema is None and source.alias == alias:
                    return source
                relation = source.relation
                if schema is not None and relation and (relation.schema, relation.name) == (schema, alias):
                    return source
        return None

    def owners_of(self, column: str) -> tuple[ObjectName, ...]:
        """The relations that an unqualified column can belong to, inner first; () when it is no table's."""
        found: list[ObjectName] = []
        for level in self.levels():
            if any(source.relation is None and column in (source.columns or ()) for source in level.sources):
                break
            found.extend(source.relation for source in level.sources if source.relation is not None)
        return tuple(dict.fromkeys(found))

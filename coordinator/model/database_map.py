"""The database map as values: what people wrote about modules, tables and who needs whom."""

from __future__ import annotations

import enum
import functools
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.finding import Finding
    from coordinator.model.names import Place


@functools.lru_cache(maxsize=65536)
def folded(name: str) -> str:
    """The name without case, accents, spaces, `_` and `-`; names that fold alike are the same name.

    A name made of nothing else (`_`) stays as it is, so that it does not match every other such name.
    """
    spread = unicodedata.normalize("NFKD", name)
    kept = (each for each in spread if not (each.isspace() or each in "_-" or unicodedata.combining(each)))
    return "".join(kept).casefold() or name


def same_name(one: str, other: str) -> bool:
    """Whether a reader would take both for the same name."""
    return folded(one) == folded(other)


class MapForm(enum.Enum):
    """How much a map says."""

    CANONICAL = "canonical"  #: a closed world: what is missing from it is a finding
    SKETCH = "sketch"  #: an open world: what it omits is no finding


@dataclass(frozen=True, slots=True, kw_only=True)
class MapReference:
    """Something a module's part of the map points at, in the spelling of the map.

    `module` is a module's name or one of its schemas; without `table` the whole module is meant.
    `notes` is the remark behind it in a *Used by* or *Depends on* list.
    """

    module: str
    schema: str | None = None
    table: str | None = None
    column: str | None = None
    notes: str = ""
    place: Place | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return ".".join(part for part in (self.module, self.schema, self.table, self.column) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """One column. `type` is empty and `nullable` None where the map does not say."""

    name: str
    type: str = ""
    references: tuple[MapReference, ...] = ()
    notes: str = ""
    nullable: bool | None = None
    personal: bool = False  # holds personal data
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedTable:
    """One table. `schema` is None where the module's own schema is meant."""

    name: str
    schema: str | None = None
    columns: tuple[MappedColumn, ...] = ()
    place: Place | None = field(default=None, compare=False)

    def find(self, column: str) -> MappedColumn | None:
        """The column of that name, or None."""
        return next((each for each in self.columns if same_name(each.name, column)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedModule:
    """One module: its schemas, the role that owns them, its tables, and what it needs and serves."""

    name: str
    schemas: tuple[str, ...] = ()
    owner: str | None = None
    tables: tuple[MappedTable, ...] = ()
    used_by: tuple[MapReference, ...] = ()
    depends_on: tuple[MapReference, ...] = ()
    place: Place | None = field(default=None, compare=False)


class Declared(enum.Enum):
    """Where in the map an edge is declared."""

    DEPENDS_ON = "depends on"
    USED_BY = "used by"
    REFERENCES = "references"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapEdge:
    """`consumer` needs `provider`: names of modules; the tables are None where the map names only the module."""

    consumer: str
    provider: str
    declared: Declared
    consumer_table: str | None = None
    provider_table: str | None = None
    reference: MapReference
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseMap:
    """The whole map, modules in the order of the document.

    `open` says that modules exist which the map leaves out (`[other modules...]`).
    `problems` are warnings about text that was not understood. Equality is about the facts, not about where
    they stand nor about the prose around them.
    """

    modules: tuple[MappedModule, ...]
    form: MapForm = MapForm.CANONICAL
    open: bool = False
    file: str = field(default="", compare=False)
    problems: tuple[Finding, ...] = field(default=(), compare=False)

    @property
    def by_name(self) -> dict[str, MappedModule]:
        """The modules by their folded names, and by their folded schemas where no module is so named."""
        by_schema = {folded(schema): each for each in reversed(self.modules) for schema in each.schemas}
        return by_schema | {folded(each.name): each for each in reversed(self.modules)}

    def find(self, name: str) -> MappedModule | None:
        """The module of that name, else the one that owns a schema of that name, else None."""
        return self.by_name.get(folded(name))

    @property
    def edges(self) -> tuple[MapEdge, ...]:
        """Every declared edge between two modules, in the order of the document."""
        known = self.by_name
        return tuple(
            edge
            for module in self.modules
            for edge in _edges_of(module, known)
            if not same_name(edge.consumer, edge.provider)
        )

    @property
    def module_edges(self) -> frozenset[tuple[str, str]]:
        """(consumer, provider) pairs of module names."""
        return frozenset((edge.consumer, edge.provider) for edge in self.edges)


def _edges_of(module: MappedModule, known: Mapping[str, MappedModule]) -> list[MapEdge]:
    def owner(reference: MapReference) -> str:
        found = known.get(folded(reference.module))
        return found.name if found else reference.module

    needs = [
        MapEdge(
            consumer=module.name,
            provider=owner(each),
            declared=Declared.DEPENDS_ON,
            provider_table=each.table,
            reference=each,
            place=each.place,
        )
        for each in module.depends_on
    ]
    serves = [
        MapEdge(
            consumer=owner(each),
            provider=module.name,
            declared=Declared.USED_BY,
            consumer_table=each.table,
            reference=each,
            place=each.place,
        )
        for each in module.used_by
    ]
    columns = [
        MapEdge(
            consumer=module.name,
            provider=owner(each),
            declared=Declared.REFERENCES,
            consumer_table=table.name,
            provider_table=each.table,
            reference=each,
            place=each.place,
        )
        for table in module.tables
        for column in table.columns
        for each in column.references
    ]
    return needs + serves + columns

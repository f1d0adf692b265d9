"""The lines of the database map in the real names of modules, tables and columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.impact.declared import Declaration
from coordinator.mapfile.parser import read_map
from coordinator.model.database_map import Declared, folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.database_map import DatabaseMap, MapEdge, MapReference
    from coordinator.model.known_objects import Key, KnownObjects
    from coordinator.model.module import Module
    from coordinator.settings.values import Settings


def read_declarations(
    settings: Settings, modules: Sequence[Module], known: KnownObjects
) -> tuple[tuple[Declaration, ...], Mapping[str, str]]:
    """Every edge of the map, and the owner that it names for each module; nothing where there is no map.

    Raises MapError when it is there and cannot be read.
    """
    if not settings.map.exists():
        return (), {}
    document = read_map(settings.map)
    names = _Names(modules, known)
    owners = {
        module.name: mapped.owner
        for mapped in document.modules
        if mapped.owner is not None and (module := names.module(mapped.name)) is not None
    }
    return tuple(_declarations(document, names)), owners


def _declarations(document: DatabaseMap, names: _Names) -> Iterator[Declaration]:
    for edge in document.edges:
        consumer, provider = names.module(edge.consumer), names.module(edge.provider)
        if consumer is not None and provider is not None and consumer is not provider:
            yield _declaration(edge, consumer, provider, names)


def _declaration(edge: MapEdge, consumer: Module, provider: Module, names: _Names) -> Declaration:
    reference = edge.reference
    if edge.declared is Declared.USED_BY:
        what, used, column = names.object(reference, consumer), None, None
    else:
        used = names.object(reference, provider)
        column = names.column(used, reference.column)
        what = None
        if edge.consumer_table is not None:
            what = names.table(edge.consumer_table, consumer)
    verb = "is used by" if edge.declared is Declared.USED_BY else "uses"
    first = (
        provider.name if edge.declared is Declared.USED_BY else (".".join(what) if what else consumer.name)
    )
    return Declaration(
        consumer=consumer.name,
        provider=provider.name,
        what=what,
        used=used,
        column=column,
        shown=f"{first} {verb} {reference}",
        place=str(replace(edge.place, column=0)) if edge.place else "the database map",
    )


class _Names:
    """Real names by the folded ones that a map may use."""

    def __init__(self, modules: Sequence[Module], known: KnownObjects) -> None:
        by_schema = {folded(schema): each for each in modules for schema in each.schemas}
        self._modules = by_schema | {folded(each.name): each for each in modules}
        self._objects = {
            (folded(schema), folded(name)): (schema, name)
            for schema, name in (*known.functions, *known.columns)
        }
        self._known = known

    def module(self, name: str) -> Module | None:
        """The module of that name, or that owns a schema of that name."""
        return self._modules.get(folded(name))

    def object(self, reference: MapReference, module: Module) -> Key | None:
        """Schema and name of what a reference names; None where it names the module only."""
        if reference.table is None:
            return None
        named = [reference.schema] if reference.schema else []
        for schema in (*named, *module.schemas):
            found = self._objects.get((folded(schema), folded(reference.table)))
            if found is not None:
                return found
        return (reference.schema or module.schema, reference.table)

    def table(self, name: str, module: Module) -> Key:
        """Schema and name of a module's table."""
        for schema in module.schemas:
            found = self._objects.get((folded(schema), folded(name)))
            if found is not None:
                return found
        return (module.schema, name)

    def column(self, relation: Key | None, name: str | None) -> str | None:
        """The column's real name."""
        if relation is None or name is None:
            return name
        columns = self._known.columns.get(relation, {})
        return next((each for each in columns if folded(each) == folded(name)), name)

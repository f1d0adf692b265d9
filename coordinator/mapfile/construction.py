"""A complete canonical map made from what is built, with what people had written kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.mapfile.contract_edges import code_edges, declares
from coordinator.mapfile.pairing import BuiltNames
from coordinator.mapfile.sql_types import same_type
from coordinator.model.database_map import (
    DatabaseMap,
    MapForm,
    MappedColumn,
    MappedModule,
    MappedTable,
    MapReference,
    folded,
    same_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.mapfile.contract_edges import CodeEdge
    from coordinator.model.built_schema import BuiltColumn, BuiltModule, BuiltSchema, BuiltTable
    from coordinator.model.module import Module


def map_from_schema(
    actual: BuiltSchema, modules: Sequence[Module], previous: DatabaseMap | None
) -> DatabaseMap:
    """The map of everything that is built.

    Of `previous` stay: the order and the spelling of modules, tables and columns that still are, owners that the
    settings do not name, notes, remarks, marks of personal data, and each spelling of a type or a reference that
    is still right. Modules of `previous` that are not built go, unless it says that there are others.
    """
    old = previous or DatabaseMap(modules=())
    names = BuiltNames(old, actual)
    edges = code_edges(actual)
    making = _Making(
        actual=actual,
        names=names,
        owners={each.name: each.owner for each in modules},
        edges=edges,
        fresh=tuple(
            each for each in edges if not any(declares(one, each, names, closed=True) for one in old.edges)
        ),
    )
    taken: set[str] = set()
    mapped: list[MappedModule] = []
    for each in old.modules:
        built = names.built_of(each)
        if built is not None and built.name not in taken:
            taken.add(built.name)
            mapped.append(_module(built, each, making))
        elif built is None and old.open and old.form is MapForm.CANONICAL:
            mapped.append(each)
    mapped.extend(
        _module(built, MappedModule(name=built.name), making)
        for built in actual.modules
        if built.name not in taken
    )
    is_open = old.open and old.form is MapForm.CANONICAL
    return DatabaseMap(modules=tuple(mapped), form=MapForm.CANONICAL, open=is_open, file=old.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """What every part of the map is made from. `fresh` are the edges that the old map does not declare anywhere."""

    actual: BuiltSchema
    names: BuiltNames
    owners: Mapping[str, str | None]
    edges: tuple[CodeEdge, ...]
    fresh: tuple[CodeEdge, ...]


def _module(built: BuiltModule, old: MappedModule, making: _Making) -> MappedModule:
    tables = list(built.tables)
    ordered: list[MappedTable] = []
    for each in old.tables:
        alike = [table for table in tables if _is_same(each, table)]
        found = next((table for table in alike if table.name == each.name), next(iter(alike), None))
        if found is not None:
            tables.remove(found)
            ordered.append(_table(found, each, built, making.names))
    ordered.extend(
        _table(each, MappedTable(name=each.name, schema=_schema_of(each, built)), built, making.names)
        for each in tables
    )
    return MappedModule(
        name=old.name,
        schemas=_in_old_spelling(built.schemas, old.schemas),
        owner=making.owners.get(built.name) or old.owner,
        tables=tuple(ordered),
        used_by=_kept(
            old.used_by,
            _consumers(built.name, making.edges, making.names),
            _consumers(built.name, making.fresh, making.names),
        ),
        depends_on=_kept(
            old.depends_on,
            _providers(built.name, making.edges, making.names),
            _providers(built.name, making.fresh, making.names),
        ),
    )


def _is_same(old: MappedTable, built: BuiltTable) -> bool:
    return same_name(old.name, built.name) and (old.schema is None or same_name(old.schema, built.schema))


def _schema_of(table: BuiltTable, module: BuiltModule) -> str | None:
    """The schema is written only where it is not the module's first."""
    return None if table.schema == module.schemas[0] else table.schema


def _in_old_spelling(built: Sequence[str], old: Sequence[str]) -> tuple[str, ...]:
    same = len(built) == len(old) and {folded(each) for each in built} == {folded(each) for each in old}
    return tuple(old) if same else tuple(built)


def _table(built: BuiltTable, old: MappedTable, module: BuiltModule, names: BuiltNames) -> MappedTable:
    by_exact = {each.name: each for each in old.columns}
    # A team whose tables never say whether a column may be null does not want to be told by the tool.
    says_null = not old.columns or any(each.nullable is not None or each.type == "" for each in old.columns)

    def column(each: BuiltColumn) -> MappedColumn:
        before = by_exact.get(each.name) or old.find(each.name) or MappedColumn(name=each.name)
        return _column(each, before, built, names, says_null=says_null)

    schema = old.schema if old.schema is not None else _schema_of(built, module)
    return MappedTable(name=old.name, schema=schema, columns=tuple(column(each) for each in built.columns))


def _column(
    built: BuiltColumn, old: MappedColumn, table: BuiltTable, names: BuiltNames, *, says_null: bool
) -> MappedColumn:
    references: list[MapReference] = []
    for key in table.foreign_keys:
        if built.name in key.columns:
            said = next((each for each in old.references if names.is_target(each, key, built.name)), None)
            references.append(said or names.reference(key, built.name))
    return replace(
        old,
        name=built.name,
        type=old.type if old.type and same_type(old.type, built.type) else built.type,
        references=tuple(dict.fromkeys(references)),
        nullable=built.nullable if says_null else old.nullable,
        place=None,
    )


def _providers(name: str, edges: Sequence[CodeEdge], names: BuiltNames) -> list[MapReference]:
    return [
        MapReference(module=names.spelling(each.provider), table=each.provider_table)
        for each in edges
        if each.consumer == name
    ]


def _consumers(name: str, edges: Sequence[CodeEdge], names: BuiltNames) -> list[MapReference]:
    return [
        MapReference(module=names.spelling(each.consumer), table=each.consumer_table)
        for each in edges
        if each.provider == name
    ]


def _kept(
    old: Sequence[MapReference], needed: Sequence[MapReference], fresh: Sequence[MapReference]
) -> tuple[MapReference, ...]:
    """What was written and still holds, then what is new. A line about a whole module covers its tables, and a
    need whose table nobody knows is met by any line about its module."""
    kept = [each for each in old if any(_covers(each, need) for need in needed)]
    for need in sorted(
        set(fresh), key=lambda each: (each.table is None, folded(each.module), each.table or "")
    ):
        if not any(_covers(each, need) for each in kept):
            kept.append(need)
    return tuple(kept)


def _covers(written: MapReference, need: MapReference) -> bool:
    if not same_name(written.module, need.module):
        return False
    return written.table is None or need.table is None or same_name(written.table, need.table)

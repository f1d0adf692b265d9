"""The map as a contract: what it says about modules, tables and columns against what is really built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.mapfile.contract_edges import compare_edges
from coordinator.mapfile.nearest import did_you_mean
from coordinator.mapfile.pairing import BuiltNames, Same, pair
from coordinator.mapfile.sql_types import same_type
from coordinator.model.database_map import MapForm, same_name
from coordinator.model.finding import Finding
from coordinator.model.names import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.built_schema import (
        BuiltColumn,
        BuiltForeignKey,
        BuiltModule,
        BuiltSchema,
        BuiltTable,
    )
    from coordinator.model.database_map import DatabaseMap, MappedColumn, MappedModule, MappedTable


def compare_map(database_map: DatabaseMap, actual: BuiltSchema) -> tuple[Finding, ...]:
    """Every way in which map and modules differ, in the order of the document.

    A canonical map is a closed world: what it leaves out is found too. A sketch is an open one: only what it
    says is held against it. In both, an edge between two modules that the code has and the map does not declare,
    and one that it declares and nothing in the code bears out, are found.
    """
    return tuple(_Contract(database_map, actual).findings())


@dataclass(frozen=True, slots=True)
class _Contract:
    database_map: DatabaseMap
    actual: BuiltSchema

    @property
    def closed(self) -> bool:
        return self.database_map.form is MapForm.CANONICAL

    def findings(self) -> Iterator[Finding]:
        names = BuiltNames(self.database_map, self.actual)
        for mapped in self.database_map.modules:
            built = names.built_of(mapped)
            if built is None:
                yield _unknown_module(mapped, self.actual)
            else:
                yield from self._module(mapped, built, names)
        if self.closed and not self.database_map.open:
            yield from self._left_out(names)
        yield from compare_edges(self.database_map, self.actual, names)

    def _left_out(self, names: BuiltNames) -> Iterator[Finding]:
        described = {built.name for mapped in self.database_map.modules if (built := names.built_of(mapped))}
        for built in self.actual.modules:
            if built.name not in described:
                yield Finding(
                    rule="map-lacks-module",
                    message=f"module '{built.name}' is not in the map",
                    module=built.name,
                    place=Place(self.database_map.file),
                    help="add it with: migrate map write",
                )

    def _module(self, mapped: MappedModule, built: BuiltModule, names: BuiltNames) -> Iterator[Finding]:
        for schema in mapped.schemas:
            if not any(same_name(schema, each) for each in built.schemas):
                message = (
                    f"the map gives schema '{schema}' to module '{mapped.name}', which has none of that name"
                )
                has = f"it has: {', '.join(built.schemas)}"
                yield _finding("map-only-schema", message, built, mapped.place, has)
        if self.closed and mapped.schemas:
            for schema in built.schemas:
                if not any(same_name(schema, each) for each in mapped.schemas):
                    message = f"the map does not name schema '{schema}' of module '{mapped.name}'"
                    yield _finding(
                        "map-lacks-schema", message, built, mapped.place, f"add '{schema}' to its schemas"
                    )
        pairs, only, lacking = pair(mapped.tables, built.tables, _is_table(mapped))
        for table in only:
            yield _only_table(table, mapped, built)
        for mapped_table, built_table in pairs:
            yield from self._table(mapped_table, built_table, built, names)
        for built_table in lacking if self.closed else ():
            message = f"table '{built_table.schema}.{built_table.name}' is not in the map"
            yield _finding("map-lacks-table", message, built, mapped.place, "add it with: migrate map write")

    def _table(
        self, mapped: MappedTable, built: BuiltTable, module: BuiltModule, names: BuiltNames
    ) -> Iterator[Finding]:
        def is_column(one: MappedColumn, other: BuiltColumn, *, exact: bool) -> bool:
            return one.name == other.name if exact else same_name(one.name, other.name)

        pairs, only, lacking = pair(mapped.columns, built.columns, is_column)
        for column in only:
            message = f"the map has column '{mapped.name}.{column.name}', which no revision builds"
            remedy = did_you_mean(column.name, [each.name for each in lacking]) or "take it out of the map"
            yield _finding("map-only-column", message, module, column.place, remedy)
        for mapped_column, built_column in pairs:
            yield from _column(mapped_column, built_column, mapped, module)
            yield from self._references(mapped_column, built_column, mapped, built, module, names)
        for built_column in lacking if self.closed else ():
            message = f"column '{mapped.name}.{built_column.name}' is not in the map"
            remedy = f"add it: {built_column.type}"
            yield _finding("map-lacks-column", message, module, mapped.place, remedy)

    def _references(
        self,
        column: MappedColumn,
        built_column: BuiltColumn,
        mapped: MappedTable,
        built: BuiltTable,
        module: BuiltModule,
        names: BuiltNames,
    ) -> Iterator[Finding]:
        """Foreign keys of one column, both ways."""
        keys = [key for key in built.foreign_keys if built_column.name in key.columns]
        matched = set()
        for reference in column.references:
            found = [key for key in keys if names.is_target(reference, key, built_column.name)]
            matched.update(found)
            if not found:
                message = f"the map says that '{mapped.name}.{column.name}' references '{reference}'; no foreign key does"
                remedy = _keys_of(keys) or "write a remark into its notes instead"
                yield _finding("map-only-reference", message, module, reference.place or column.place, remedy)
        for key in keys if self.closed else ():
            if key not in matched:
                target = f"{key.schema}.{key.table}"
                message = (
                    f"column '{mapped.name}.{column.name}' references '{target}', and the map does not say so"
                )
                remedy = f"write '{names.written(key, built_column.name)}' under References"
                yield _finding("map-lacks-reference", message, module, column.place, remedy)


def _keys_of(keys: list[BuiltForeignKey]) -> str | None:
    targets = ", ".join(f"{key.schema}.{key.table}({', '.join(key.target_columns)})" for key in keys)
    return f"it references {targets}" if targets else None


def _is_table(module: MappedModule) -> Same[MappedTable, BuiltTable]:
    """Tables are the same by name, and by schema where the map names one."""

    def same(one: MappedTable, other: BuiltTable, *, exact: bool) -> bool:
        schema_fits = (
            one.schema is None or same_name(one.schema, other.schema) or same_name(one.schema, module.name)
        )
        return schema_fits and (one.name == other.name if exact else same_name(one.name, other.name))

    return same


def _column(
    mapped: MappedColumn, built: BuiltColumn, table: MappedTable, module: BuiltModule
) -> Iterator[Finding]:
    if mapped.type and not same_type(mapped.type, built.type):
        message = f"column '{table.name}.{mapped.name}' is '{built.type}', and the map says '{mapped.type}'"
        yield _finding(
            "map-type-differs", message, module, mapped.place, f"write '{built.type}' or add a revision"
        )
    if mapped.nullable is not None and mapped.nullable is not built.nullable:
        is_now = "may be null" if built.nullable else "is never null"
        message = f"column '{table.name}.{mapped.name}' {is_now}, and the map says the contrary"
        yield _finding(
            "map-nullability-differs", message, module, mapped.place, "correct the map or add a revision"
        )


def _only_table(table: MappedTable, mapped: MappedModule, built: BuiltModule) -> Finding:
    message = f"the map has table '{table.name}' in module '{mapped.name}', which no revision builds"
    remedy = did_you_mean(table.name, [each.name for each in built.tables]) or "take it out of the map"
    return _finding("map-only-table", message, built, table.place, remedy)


def _unknown_module(mapped: MappedModule, actual: BuiltSchema) -> Finding:
    known = [each.name for each in actual.modules]
    return Finding(
        rule="map-unknown-module",
        message=f"the map names module '{mapped.name}', which is not there",
        place=mapped.place,
        help=did_you_mean(mapped.name, known) or f"known modules: {', '.join(known) or 'none'}",
    )


def _finding(rule: str, message: str, module: BuiltModule, place: Place | None, remedy: str) -> Finding:
    return Finding(rule=rule, message=message, module=module.name, place=place, help=remedy)

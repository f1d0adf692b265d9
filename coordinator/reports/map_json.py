"""A database map as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.reports.finding_json import findings_as_json, place_as_json

if TYPE_CHECKING:
    from coordinator.model.database_map import (
        DatabaseMap,
        MappedColumn,
        MappedModule,
        MappedTable,
        MapReference,
    )


def map_as_json(database_map: DatabaseMap) -> dict[str, object]:
    """The whole map with the place of every fact; `edges` are pairs of consumer and provider, sorted."""
    return {
        "file": database_map.file,
        "form": database_map.form.value,
        "open": database_map.open,
        "modules": [_module(each) for each in database_map.modules],
        "edges": [
            {"consumer": consumer, "provider": provider}
            for consumer, provider in sorted(database_map.module_edges)
        ],
        "findings": findings_as_json(database_map.problems),
    }


def _module(module: MappedModule) -> dict[str, object]:
    return {
        "name": module.name,
        "schemas": list(module.schemas),
        "owner": module.owner,
        "usedBy": [_reference(each) for each in module.used_by],
        "dependsOn": [_reference(each) for each in module.depends_on],
        "tables": [_table(each) for each in module.tables],
        "place": place_as_json(module.place),
    }


def _table(table: MappedTable) -> dict[str, object]:
    return {
        "name": table.name,
        "schema": table.schema,
        "columns": [_column(each) for each in table.columns],
        "place": place_as_json(table.place),
    }


def _column(column: MappedColumn) -> dict[str, object]:
    return {
        "name": column.name,
        "type": column.type or None,
        "nullable": column.nullable,
        "references": [_reference(each) for each in column.references],
        "personal": column.personal,
        "notes": column.notes,
        "place": place_as_json(column.place),
    }


def _reference(reference: MapReference) -> dict[str, object]:
    return {
        "module": reference.module,
        "schema": reference.schema,
        "table": reference.table,
        "column": reference.column,
        "notes": reference.notes,
        "place": place_as_json(reference.place),
    }

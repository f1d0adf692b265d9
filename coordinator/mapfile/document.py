"""A text to the draft of a map, and the draft to a DatabaseMap or to all of its problems at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.errors import MapError
from coordinator.mapfile.blocks import read_blocks
from coordinator.mapfile.canonical import read_document
from coordinator.mapfile.drafts import MapDraft
from coordinator.mapfile.references import column_reference
from coordinator.model.database_map import (
    DatabaseMap,
    MapForm,
    MappedColumn,
    MappedModule,
    MappedTable,
    MapReference,
    folded,
)
from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from coordinator.mapfile.drafts import ColumnDraft, ModuleDraft, ReferenceList, TableDraft

_WANTED = "write '## Module NAME' and below it '### TABLE' with a table of columns; see docs/database-map.md"

# `├` as UTF-8 that was read as Mac Roman or as Windows-1252, and then saved.
_GARBLED = ("├".encode().decode("mac_roman"), "├".encode().decode("cp1252"))
_GARBLED_WANTED = (
    "its letters were garbled by an editor that took UTF-8 for another encoding; save it anew as UTF-8"
)


def read_draft(text: str, *, file: str) -> MapDraft:
    """Read a map and keep the lines that each fact came from. Raises nothing; problems are in the draft."""
    draft = MapDraft(file=file)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0"))
        draft.report("map-unreadable", "the map holds a NUL byte", draft.place(line), "save it as UTF-8 text")
        return draft
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    draft.lines = text.split("\n")
    read_document(draft, read_blocks(text, draft.lines), draft.lines)
    if not draft.modules and not any(each.severity is Severity.ERROR for each in draft.findings):
        what = "names no module" if text.strip() else "is empty"
        wanted = _GARBLED_WANTED if any(each in text for each in _GARBLED) else _WANTED
        draft.findings.insert(
            0, Finding(rule="map-no-modules", message=f"the map {what}", place=Place(file), help=wanted)
        )
    return draft


def finish(draft: MapDraft) -> DatabaseMap:
    """The draft as a value. Raises MapError when something in it is an error."""
    findings = tuple(sorted(draft.findings, key=lambda each: each.place or Place(draft.file)))
    errors = [each for each in findings if each.severity is Severity.ERROR]
    if errors:
        count = f"{len(errors)} problems" if len(errors) > 1 else "1 problem"
        raise MapError(f"the map '{draft.file}' cannot be used: {count}", findings)
    modules = frozenset(folded(name) for each in draft.modules for name in (each.name, *each.schemas))
    return DatabaseMap(
        modules=tuple(_module(each, modules) for each in draft.modules),
        form=MapForm.SKETCH if draft.sketched else MapForm.CANONICAL,
        open=bool(draft.open_lines),
        file=draft.file,
        problems=findings,
    )


def _module(draft: ModuleDraft, modules: frozenset[str]) -> MappedModule:
    tables = frozenset(folded(each.name) for each in draft.tables)
    return MappedModule(
        name=draft.name,
        schemas=tuple(draft.schemas),
        owner=draft.owner,
        tables=tuple(_table(each, draft.name, tables, modules) for each in draft.tables),
        used_by=_references(draft.used_by),
        depends_on=_references(draft.depends_on),
        place=draft.place,
    )


def _references(lists: Sequence[ReferenceList]) -> tuple[MapReference, ...]:
    return tuple(each for listed in lists for item in listed.items for each in item.references)


def _table(draft: TableDraft, module: str, tables: frozenset[str], modules: frozenset[str]) -> MappedTable:
    columns = tuple(bind_column(each, module, tables, modules) for each in draft.columns)
    return MappedTable(name=draft.name, schema=draft.schema, columns=columns, place=draft.place)


def bind_column(
    draft: ColumnDraft, module: str, tables: Collection[str], modules: Collection[str]
) -> MappedColumn:
    """The column with its references bound: `users.id` is a table of its own module unless a module is so named."""
    references = tuple(
        column_reference(
            raw,
            own=module,
            own_tables=frozenset(tables),
            modules=frozenset(modules),
            place=draft.column.place,
        )
        for raw in draft.raw_references
    )
    return replace(draft.column, references=references) if references else draft.column

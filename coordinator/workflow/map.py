"""The use cases of the database map: check it, show it, write it, draw it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import SettingsError
from coordinator.model.finding import Finding, Severity
from coordinator.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from coordinator.model.built_schema import BuiltSchema
    from coordinator.model.database_map import DatabaseMap
    from coordinator.model.module import Module


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCheck:
    """A map and every way in which it differs from what the modules build."""

    database_map: DatabaseMap
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing but warnings and notes was found."""
        return all(each.severity is not Severity.ERROR for each in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapWritten:
    """A map that was written; `changed` is false when the file was up to date and not touched."""

    path: Path
    changed: bool
    database_map: DatabaseMap


def check_map(path: Path, modules: Sequence[Module], built_schema: Callable[[], BuiltSchema]) -> MapCheck:
    """Read the map, bind its names, and hold it against what is built.

    Raises MapError when the map cannot be read; then nothing is built for it.
    """
    from coordinator.mapfile.contract import compare_map
    from coordinator.mapfile.parser import read_map
    from coordinator.mapfile.resolving import resolve_map

    database_map = read_map(path)
    resolved = resolve_map(database_map, modules)
    # Binding and comparing both meet a name or a schema that nobody knows; the first of them knows more about it.
    told = {(each.message, each.place) for each in resolved.findings}
    schemas = {each.place for each in resolved.findings if each.rule == "map-wrong-schema"}
    compared = (
        each
        for each in compare_map(database_map, built_schema())
        if (each.message, each.place) not in told
        and not (each.rule == "map-only-schema" and each.place in schemas)
    )
    findings = (*database_map.problems, *resolved.findings, *compared)
    return MapCheck(database_map=database_map, findings=findings)


def show_map(path: Path) -> DatabaseMap:
    """Read the map. Raises MapError when it cannot be read."""
    from coordinator.mapfile.parser import read_map

    return read_map(path)


def write_map(
    path: Path, modules: Sequence[Module], built_schema: Callable[[], BuiltSchema], *, output: Path | None
) -> MapWritten:
    """Bring the map up to date with what is built, or make it; written to `output` when that is given.

    Prose of the old document stays. Raises MapError when there is a map that cannot be read.
    """
    from coordinator.mapfile.construction import map_from_schema
    from coordinator.mapfile.document import finish, read_draft
    from coordinator.mapfile.parser import read_text
    from coordinator.mapfile.updating import update_map

    text = read_text(path) if path.exists() else ""
    draft = read_draft(text, file=str(path))
    # An empty document, or one with prose alone, is where a map begins.
    is_new = any(each.rule == "map-no-modules" for each in draft.findings)
    previous = None if is_new else finish(draft)
    database_map = replace(map_from_schema(built_schema(), modules, previous), file=str(path))
    updated = update_map(text, database_map)
    destination = output or path
    if destination.exists() and destination.read_bytes() == updated.encode():
        return MapWritten(path=destination, changed=False, database_map=database_map)
    write_text(destination, updated)
    return MapWritten(path=destination, changed=True, database_map=database_map)


def write_text(path: Path, text: str) -> None:
    """Write the file whole or not at all. Raises SettingsError when the place cannot be written."""
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"the map cannot be written to '{path}': {error.strerror}", help="name another place with --output"
    )


def draw_map(path: Path, *, tables: bool) -> str:
    """The map as mermaid: its modules, or its tables. Raises MapError when it cannot be read."""
    from coordinator.reports.mermaid import module_graph, table_graph

    database_map = show_map(path)
    return table_graph(database_map) if tables else module_graph(database_map)

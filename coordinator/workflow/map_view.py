"""The database map as a run sees it: the order of modules, who depends on whom, and references to keep."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.model.kept import PersonalMarks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.check import MapReference
    from coordinator.model.database_map import DatabaseMap
    from coordinator.settings.values import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class MapView:
    """What a plan takes from the map; empty when there is no map. Its findings never stop a run: they warn."""

    order: tuple[str, ...] = ()
    edges: Mapping[str, frozenset[str]] = field(default_factory=dict)
    references: tuple[MapReference, ...] = ()
    marks: PersonalMarks = field(default_factory=PersonalMarks)
    findings: tuple[Finding, ...] = ()
    database_map: DatabaseMap | None = None


def read_map_view(settings: Settings) -> MapView:
    """Read the map, if there is one. Raises MapError when it is there and cannot be read at all."""
    from coordinator.mapfile.parser import read_map
    from coordinator.mapfile.resolving import resolve_map

    if not settings.map.exists():
        return MapView(
            findings=(
                Finding(
                    rule="no-map",
                    severity=Severity.WARNING,
                    message=f"there is no database map at {settings.map}",
                    help="`migrate map write` makes one from the modules",
                ),
            )
        )
    database_map = read_map(settings.map)
    resolved = resolve_map(database_map, settings.modules)
    return MapView(
        database_map=database_map,
        order=resolved.order,
        edges=resolved.edges,
        references=resolved.references,
        marks=PersonalMarks(marked=resolved.personal, plain=resolved.plain),
        findings=tuple(
            replace(each, severity=Severity.WARNING) if each.severity is Severity.ERROR else each
            for each in (*database_map.problems, *resolved.findings)
        ),
    )

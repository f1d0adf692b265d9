"""What a traced rehearsal means at the sizes of a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.planning.forecast import forecast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.model.forecast import Forecast
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.model.table_size import TableSize
    from coordinator.settings.values import Settings


def forecasts_of(
    rehearsal: Rehearsal | None,
    sizes: Mapping[tuple[str, str], TableSize],
    project: Project,
    settings: Settings,
) -> tuple[Forecast, ...]:
    """What its statements would mean there, those first that their authors did not foresee; () without a trace."""
    if rehearsal is None or not rehearsal.traces:
        return ()
    return forecast(rehearsal.traces, sizes, project.owners, settings.throughput)

"""What the rehearsed statements would mean for those who use the tables, at the sizes that these have there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.durations import format_duration
from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import GateStage
from coordinator.model.names import Place
from coordinator.planning.forecast import forecast
from coordinator.reports.wording import counted
from coordinator.workflow.gate.interface import Check, Said, skipped

if TYPE_CHECKING:
    from coordinator.model.forecast import Forecast
    from coordinator.workflow.gate.bench import Bench


def _foresee(bench: Bench) -> Said:
    if bench.rehearsed is None:
        return skipped("nothing is pending")
    found = forecast(
        bench.rehearsed.rehearsal.traces,
        bench.baseline.sizes(),
        bench.project.owners,
        bench.settings.throughput,
    )
    bench.forecasts = tuple(each for each in found if each.is_felt)
    unnamed = sum(not each.named for each in bench.forecasts)
    told = f"{counted(len(bench.forecasts), 'lock or work', 'locks and works')} that others may notice"
    if unnamed:
        told = f"{told}, {unnamed} on tables that no statement names"
    if not bench.forecasts:
        told = "nothing that others would notice"
    limit = bench.settings.max_hold
    long = (each for each in bench.forecasts if each.estimate is not None and each.estimate.seconds > limit)
    return Said(told=told, findings=tuple(_finding(bench, each, limit) for each in long))


def _finding(bench: Bench, each: Forecast, limit: float) -> Finding:
    assert each.estimate is not None, "asked only for what has one"
    about = format_duration(round(each.estimate.seconds))
    return Finding(
        rule="long-hold",
        severity=Severity.WARNING,
        message=f"{each.sentence}: about {about}, {each.estimate.basis}, and --max-hold is {format_duration(limit)}",
        module=each.key.module,
        revision=each.key,
        place=Place(bench.project.revision(each.key).place.file, each.line),
        help="do it in smaller steps, or when nobody needs the table",
    )


FORECAST = Check(
    name="forecast",
    stage=GateStage.MIGRATE,
    title="how long others would wait, by the locks of the rehearsal and the sizes there",
    run=_foresee,
    needs=("rehearsal",),
)

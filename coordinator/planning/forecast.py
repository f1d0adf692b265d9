"""What the statements of a rehearsal, which has no rows, would mean at the sizes that tables have elsewhere. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.forecast import USUAL_THROUGHPUT, Estimate, Forecast
from coordinator.model.locks import LockMode
from coordinator.model.sizes import format_size
from coordinator.model.trace import WorkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.model.forecast import Throughput
    from coordinator.model.table_size import TableSize
    from coordinator.model.trace import StatementTrace

Table = tuple[str, str]
_DOES = {WorkKind.REWRITE: "rewrites", WorkKind.INDEX_BUILD: "indexes", WorkKind.SCAN: "reads"}


def forecast(
    traces: Iterable[StatementTrace],
    sizes: Mapping[Table, TableSize],
    owners: Mapping[str, str],
    throughput: Throughput = USUAL_THROUGHPUT,
) -> tuple[Forecast, ...]:
    """One value for each statement and table that it locks or works on, if the table was there before the first step.

    First those tables that the statement's text does not name, then the strongest lock times the size. `sizes` are by
    the names that tables have before the first step; `owners` says which module owns a schema.
    """
    found: list[Forecast] = []
    held: dict[Table, LockMode] = {}
    for trace in traces:
        if trace.alone:
            held.clear()  # it waits for a commit, with which all locks go
        found.extend(_of_statement(trace, sizes, owners, throughput, held))
    return tuple(sorted(found, key=lambda each: (each.named, -each.weight)))


def _of_statement(
    trace: StatementTrace,
    sizes: Mapping[Table, TableSize],
    owners: Mapping[str, str],
    throughput: Throughput,
    held: dict[Table, LockMode],
) -> Iterable[Forecast]:
    locks = {each.first: each for each in trace.locks if each.first is not None}
    works: dict[Table, list[WorkKind]] = {}
    for work in trace.works:
        if work.first is not None:
            works.setdefault(work.first, []).append(work.kind)
    for table in sorted({*locks, *works}):
        # A lock that is not new was taken by an earlier statement of the same transaction.
        lock = locks.get(table)
        mode = held.get(table, LockMode.ACCESS_SHARE) if lock is None else lock.mode
        if not trace.alone:
            held[table] = mode
        kinds, size = tuple(works.get(table, ())), sizes.get(table)
        yield Forecast(
            key=trace.key,
            direction=trace.direction,
            line=trace.line,
            sql=trace.sql,
            schema=table[0],
            table=table[1],
            module=owners.get(table[0]),
            mode=mode,
            named=lock is None or lock.named,
            through="" if lock is None else lock.through,
            held_before=lock is None,
            works=kinds,
            size=size,
            estimate=estimate(kinds, size, throughput),
            seconds=trace.seconds,
            alone=trace.alone,
            waits_for=trace.waits_for,
        )


def estimate(works: Iterable[WorkKind], size: TableSize | None, throughput: Throughput) -> Estimate | None:
    """How long the work may take, by what a second does of it; None where no size is known, or nothing takes time."""
    seconds, parts = 0.0, []
    for kind in works:
        speed = throughput.of(kind)
        if size is not None and speed is not None:
            seconds += size.bytes / speed
            parts.append(f"{_DOES[kind]} {format_size(speed)} a second")
    if not parts:
        return None
    return Estimate(seconds=seconds, basis=f"if it {' and '.join(dict.fromkeys(parts))}")

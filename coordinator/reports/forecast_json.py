"""Traces of a rehearsal, and what they would mean at the sizes that tables have, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.forecast import Blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.forecast import Forecast
    from coordinator.model.trace import StatementTrace

_BLOCKS = {
    Blocks.READING: "reading and writing",
    Blocks.WRITING: "writing",
    Blocks.NOBODY: "nothing",
}


def traces_as_json(traces: Iterable[StatementTrace]) -> list[dict[str, object]]:
    """One object a statement, in the order in which they ran; literals in its text are left out."""
    return [_trace(each) for each in traces]


def forecasts_as_json(forecasts: Iterable[Forecast]) -> list[dict[str, object]]:
    """One object for each statement and table, in the order given. An estimate is always with its basis."""
    return [_forecast(each) for each in forecasts]


def _trace(trace: StatementTrace) -> dict[str, object]:
    return {
        "module": trace.key.module,
        "revision": trace.key.revision,
        "direction": trace.direction.value,
        "line": trace.line,
        "sql": trace.sql,
        "seconds": round(trace.seconds, 6),
        "rows": trace.rows,
        "transactional": not trace.alone,
        "locks": [
            {
                "table": str(each),
                "mode": each.mode.value,
                "blocks": _BLOCKS[Blocks.of(each.mode)],
                "named": each.named,
                "through": each.through or None,
            }
            for each in trace.locks
        ],
        "work": [
            {
                "kind": each.kind.value,
                "table": f"{each.schema}.{each.table}",
                "index": each.what or None,
                "bytes": each.bytes,
            }
            for each in trace.works
        ],
        "waitsFor": trace.waits_for or None,
    }


def _forecast(each: Forecast) -> dict[str, object]:
    return {
        "module": each.key.module,
        "revision": each.key.revision,
        "direction": each.direction.value,
        "line": each.line,
        "sql": each.sql,
        "table": f"{each.schema}.{each.table}",
        "owner": each.module,
        "mode": each.mode.value,
        "blocks": _BLOCKS[each.blocks],
        "named": each.named,
        "through": each.through or None,
        "work": [kind.value for kind in each.works],
        "rows": None if each.size is None or each.size.rows < 0 else each.size.rows,
        "bytes": None if each.size is None else each.size.bytes,
        "estimate": None
        if each.estimate is None
        else {"seconds": round(each.estimate.seconds, 1), "basis": each.estimate.basis},
        "transactional": not each.alone,
        "waitsFor": each.waits_for or None,
        "told": each.sentence,
    }

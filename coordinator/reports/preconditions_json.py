"""What a plan demands of rows and what came of it, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.reports.finding_json import place_as_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.precondition import PreconditionResult


def preconditions_as_json(results: Iterable[PreconditionResult]) -> list[dict[str, object]]:
    """One object a demand, in the plan's order. `count` is null where it is not known; no value of a row is in it."""
    return [_one(each) for each in results]


def _one(result: PreconditionResult) -> dict[str, object]:
    demand = result.precondition
    return {
        "rule": demand.kind.value,
        "module": demand.key.module,
        "revision": demand.key.revision,
        "direction": demand.direction.value,
        "place": place_as_json(demand.place),
        "demand": demand.what,
        "outcome": result.outcome.value,
        "count": result.count,
        "atLeast": result.capped,
        "query": result.query or None,
        "why": result.why or None,
        "help": result.help,
    }

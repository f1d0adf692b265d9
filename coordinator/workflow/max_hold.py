"""`--max-hold`: no transaction makes others wait for longer than it may, by the times of its rehearsal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.execution.events import StepByStepChosen
from coordinator.model.durations import format_duration
from coordinator.model.plan import Atomicity
from coordinator.planning.holding import longest_holding

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.execution.events import Listener
    from coordinator.model.plan import RunPlan
    from coordinator.planning.holding import Holding
    from coordinator.workflow.rehearse import Rehearsed


def within_max_hold(
    done: Rehearsed,
    limit: float,
    *,
    stepwise: Callable[[], tuple[RunPlan, ...]] | None,
    rehearse: Callable[[tuple[RunPlan, ...]], Rehearsed] | None,
    tell: Listener,
) -> Rehearsed:
    """The rehearsed plan, or where it may be cut, one whose steps commit one by one, planned and rehearsed anew.

    Raises RefusedError when even that holds its locks for longer than `limit` seconds.
    """
    holding = longest_holding(done.plan, done.rehearsal)
    if holding is None or holding.seconds <= limit:
        return done
    may_be_cut = done.plan.atomicity is Atomicity.AUTO and len(holding.segment.steps) > 1
    if stepwise is None or rehearse is None or not may_be_cut:
        raise _too_long(holding, limit, cut_helps=len(holding.segment.steps) > 1)
    tell(StepByStepChosen(why=f"{_sentence(holding, limit)}: each step shall commit by itself instead"))
    anew = rehearse(stepwise())
    still = longest_holding(anew.plan, anew.rehearsal)
    if still is not None and still.seconds > limit:
        raise _too_long(still, limit, cut_helps=False)
    return anew


def _sentence(holding: Holding, limit: float) -> str:
    one = holding.segment.steps[0].key
    who = f"{one}" if len(holding.segment.steps) == 1 else "one transaction"
    return f"{who} would hold {holding}, and --max-hold is {format_duration(limit)}"


def _too_long(holding: Holding, limit: float, *, cut_helps: bool) -> RefusedError:
    enough = f"--max-hold {format_duration(math.ceil(holding.seconds * 1.5))}"
    other = "let each step commit by itself with --atomic step" if cut_helps else "split the revision"
    return RefusedError(
        _sentence(holding, limit),
        help=f"{other}, or allow it when nobody needs these tables, with {enough}; the target was not touched",
    )

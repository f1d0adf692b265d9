"""No transaction takes more of the server's lock table than it surely holds: at that wall other sessions fail too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.execution.events import StepByStepChosen
from coordinator.model.plan import Atomicity
from coordinator.planning.lock_entries import overfull

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.execution.events import Listener
    from coordinator.model.lock_table import LockTable
    from coordinator.model.plan import RunPlan
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.workflow.rehearse import Rehearsed


def refuse_overfull(plan: RunPlan, rehearsal: Rehearsal | None, lock_table: LockTable) -> None:
    """Raise RefusedError naming the setting that a server needs for this plan."""
    found = overfull(plan, lock_table, rehearsal)
    if found:
        raise RefusedError(
            "the server's lock table is too small for this run; the target was not touched",
            found,
            help=found[0].help,
        )


def within_lock_table(
    done: Rehearsed,
    lock_table: LockTable,
    *,
    stepwise: Callable[[], tuple[RunPlan, ...]] | None,
    rehearse: Callable[[tuple[RunPlan, ...]], Rehearsed],
    tell: Listener,
) -> Rehearsed:
    """The rehearsed plan, or where it may be cut, one whose steps commit one by one, planned and rehearsed anew.

    Raises RefusedError when even that takes too much.
    """
    found = overfull(done.plan, lock_table, done.rehearsal)
    may_be_cut = done.plan.atomicity is Atomicity.AUTO and any(
        len(segment.steps) > 1 for segment in done.plan.segments
    )
    if found and stepwise is not None and may_be_cut:
        tell(StepByStepChosen(why=f"{found[0].message} Each step shall commit by itself instead"))
        done = rehearse(stepwise())
    refuse_overfull(done.plan, done.rehearsal, lock_table)
    return done

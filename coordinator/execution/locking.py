"""Which locks a segment takes before its first step: those that its rehearsal took, else those that its SQL tells.

With them those under which data is copied before it is destroyed, and put back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.capture import Direction
from coordinator.planning.expected_locks import expected_locks
from coordinator.planning.keep_locks import with_keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coordinator.model.effect import RevisionEffects
    from coordinator.model.locks import TableLock
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Segment
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.planning.keep_locks import KeepLocks


def locks_up_front(
    rehearsal: Rehearsal | None, effects: Mapping[RevisionKey, RevisionEffects], keeping: KeepLocks
) -> Callable[[Segment], tuple[TableLock, ...]]:
    """A function from a segment to its locks in the order to take them; empty where neither is known."""

    def locks(segment: Segment) -> tuple[TableLock, ...]:
        keys = tuple(step.key for step in segment.steps)
        return with_keeping(of_steps(segment), keys, segment.steps[0].direction, keeping)

    def of_steps(segment: Segment) -> tuple[TableLock, ...]:
        seen = None if rehearsal is None else rehearsal.locks_of(segment)
        if seen is not None:
            return seen
        if segment.steps[0].direction is Direction.DOWNGRADE:
            return ()  # the effects are those of upgrades
        return expected_locks((step.key for step in segment.steps), effects)

    return locks

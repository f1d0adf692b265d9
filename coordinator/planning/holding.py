"""How long a plan's transactions make others wait, by the times of its rehearsal. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.waiting import span

if TYPE_CHECKING:
    from coordinator.model.locks import TableLock
    from coordinator.model.plan import RunPlan, Segment
    from coordinator.model.rehearsal import Rehearsal

_SHOWN = 3  # tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One transaction, the tables whose readers or writers wait for it, and for how long (seconds, at least)."""

    segment: Segment
    tables: tuple[TableLock, ...]
    seconds: float

    def __str__(self) -> str:
        names = ", ".join(str(each) for each in self.tables[:_SHOWN])
        more = f" and {len(self.tables) - _SHOWN} more tables" if len(self.tables) > _SHOWN else ""
        held = f"{self.seconds:.1f} s" if self.seconds < 10 else span(self.seconds)
        return f"its locks on {names}{more} for about {held}"


def longest_holding(plan: RunPlan, rehearsal: Rehearsal) -> Holding | None:
    """The transaction that makes others wait longest; None when nobody waits for any.

    All its locks are taken at its beginning. Tables that it makes itself keep nobody waiting.
    """
    found = []
    for segment in plan.segments:
        tables = tuple(each for each in rehearsal.locks_of(segment) or () if each.mode.makes_others_wait)
        if tables:
            times = (rehearsal.step(step.key) for step in segment.steps)
            seconds = sum(each.seconds for each in times if each is not None)
            found.append(Holding(segment=segment, tables=tables, seconds=seconds))
    return max(found, key=lambda each: each.seconds, default=None)

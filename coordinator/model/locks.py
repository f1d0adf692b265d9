"""Locks on tables that a transaction takes: which, how strong, and in what order."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.capture import Direction
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Segment


class LockMode(enum.Enum):
    """PostgreSQL's locks on tables, the weakest first; the value is what LOCK TABLE calls them."""

    ACCESS_SHARE = "ACCESS SHARE"
    ROW_SHARE = "ROW SHARE"
    ROW_EXCLUSIVE = "ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"

    @property
    def strength(self) -> int:
        """Higher is stronger."""
        return tuple(LockMode).index(self)

    @property
    def catalog_name(self) -> str:
        """What pg_locks calls it."""
        return self.value.title().replace(" ", "") + "Lock"

    @property
    def makes_others_wait(self) -> bool:
        """Whether ordinary reading or writing of the table waits for it."""
        return self.strength > LockMode.SHARE_UPDATE_EXCLUSIVE.strength


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLock:
    """One lock on one table."""

    schema: str
    table: str
    mode: LockMode

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLocks:
    """The strongest lock that a segment takes on each table that was there before it, in the order to take them.

    `entries` are those of the server's lock table that its transaction takes in all; None where nobody counted.
    """

    direction: Direction
    steps: tuple[RevisionKey, ...]
    tables: tuple[TableLock, ...]
    entries: int | None = None

    def belongs_to(self, segment: Segment) -> bool:
        """Whether these are the locks of that segment."""
        return self.direction is segment.steps[0].direction and self.steps == tuple(
            step.key for step in segment.steps
        )


def in_order(locks: tuple[TableLock, ...]) -> tuple[TableLock, ...]:
    """The strongest of each table, in the one order in which every run takes them."""
    strongest: dict[tuple[str, str], TableLock] = {}
    for each in locks:
        known = strongest.get((each.schema, each.table))
        if known is None or known.mode.strength < each.mode.strength:
            strongest[each.schema, each.table] = each
    return tuple(strongest[name] for name in sorted(strongest))

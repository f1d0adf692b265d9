"""The server's lock table, which all sessions share: how much it surely holds, and what one lock comes to there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHARE = 0.7  # of the table, for one transaction that could be cut: the rest is everybody else's


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTree:
    """What a lock on a table reaches: `relations` are itself and all that inherit from it, `indexes` those on them.

    Partitions inherit, and so do the parts of a partitioned index, on which nothing stands.
    """

    relations: int = 1
    indexes: int = 2  # as a table has them of which nothing is known

    @property
    def all(self) -> int:
        return self.relations + self.indexes


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTable:
    """`capacity` is the number of entries that surely fit, `sessions` times max_locks_per_transaction.

    `trees` are the tables and indexes, by schema and name, that others inherit from.
    """

    capacity: int
    sessions: int | None = None
    trees: Mapping[tuple[str, str], TableTree] = field(default_factory=dict)

    def has_room_beside(self, entries: int) -> bool:
        """Whether enough is left for everybody else."""
        return entries <= self.capacity * _SHARE

    def setting_for(self, entries: int) -> int | None:
        """The max_locks_per_transaction with which there is; None where nothing is known of the sessions."""
        return None if self.sessions is None else math.ceil(entries / (_SHARE * self.sessions))

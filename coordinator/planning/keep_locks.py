"""Which locks the keeping of data and the putting back take, of each step in each direction. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.kept import PUT_BACK_LOCK
from coordinator.model.locks import TableLock, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.model.capture import Direction
    from coordinator.model.kept import AtStake
    from coordinator.model.locks import LockMode
    from coordinator.model.names import RevisionKey
    from coordinator.model.rehearsal import Rehearsal

    KeepLocks = Mapping[tuple[RevisionKey, Direction], tuple[TableLock, ...]]


def copying_locks(stakes: Iterable[AtStake]) -> tuple[TableLock, ...]:
    """What is locked while all of that is copied."""
    return tuple(
        lock for each in stakes for lock in locks_on((each.loss.relation, *each.partitions), each.loss.lock)
    )


def returning_locks(stakes: Iterable[AtStake]) -> tuple[TableLock, ...]:
    """What is locked while all of that is put back."""
    return tuple(
        lock for each in stakes for lock in locks_on((each.loss.relation, *each.partitions), PUT_BACK_LOCK)
    )


def locks_on(tables: Iterable[tuple[str, str]], mode: LockMode) -> tuple[TableLock, ...]:
    """The same lock on each of these tables, given by schema and name."""
    return tuple(TableLock(schema=schema, table=table, mode=mode) for schema, table in tables)


def with_keeping(
    locks: tuple[TableLock, ...], steps: Iterable[RevisionKey], direction: Direction, keeping: KeepLocks
) -> tuple[TableLock, ...]:
    """The locks of a transaction of these steps with those of its keeping, in the order to take them."""
    return in_order((*locks, *(lock for key in steps for lock in keeping.get((key, direction), ()))))


def rehearsed_with_keeping(rehearsal: Rehearsal, keeping: KeepLocks) -> Rehearsal:
    """A rehearsal keeps nothing, since it has no rows: the same with the locks that the target's rows ask for."""
    locks = (
        replace(each, tables=with_keeping(each.tables, each.steps, each.direction, keeping))
        for each in rehearsal.locks
    )
    return replace(rehearsal, locks=tuple(locks))

"""What a plan destroys on the target and what it puts back, with the locks that both take: read before its first write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.kept.own_values import Function, compared_with
from coordinator.model.kept import ORIGIN_LOCK, PUT_BACK_LOCK
from coordinator.planning.keep_locks import copying_locks, locks_on, returning_locks
from coordinator.planning.losses import losses_of
from coordinator.postgres.keeping.source import find_source
from coordinator.workflow.loss import at_stake, read_held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from coordinator.execution.kept.keep_plan import KeepPlan
    from coordinator.model.capture import Direction
    from coordinator.model.catalog import Catalog
    from coordinator.model.kept import AtStake, KeptData
    from coordinator.model.locks import LockMode, TableLock
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan, Step
    from coordinator.planning.keep_locks import KeepLocks
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakes:
    """What is known of the plan's keeping; `catalog` is the target's, `held` the copies that its steps put back."""

    catalog: Catalog
    keeping: KeepPlan
    found: Mapping[RevisionKey, tuple[AtStake, ...]]
    held: Mapping[RevisionKey, tuple[KeptData, ...]]
    locks: KeepLocks


def read_stakes(session: Session, plan: RunPlan, keeping: KeepPlan, catalog: Catalog) -> Stakes:
    """Look at the target. Reads no row of it, and where nothing is destroyed or held, no more than that."""
    found = at_stake(session, plan, keeping, catalog)
    held = read_held(session, plan)
    locks: dict[tuple[RevisionKey, Direction], tuple[TableLock, ...]] = {}
    for step in plan.steps:
        kept = found[step.key] if keeping.policy.keeps(step.key) else ()
        back = held.get(step.key, ())
        function = Function(effects=keeping.effects.get((step.key, step.direction)), catalog=catalog)
        locks[step.key, step.direction] = (
            *copying_locks(kept),
            *_on(session, PUT_BACK_LOCK, (name for each in back for name in each.relations)),
            *_on(
                session,
                ORIGIN_LOCK,
                (name for each in back for name in compared_with(each, function)),
                heirs=True,
            ),
        )
        if len(plan.segments) > 1:  # else nothing is committed that could be taken back
            locks[step.key, step.direction.opposite] = (
                *returning_locks(kept),
                *_of_reversal(session, step, keeping, catalog),
            )
    return Stakes(catalog=catalog, keeping=keeping, found=found, held=held, locks=locks)


def _of_reversal(session: Session, step: Step, keeping: KeepPlan, catalog: Catalog) -> Iterator[TableLock]:
    """The locks under which is copied what the step's way back destroys of what was there before the run."""
    if keeping.policy.keeps(step.key):
        for loss in losses_of(keeping.effects.get((step.key, step.direction.opposite)), (), catalog).losses:
            yield from _on(session, loss.lock, (loss.relation,))


def _on(
    session: Session, mode: LockMode, names: Iterable[tuple[str, str]], *, heirs: bool = False
) -> Iterator[TableLock]:
    """The lock on those of these tables that are there, and on their partitions, or also on their `heirs`."""
    for name in dict.fromkeys(names):
        source = find_source(session, *name)
        if source is not None:
            yield from locks_on((name, *(source.below if heirs else source.parts)), mode)

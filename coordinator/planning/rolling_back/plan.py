"""The plan of a rollback: the downgrades of a scope, newest first, in as few transactions as can be. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.capture import Direction
from coordinator.model.plan import Dependency, Reason, RunPlan, Step
from coordinator.planning.digest import digest_of
from coordinator.planning.lock_entries import may_be_overfull
from coordinator.planning.parts import parts_of
from coordinator.planning.segments import Segmenting, segments_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.capture import Capture
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.lock_table import LockTable
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Atomicity
    from coordinator.model.revision import Revision
    from coordinator.model.rollback import Scope


def rollback_plan(
    scope: Scope,
    *,
    revisions: Mapping[RevisionKey, Revision],
    upgrades: Mapping[RevisionKey, Capture],
    downgrades: Mapping[RevisionKey, RevisionEffects],
    atomicity: Atomicity,
    lock_table: LockTable | None = None,
) -> RunPlan:
    """The steps in the inverse of the order in which they came in; `upgrades` are the ways back, `rollbackScript`.

    Raises RefusedError when all shall be one transaction and cannot.
    """
    because = {
        each.needs: Dependency(
            before=each.key,
            after=each.needs,
            reason=Reason.USES,
            why=f"'{each.key}' {each.why}, so it goes first",
        )
        for each in reversed(scope.dragged)
    }
    steps = tuple(
        _step(position, revisions[key], downgrades.get(key), because.get(key))
        for position, key in enumerate(scope.keys, start=1)
    )
    segmenting = Segmenting(effects=downgrades, atomicity=atomicity, lock_table=lock_table)
    plan = RunPlan(
        segments=segments_of(steps, segmenting),
        atomicity=atomicity,
        modules=parts_of(steps, tuple(because.values()), upgrades),
    )
    return replace(
        plan,
        findings=may_be_overfull(plan, lock_table),
        digest=digest_of(plan, {key: revisions[key].digest for key in scope.keys}),
    )


def _step(
    position: int, revision: Revision, down: RevisionEffects | None, because: Dependency | None
) -> Step:
    return Step(
        position=position,
        key=revision.key,
        direction=Direction.DOWNGRADE,
        message=revision.message,
        place=revision.place,
        transactional=down is None or down.transactional,
        because=(because,) if because is not None else (),
        changes=down.changes if down is not None else (),
        touches=revision.touches,
        deletes_rows=revision.deletes_rows,
        irreversible=revision.irreversible,
    )

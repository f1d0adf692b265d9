"""Which steps destroy what the database had before the run, and so had better come last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.plan import Atomicity

if TYPE_CHECKING:
    from coordinator.model.names import RevisionKey
    from coordinator.planning.segments import Segmenting
    from coordinator.planning.situation import Situation


def stakes_of(situation: Situation, segmenting: Segmenting) -> frozenset[RevisionKey]:
    """The pending steps that shall wait until nothing else is free; none when one transaction can hold the run.

    A run of several transactions takes back committed steps by their downgrades, and these bring no data back. So
    a step that destroys data is best committed last, when no step is left that could fail after it. What the
    run itself makes was empty before and is not at stake.
    """
    pending = situation.pending
    if segmenting.atomicity is not Atomicity.STEP and not any(segmenting.divides(key) for key in pending):
        return frozenset()
    made = {
        (effect.object.schema, effect.object.name, effect.object.part)
        for key in pending
        if key in situation.effects
        for effect in situation.effects[key].of(Verb.CREATE)
        if effect.object.kind in (ObjectKind.RELATION, ObjectKind.COLUMN)
    }
    return frozenset(key for key in pending if _destroys(key, situation, made))


def _destroys(key: RevisionKey, situation: Situation, made: set[tuple[str, str, str]]) -> bool:
    known = situation.effects.get(key)
    return known is not None and any(
        change.loses_data
        and (change.schema, change.table, "") not in made
        and (change.schema, change.table, change.column or "") not in made
        for change in known.changes
    )

"""What must be reversed together with chosen revisions: what stands on them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import RevisionEffects, Verb
from coordinator.model.names import RevisionKey

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from coordinator.model.effect import ObjectName
    from coordinator.model.revision import ModuleTree

_MAKES = (Verb.CREATE, Verb.RENAME, Verb.RETYPE)
_ENDS = (Verb.DROP, Verb.RENAME, Verb.RETYPE)
_USES = (Verb.USE, Verb.HOLD, Verb.WRITE)


def rollback_scope(
    chosen: Collection[RevisionKey],
    *,
    order: Sequence[RevisionKey],
    trees: Sequence[ModuleTree],
    upgrades: Mapping[RevisionKey, RevisionEffects],
    downgrades: Mapping[RevisionKey, RevisionEffects],
) -> tuple[RevisionKey, ...]:
    """The revisions to reverse so that the chosen ones can be, newest first.

    `order` are the applied revisions as they were applied, oldest first. With a revision go the later ones of its
    own tree that follow it; the later ones that use what it made; and the later ones that ended what its downgrade
    uses. Those outside stay. What the effects do not tell, the rehearsal of the rollback finds.
    """
    parents = {
        each.key: {RevisionKey(each.key.module, parent) for parent in each.parents} | set(each.requires)
        for tree in trees
        for each in tree.revisions
    }
    scope: set[RevisionKey] = set()
    made: set[ObjectName] = set()
    wanted: set[ObjectName] = set()
    for key in order:
        up = upgrades.get(key, RevisionEffects(key=key))
        stands_on = (
            bool(parents.get(key, set()) & scope)
            or bool(_names(up, _USES) & made)
            or bool(_names(up, _ENDS) & wanted)
        )
        if key in chosen or stands_on:
            scope.add(key)
            made |= _made(up)
            wanted |= _names(downgrades.get(key, RevisionEffects(key=key)), (*_USES, *_ENDS))
    return tuple(key for key in reversed(order) if key in scope)


def _names(effects: RevisionEffects, verbs: tuple[Verb, ...]) -> set[ObjectName]:
    return {
        name
        for effect in effects.of(*verbs)
        for name in ((effect.object,) if not effect.alternatives else (effect.object, *effect.alternatives))
    }


def _made(effects: RevisionEffects) -> set[ObjectName]:
    """What is there because of the revision, and what lies inside it."""
    return {
        effect.to if effect.verb is Verb.RENAME and effect.to else effect.object
        for effect in effects.of(*_MAKES)
    }

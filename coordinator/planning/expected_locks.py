"""Which locks a segment will take, from its SQL alone: for a run that was not rehearsed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import Effect, ObjectKind, Verb
from coordinator.model.locks import LockMode, TableLock, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.model.effect import ObjectName, RevisionEffects
    from coordinator.model.names import RevisionKey

_DEFINES = frozenset({Verb.CREATE, Verb.DROP, Verb.RENAME, Verb.RETYPE, Verb.REPLACE, Verb.TIGHTEN})
_PARTS = frozenset(
    {
        ObjectKind.RELATION,
        ObjectKind.COLUMN,
        ObjectKind.CONSTRAINT,
        ObjectKind.DEFAULT,
        ObjectKind.POLICY,
        ObjectKind.RULE,
        ObjectKind.TRIGGER,
    }
)
# What holds something of another table locks that table too: an index build keeps writers out, a key or trigger as well.
_HOLDERS = {
    ObjectKind.INDEX: LockMode.SHARE,
    ObjectKind.CONSTRAINT: LockMode.SHARE_ROW_EXCLUSIVE,
    ObjectKind.TRIGGER: LockMode.SHARE_ROW_EXCLUSIVE,
}


def expected_locks(
    keys: Iterable[RevisionKey], effects: Mapping[RevisionKey, RevisionEffects]
) -> tuple[TableLock, ...]:
    """The locks on tables that were there before, as far as the upgrades' SQL tells, in the order to take them.

    What it does not tell is waited for by the statement that needs it. A name that is none of a table, or of one
    that is gone, does no harm: whoever takes the locks leaves it out.
    """
    new: set[ObjectName] = set()
    locks: list[TableLock] = []
    for key in keys:
        known = effects.get(key)
        for effect in known.effects if known is not None else ():
            relation = effect.object.relation
            mode = _mode(effect)
            if mode is not None and relation not in new:
                locks.append(TableLock(schema=relation.schema, table=relation.name, mode=mode))
            if relation.kind is ObjectKind.RELATION and effect.verb is Verb.CREATE and not effect.object.part:
                new.add(relation)
            if effect.verb is Verb.RENAME and effect.to is not None:
                new.add(effect.to.relation)
    return in_order(tuple(locks))


def _mode(effect: Effect) -> LockMode | None:
    if effect.verb is Verb.WRITE:
        return LockMode.ROW_EXCLUSIVE
    if effect.verb is Verb.HOLD and effect.holder is not None:
        return _HOLDERS.get(effect.holder.kind)
    if effect.verb not in _DEFINES or effect.object.kind not in _PARTS:
        return None
    if effect.verb is Verb.CREATE:
        if not effect.object.part:
            return None  # a new table
        if effect.object.kind is ObjectKind.TRIGGER or effect.type == "fkey":
            return LockMode.SHARE_ROW_EXCLUSIVE
    return LockMode.ACCESS_EXCLUSIVE

"""Which locks a segment will take, from its SQL alone: for a run that was not rehearsed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import Effect, ObjectKind, Verb
from coordinator.model.locks import LockMode, TableLock, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.model.effect import ObjectName, RevisionEffects
    from coordinator.model.names import RevisionKey

_DEFINES = frozenset({Verb.DROP, Verb.RENAME, Verb.RETYPE, Verb.REPLACE, Verb.TIGHTEN})
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
# Building an index keeps writers out; a key or a trigger also locks the table that it holds.
_GENTLE = frozenset({LockMode.SHARE, LockMode.SHARE_ROW_EXCLUSIVE})
_HOLDERS = {
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
        told = known.effects if known is not None else ()
        gentle = {(each.line, _table(each)) for each in told if _mode(each) in _GENTLE}
        for effect in told:
            table, mode = _table(effect), _mode(effect)
            if effect.verb is Verb.TIGHTEN and (effect.line, table) in gentle:
                mode = None  # what tightens is the key or the index itself
            if mode is not None and table not in new:
                locks.append(TableLock(schema=table.schema, table=table.name, mode=mode))
            if effect.verb is Verb.CREATE and effect.object.kind is ObjectKind.RELATION:
                new.add(effect.object)
            if effect.verb is Verb.RENAME and effect.to is not None:
                new.add(effect.to.relation)
    return in_order(tuple(locks))


def _table(effect: Effect) -> ObjectName:
    if effect.object.kind is ObjectKind.INDEX and effect.to is not None:
        return effect.to
    return effect.object.relation


def _mode(effect: Effect) -> LockMode | None:
    if effect.verb is Verb.WRITE:
        return LockMode.ROW_EXCLUSIVE
    if effect.verb is Verb.HOLD and effect.holder is not None:
        return _HOLDERS.get(effect.holder.kind)
    if effect.verb is Verb.CREATE:
        return _mode_of_creating(effect)
    if effect.verb in _DEFINES and effect.object.kind in _PARTS:
        return LockMode.ACCESS_EXCLUSIVE
    return None


def _mode_of_creating(effect: Effect) -> LockMode | None:
    """What the table keeps out that gets a new part; a new table keeps nobody out."""
    kind = effect.object.kind
    if kind is ObjectKind.INDEX:
        return LockMode.SHARE if effect.to is not None else None
    if kind is ObjectKind.TRIGGER or effect.type == "fkey":
        return LockMode.SHARE_ROW_EXCLUSIVE
    return LockMode.ACCESS_EXCLUSIVE if kind in _PARTS and effect.object.part else None

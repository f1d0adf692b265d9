"""Which revision made what is alive, while applied revisions are walked in the order in which they came in. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from coordinator.model.effect import ObjectKind, ObjectName, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.effect import Effect
    from coordinator.model.names import RevisionKey

MAKES: Final = (Verb.CREATE, Verb.RENAME, Verb.RETYPE)
ENDS: Final = (Verb.DROP, Verb.RENAME, Verb.RETYPE)
USES: Final = (Verb.USE, Verb.HOLD, Verb.WRITE)


@dataclass(slots=True)
class Alive:
    """The objects that are there because of a revision, each with that revision.

    What nobody made is not in it: it was there before, or is made in a way that SQL does not tell.
    """

    _makers: dict[ObjectName, RevisionKey] = field(default_factory=dict)
    _keys: dict[ObjectName, tuple[ObjectName, tuple[str, ...]]] = field(default_factory=dict)

    def maker(self, name: ObjectName) -> RevisionKey | None:
        """The revision behind the object that has this name now, or None."""
        return self._makers.get(name)

    def apply(self, key: RevisionKey, effect: Effect) -> None:
        """Let one thing that a revision does happen."""
        name = effect.object
        if effect.verb is Verb.CREATE and not (effect.conditional and name in self._makers):
            self._makers[name] = key
            self._note_key(effect)
        elif effect.verb is Verb.RETYPE:
            self._makers[name] = key
        elif effect.verb is Verb.DROP:
            for each in (name, *self._inside(name)):
                self._makers.pop(each, None)
                self._keys.pop(each, None)
        elif effect.verb is Verb.RENAME and effect.to is not None:
            self._rename(key, name, effect.to)

    def behind(self, effect: Effect) -> Iterator[tuple[ObjectName, RevisionKey]]:
        """What a use means, with who made it: the object, what it lies in, and what is used with it."""
        for name in self.meant(effect):
            for each in dict.fromkeys((name, name.relation, ObjectName(ObjectKind.SCHEMA, name.schema, ""))):
                if each in self._makers:
                    yield each, self._makers[each]
        if effect.holder is not None and effect.holder.kind is ObjectKind.CONSTRAINT:
            yield from self._key_behind(effect.object)

    def meant(self, effect: Effect) -> tuple[ObjectName, ...]:
        """The objects that a use may mean; of an unqualified name those that are there."""
        if effect.alternatives:
            possible = (effect.object, *effect.alternatives)
            return tuple(each for each in possible if each in self._makers) or possible
        # A row written without naming its columns is written in all of them.
        if effect.every or (effect.verb is Verb.WRITE and effect.columns is None):
            columns = (each for each in self._inside(effect.object) if each.kind is ObjectKind.COLUMN)
            return (effect.object, *columns)
        return (effect.object,)

    def _inside(self, whole: ObjectName) -> tuple[ObjectName, ...]:
        if whole.part:
            return ()
        return tuple(
            each
            for each in self._makers
            if each != whole
            and each.schema == whole.schema
            and (not whole.name or (each.name == whole.name and each.part))
        )

    def _rename(self, key: RevisionKey, old: ObjectName, new: ObjectName) -> None:
        for each in self._inside(old):
            maker = self._makers.pop(each)
            name = each.name if not old.name else new.name
            self._makers[ObjectName(each.kind, new.schema, name, each.part)] = maker
        self._makers.pop(old, None)
        self._makers[new] = key

    def _note_key(self, effect: Effect) -> None:
        """Remember what makes columns unique: a foreign key stands on it without naming it."""
        name = effect.object
        if name.kind is ObjectKind.CONSTRAINT and effect.type in ("pkey", "key") and effect.columns:
            self._keys[name] = (name.relation, effect.columns)
        elif name.kind is ObjectKind.INDEX and effect.columns and effect.to is not None:
            self._keys[name] = (effect.to, effect.columns)

    def _key_behind(self, column: ObjectName) -> Iterator[tuple[ObjectName, RevisionKey]]:
        """The first key over exactly this column: the one that a foreign key to it holds."""
        for name, (relation, columns) in self._keys.items():
            if column.kind is ObjectKind.COLUMN and relation == column.relation and columns == (column.part,):
                if name in self._makers:
                    yield name, self._makers[name]
                return

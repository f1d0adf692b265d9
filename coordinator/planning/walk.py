"""Walks one module's tree in order and says which versions its revisions begin, end, use and hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.planning.versions import ModuleHistory, Point, Use, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import ClassVar

    from coordinator.model.effect import Effect, RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree


def walk(tree: ModuleTree, effects: Mapping[RevisionKey, RevisionEffects]) -> ModuleHistory:
    """The versions that this module's revisions make, seen from this module alone."""
    walker = _Walker()
    for position, revision in enumerate(tree.revisions):
        known = effects.get(revision.key)
        for effect in known.effects if known else ():
            walker.note(effect, Point(revision.key, position, effect.line))
    return walker.history


class _Walker:
    """The state of one module's objects as its tree is walked."""

    def __init__(self) -> None:
        self.history = ModuleHistory()
        self._alive: dict[ObjectName, Version] = {}
        self._parts: dict[tuple[str, str], dict[ObjectName, None]] = {}  # of a relation or type
        self._stands_on: dict[ObjectName, tuple[str, ...]] = {}  # constraint or index -> its columns
        self._held: dict[ObjectName, list[Use]] = {}

    def note(self, effect: Effect, point: Point) -> None:
        """Go on by one effect."""
        self._NOTES[effect.verb](self, effect, point)

    # -- beginnings --

    def _create(self, effect: Effect, point: Point) -> None:
        name = effect.object
        if name not in self._alive:
            self._begin(name, point, effect.type)
        whole = effect.to if name.kind is ObjectKind.INDEX else (name.relation if name.part else None)
        if whole is not None:
            self._parts.setdefault((whole.schema, whole.name), {})[name] = None
        if effect.columns is not None:
            self._stands_on[name] = effect.columns

    def _begin(self, name: ObjectName, point: Point, type_name: str | None) -> Version:
        version = Version(object=name, type=type_name, begin=point)
        self.history.versions.setdefault(name, []).append(version)
        self._alive[name] = version
        return version

    # -- endings --

    def _drop(self, effect: Effect, point: Point) -> None:
        name = effect.object
        version = self._end(name, point, Verb.DROP)
        version.conditional = effect.conditional
        if name.kind is ObjectKind.SCHEMA:
            for each in [each for each in self._alive if each.schema == name.schema]:
                self._end(each, point, Verb.DROP)
        elif name.kind in {ObjectKind.RELATION, ObjectKind.TYPE}:
            for part in self._parts.pop((name.schema, name.name), {}):
                self._end(part, point, Verb.DROP)
        elif name.kind is ObjectKind.COLUMN:
            self._drop_what_stands_on(name, point)

    def _drop_what_stands_on(self, column: ObjectName, point: Point) -> None:
        parts = self._parts.get((column.schema, column.name), {})
        gone = [
            each
            for each in parts
            if column.part in self._stands_on.get(each, ())
            or (each.kind is ObjectKind.DEFAULT and each.part == column.part)
        ]
        for each in (column, *gone):
            parts.pop(each, None)
        for each in gone:
            self._end(each, point, Verb.DROP)

    def _end(self, name: ObjectName, point: Point, verb: Verb) -> Version:
        version = self._alive.pop(name, None)
        if version is None:  # made by another module, or before the first revision
            version = Version(object=name)
            self.history.versions.setdefault(name, []).append(version)
        version.end, version.ended_by = point, verb
        if verb is Verb.DROP:
            self._release(name, point)
        return version

    def _rename(self, effect: Effect, point: Point) -> None:
        old, new = effect.object, effect.to
        assert new is not None
        self._go_on_as(old, new, point)
        if old.kind not in {ObjectKind.RELATION, ObjectKind.TYPE}:
            parts = self._parts.get((old.schema, old.name), {})
            if parts.pop(old, 0) is None:
                parts[new] = None
            self._rename_in_keys(old, new, parts)
            return
        parts = self._parts.pop((old.schema, old.name), {})
        renamed = self._parts.setdefault((new.schema, new.name), {})
        for part in parts:
            schema, name = (new.schema, new.name) if part.part else (new.schema, part.name)
            moved = ObjectName(part.kind, schema, name, part.part)
            renamed[moved] = None
            if moved != part:
                self._go_on_as(part, moved, point)

    def _rename_in_keys(self, old: ObjectName, new: ObjectName, parts: dict[ObjectName, None]) -> None:
        if old.kind is ObjectKind.COLUMN:
            for each in parts:
                names = self._stands_on.get(each, ())
                if old.part in names:
                    self._stands_on[each] = tuple(new.part if name == old.part else name for name in names)

    def _go_on_as(self, old: ObjectName, new: ObjectName, point: Point) -> None:
        ended = self._end(old, point, Verb.RENAME)
        ended.next = self._begin(new, point, ended.type)
        ended.next.begun_by = Verb.RENAME
        if old in self._stands_on:
            self._stands_on[new] = self._stands_on.pop(old)
        if old in self._held:
            self._held.setdefault(new, []).extend(self._held.pop(old))

    def _retype(self, effect: Effect, point: Point) -> None:
        name = effect.object
        ended = self._end(name, point, Verb.RETYPE)
        ended.next = self._begin(name, point, effect.type)
        ended.next.begun_by = Verb.RETYPE

    # -- uses --

    def _use(self, effect: Effect, point: Point) -> None:
        use = Use(effect=effect, point=point, local=self._local(effect))
        self.history.uses.append(use)
        if use.holder is not None:
            self._held.setdefault(use.holder, []).append(use)

    def _local(self, effect: Effect) -> Version | None:
        return next(
            (self._alive[name] for name in (effect.object, *effect.alternatives) if name in self._alive), None
        )

    def _write(self, effect: Effect, point: Point) -> None:
        self.history.writes.append(Use(effect=effect, point=point, local=self._alive.get(effect.object)))

    def _tighten(self, effect: Effect, point: Point) -> None:
        self.history.tightenings.setdefault(effect.object, []).append((point, effect))

    def _replace(self, effect: Effect, point: Point) -> None:
        self._release(effect.object, point)

    def _release(self, holder: ObjectName, point: Point) -> None:
        self.history.releases.setdefault(holder, []).append(point)
        for use in self._held.pop(holder, ()):
            use.release = point

    _NOTES: ClassVar[dict[Verb, Callable[[_Walker, Effect, Point], None]]] = {
        Verb.CREATE: _create,
        Verb.DROP: _drop,
        Verb.RENAME: _rename,
        Verb.RETYPE: _retype,
        Verb.REPLACE: _replace,
        Verb.USE: _use,
        Verb.HOLD: _use,
        Verb.WRITE: _write,
        Verb.TIGHTEN: _tighten,
    }

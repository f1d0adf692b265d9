"""What there is, command after command: the pending revisions run over names and shapes instead of a database. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.impact.overloads import is_one_of, same_arguments
from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.model.known_objects import ColumnShape, KnownObjects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.change import DatabaseChange
    from coordinator.model.effect import Effect
    from coordinator.model.known_objects import Key
    from coordinator.model.names import Place, RevisionKey
    from coordinator.model.overload import Overload
    from coordinator.model.unique_key import UniqueKey
    from coordinator.revisions.commands import Command
    from coordinator.sql.shaping import Revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """One effect of a revision of the branch on an object.

    `object` is the object by the name that it had where the branch began; `fresh` says that it was not there then.
    `before` and `after` are a column's shape around the command. `position` orders alterations: the step's place in
    the plan, then the effect's in the revision. `revoked` are rights that the command takes away; `refers` are relations
    that a new foreign key of the command points at. `overloads` are the argument types of the functions of the object's
    name that it makes, drops or renames (none: all of that name).
    """

    change: DatabaseChange
    effect: Effect | None
    object: ObjectName
    key: RevisionKey
    place: Place
    position: tuple[int, int]
    fresh: bool = False
    before: ColumnShape | None = None
    after: ColumnShape | None = None
    revoked: tuple[Revoked, ...] = ()
    refers: tuple[Key, ...] = ()
    overloads: tuple[tuple[str, ...], ...] = ()

    @property
    def verb(self) -> Verb | None:
        """What is done to the object; None for a command as a whole."""
        return None if self.effect is None else self.effect.verb


class World:
    """The relations, columns, functions, types and labels as revisions leave them; not to be shared while it changes."""

    def __init__(self, known: KnownObjects | None = None) -> None:
        known = known or KnownObjects(columns={})
        self._columns: dict[Key, dict[str, ColumnShape]] = {
            key: dict(columns) for key, columns in known.columns.items()
        }
        self._functions = set(known.functions)
        self._overloads = {key: tuple(some) for key, some in known.overloads.items()}
        self._types = set(known.types)
        self._labels = {key: tuple(labels) for key, labels in known.labels.items()}
        self._keys: dict[Key, dict[ObjectName, UniqueKey]] = {
            key: dict(keys) for key, keys in known.keys.items()
        }
        self._views = set(known.views)
        self._ever: dict[Key, dict[str, ColumnShape]] = {
            key: dict(columns) for key, columns in known.columns.items()
        }
        self._ever_called = set(known.functions)
        self._ever_typed = set(known.types)
        self._fresh: set[ObjectName] = set()
        self._renames: list[tuple[ObjectName, ObjectName]] = []

    def begin(self) -> None:
        """From here on names are told as they are now: the branch begins."""
        self._fresh.clear()
        self._renames.clear()

    def known(self) -> KnownObjects:
        """What there is now."""
        return KnownObjects(
            columns={key: dict(columns) for key, columns in self._columns.items()},
            functions=frozenset(self._functions),
            overloads=dict(self._overloads),
            types=frozenset(self._types),
            labels=dict(self._labels),
            keys={key: dict(keys) for key, keys in self._keys.items()},
            views=frozenset(self._views),
        )

    def ever(self) -> KnownObjects:
        """What there is now or was there before; columns in their order, newer ones behind."""
        return KnownObjects(
            columns={key: dict(columns) for key, columns in self._ever.items()},
            functions=frozenset(self._ever_called | self._functions),
            types=frozenset(self._ever_typed | self._types),
        )

    @property
    def views(self) -> frozenset[Key]:
        """The relations that are no tables."""
        return frozenset(self._views)

    def column(self, name: ObjectName) -> ColumnShape | None:
        """The shape of a column as it is now."""
        return self._columns.get((name.schema, name.name), {}).get(name.part)

    def run(
        self, command: Command, key: RevisionKey, place: Place, position: tuple[int, int]
    ) -> tuple[Alteration, ...]:
        """Go on by one command; `position` is that of its first effect. Gives what it alters, in order."""
        before = {rule.column: self.column(rule.column) for rule in command.details.columns}
        origins = {
            id(effect): (self._origin(effect.object), self._is_fresh(effect.object))
            for effect in command.effects
        }
        for effect in command.effects:
            self._note(effect, _named(command, effect.object))
        self._detail(command)
        self._remember(command)
        after = {rule.column: self.column(rule.column) for rule in command.details.columns}
        refers = tuple(_referred(command))
        found = []
        for number, (change, of) in enumerate(command.told):
            step, offset = position
            origin, fresh = (
                origins[id(of)]
                if of is not None
                else (ObjectName(ObjectKind.RELATION, change.schema, change.table), False)
            )
            shaped = of.object if of is not None else origin
            found.append(
                Alteration(
                    change=change,
                    effect=of,
                    object=origin,
                    key=key,
                    place=replace(place, line=command.line) if command.line else place,
                    position=(step, offset + number),
                    fresh=fresh,
                    before=before.get(shaped),
                    after=after.get(shaped),
                    revoked=command.details.revoked if of is None else (),
                    refers=refers,
                    overloads=_named(command, shaped),
                )
            )
        return tuple(found)

    def _remember(self, command: Command) -> None:
        """Names stay known, since people's code may speak of what was, or of what will be."""
        for effect in command.effects:
            if effect.verb not in {Verb.CREATE, Verb.RENAME}:
                continue
            self._ever_called |= self._functions
            self._ever_typed |= self._types
            for name in (effect.object, effect.to):
                key = ("", "") if name is None else (name.schema, name.name)
                for column, shape in self._columns.get(key, {}).items():
                    self._ever.setdefault(key, {}).setdefault(column, shape)
                if key in self._columns:
                    self._ever.setdefault(key, {})

    # -- names --

    def _origin(self, name: ObjectName) -> ObjectName:
        for old, new in reversed(self._renames):
            name = under(name, new, old)
        return name

    def _is_fresh(self, name: ObjectName) -> bool:
        """Whether the object, or what it is a part of, was made since the branch began."""
        return name in self._fresh or (bool(name.part) and name.relation in self._fresh)

    # -- effects --

    def _note(self, effect: Effect, named: tuple[tuple[str, ...], ...]) -> None:
        if effect.verb is Verb.CREATE:
            self._create(effect)
        elif effect.verb is Verb.DROP:
            self._drop(effect.object, named)
        elif effect.verb is Verb.RENAME and effect.to is not None:
            self._rename(effect.object, effect.to, named)
        elif effect.verb is Verb.RETYPE:
            self._retype(effect.object, effect.type or "")

    def _create(self, effect: Effect) -> None:
        name = effect.object
        key = (name.schema, name.name)
        there = self._exists(name)
        if name.kind is ObjectKind.RELATION:
            self._columns.setdefault(key, {})
            if effect.type == "view":
                self._views.add(key)
        elif name.kind is ObjectKind.COLUMN:
            self._columns.setdefault(key, {}).setdefault(name.part, ColumnShape(type=effect.type or ""))
        elif name.kind is ObjectKind.FUNCTION:
            self._functions.add(key)
        elif name.kind is ObjectKind.TYPE:
            self._types.add(key)
        elif name.kind is ObjectKind.LABEL:
            self._labels[key] = (*self._labels.get(key, ()), name.part)
        if not there:
            self._fresh.add(name)

    def _exists(self, name: ObjectName) -> bool:
        key = (name.schema, name.name)
        if name.kind is ObjectKind.RELATION:
            return key in self._columns
        if name.kind is ObjectKind.COLUMN:
            return name.part in self._columns.get(key, {})
        if name.kind is ObjectKind.FUNCTION:
            return key in self._functions
        return name.kind is ObjectKind.TYPE and key in self._types

    def _drop(self, name: ObjectName, named: tuple[tuple[str, ...], ...]) -> None:
        key = (name.schema, name.name)
        if name.kind is ObjectKind.RELATION:
            self._columns.pop(key, None)
            self._keys.pop(key, None)
            self._views.discard(key)
        elif name.kind is ObjectKind.COLUMN:
            self._columns.get(key, {}).pop(name.part, None)
            keys = self._keys.get(key, {})
            self._keys[key] = {each: over for each, over in keys.items() if name.part not in over.columns}
        elif name.kind in {ObjectKind.INDEX, ObjectKind.CONSTRAINT}:
            for keys in self._keys.values():
                keys.pop(name, None)
        elif name.kind is ObjectKind.FUNCTION:
            self._take(key, named)
        elif name.kind is ObjectKind.TYPE:
            self._types.discard(key)
            self._labels.pop(key, None)
        elif name.kind is ObjectKind.SCHEMA:
            for each in [each for each in self._columns if each[0] == name.schema]:
                del self._columns[each]
                self._keys.pop(each, None)
            self._functions = {each for each in self._functions if each[0] != name.schema}
            self._overloads = {key: some for key, some in self._overloads.items() if key[0] != name.schema}
            self._types = {each for each in self._types if each[0] != name.schema}
        self._fresh.discard(name)

    def _rename(self, old: ObjectName, new: ObjectName, named: tuple[tuple[str, ...], ...]) -> None:
        old_key, new_key = (old.schema, old.name), (new.schema, new.name)
        if old.kind is ObjectKind.RELATION and old_key in self._columns:
            self._columns[new_key] = self._columns.pop(old_key)
            if old_key in self._views:
                self._views.discard(old_key)
                self._views.add(new_key)
        elif old.kind is ObjectKind.COLUMN and old_key in self._columns:
            columns = self._columns[old_key]
            self._columns[old_key] = {
                (new.part if name == old.part else name): shape for name, shape in columns.items()
            }
            self._keys[old_key] = {
                name: replace(
                    over, columns=frozenset(new.part if each == old.part else each for each in over.columns)
                )
                for name, over in self._keys.get(old_key, {}).items()
            }
        elif old.kind is ObjectKind.FUNCTION and old_key in self._functions:
            taken = self._take(old_key, named)
            self._functions.add(new_key)
            if taken:
                self._overloads[new_key] = (*self._overloads.get(new_key, ()), *taken)
        elif old.kind is ObjectKind.TYPE:
            self._types = (self._types - {old_key}) | {new_key}
            if old_key in self._labels:
                self._labels[new_key] = self._labels.pop(old_key)
        elif old.kind is ObjectKind.LABEL:
            labels = self._labels.get(old_key, ())
            self._labels[old_key] = tuple(new.part if each == old.part else each for each in labels)
        elif old.kind is ObjectKind.SCHEMA:
            self._move_schema(old.schema, new.schema)
        self._keys = {
            _under_key(key, old, new): {under(each, old, new): over for each, over in keys.items()}
            for key, keys in self._keys.items()
        }
        self._fresh = {under(each, old, new) for each in self._fresh}
        self._renames.append((old, new))

    def _take(self, key: Key, named: tuple[tuple[str, ...], ...]) -> tuple[Overload, ...]:
        """Take away the functions of a name that have these arguments, all of them without any; gives them."""
        known = self._overloads.pop(key, ())
        left = tuple(each for each in known if named and not is_one_of(each, named))
        if left:
            self._overloads[key] = left
        else:
            self._functions.discard(key)
        return tuple(each for each in known if each not in left)

    def lets_go(self, command: Command) -> tuple[Effect, ...]:
        """What the command, before it is run, drops or replaces so that nothing of that name is left as it was."""
        return tuple(
            effect
            for effect in command.effects
            if effect.verb in {Verb.DROP, Verb.REPLACE}
            and self._is_all(effect.object, _named(command, effect.object))
        )

    def _is_all(self, name: ObjectName, named: tuple[tuple[str, ...], ...]) -> bool:
        if name.kind is not ObjectKind.FUNCTION or not named:
            return True
        return all(is_one_of(each, named) for each in self._overloads.get((name.schema, name.name), ()))

    def _move_schema(self, old: str, new: str) -> None:
        def moved(key: Key) -> Key:
            return (new, key[1]) if key[0] == old else key

        self._columns = {moved(key): columns for key, columns in self._columns.items()}
        self._functions = {moved(key) for key in self._functions}
        self._overloads = {moved(key): some for key, some in self._overloads.items()}
        self._types = {moved(key) for key in self._types}
        self._labels = {moved(key): labels for key, labels in self._labels.items()}
        self._views = {moved(key) for key in self._views}

    def _retype(self, name: ObjectName, words: str) -> None:
        columns = self._columns.get((name.schema, name.name))
        if columns is not None and name.part in columns:
            columns[name.part] = replace(columns[name.part], type=words)

    def _detail(self, command: Command) -> None:
        for rule in command.details.columns:
            columns = self._columns.get((rule.column.schema, rule.column.name))
            if columns is not None and rule.column.part in columns:
                columns[rule.column.part] = rule.applied(columns[rule.column.part])
        for made in command.details.keys:
            keys = self._keys.setdefault((made.relation.schema, made.relation.name), {})
            over = made.key if made.of is None else keys.pop(made.of, None)
            if over is not None:
                keys[made.name] = over
        for enum, labels in command.details.labels:
            self._labels[enum.schema, enum.name] = labels
        for function, new in command.details.functions:
            key = (function.schema, function.name)
            others = (
                each
                for each in self._overloads.get(key, ())
                if not same_arguments(each.arguments, new.arguments)
            )
            self._overloads[key] = (*others, new)


def _named(command: Command, name: ObjectName) -> tuple[tuple[str, ...], ...]:
    """The argument types of the functions of a name that the command makes, drops or renames; () for all of them."""
    found = [each for function, each in command.details.named if function == name]
    found += [each.arguments for function, each in command.details.functions if function == name]
    return tuple(each for each in found if each is not None) if None not in found else ()


def _referred(command: Command) -> Iterator[Key]:
    """The relations that foreign keys made by this command hold."""
    for effect in command.effects:
        holder = effect.holder
        is_key = holder is not None and holder.kind is ObjectKind.CONSTRAINT
        if effect.verb is Verb.HOLD and is_key and effect.object.kind is ObjectKind.RELATION:
            yield effect.object.schema, effect.object.name


def _under_key(key: Key, old: ObjectName, new: ObjectName) -> Key:
    relation = under(ObjectName(ObjectKind.RELATION, *key), old, new)
    return relation.schema, relation.name


def under(name: ObjectName, old: ObjectName, new: ObjectName) -> ObjectName:
    """The name once `old` is called `new`: the object itself, what belongs to it, or what lies in it."""
    if old.kind is ObjectKind.SCHEMA:
        return replace(name, schema=new.schema) if name.schema == old.schema else name
    if old.part:
        return replace(name, part=new.part) if name == old else name
    same = (name.schema, name.name) == (old.schema, old.name)
    if same and (name.kind is old.kind or (name.part and old.kind in {ObjectKind.RELATION, ObjectKind.TYPE})):
        return replace(name, schema=new.schema, name=new.name)
    return name

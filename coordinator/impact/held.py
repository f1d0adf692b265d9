"""Who holds what as revisions go by; bodies that are texts are read when all has run, as PostgreSQL reads them. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.impact.holders import functions_of, made_by
from coordinator.impact.world import under
from coordinator.model.effect import Holding, LastingUse, ObjectKind, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from coordinator.impact.body_uses import Function
    from coordinator.model.effect import Effect, ObjectName
    from coordinator.model.known_objects import Key, KnownObjects
    from coordinator.revisions.commands import Command


_REFERRED_TO = frozenset({"pkey", "key"})


class Held:
    """The lasting uses as revisions leave them; not to be shared while it changes."""

    def __init__(self) -> None:
        self._uses: dict[ObjectName, dict[LastingUse, None]] = {}
        self._texts: dict[ObjectName, list[Function]] = {}
        self._keys: set[ObjectName] = set()  # the constraints that a foreign key can refer to

    def run(
        self, command: Command, gone: Sequence[Effect], known: Callable[[], KnownObjects], schema: str
    ) -> None:
        """Go on by one command. `gone` is what it lets go, `known` what there is after it; `schema` that of unqualified names."""
        self._let_go(gone)
        for effect in command.effects:
            self._follow(effect)
            if effect.verb is Verb.CREATE and effect.type in _REFERRED_TO:
                self._keys.add(effect.object)
        found = list(made_by(command, known))
        for function in functions_of(command, schema):
            if function.body.holding is Holding.FIRM:
                found.extend(function.uses(known()))
            else:
                self._texts.setdefault(function.name, []).append(function)
        for use in found:
            self._uses.setdefault(use.holder, {})[use] = None

    def uses(self, known: KnownObjects) -> tuple[LastingUse, ...]:
        """All of them, now that `known` is there; functions know the columns of NEW and OLD by their triggers."""
        firm = [use for uses in self._uses.values() for use in uses]
        fired_by: dict[ObjectName, list[Key]] = {}
        for use in firm:
            if use.holder.kind is ObjectKind.TRIGGER and use.used.kind is ObjectKind.FUNCTION:
                fired_by.setdefault(use.used, []).append((use.holder.schema, use.holder.name))
        found = dict.fromkeys(_with_keys(firm, self._keys))
        for name, functions in self._texts.items():
            for function in functions:
                found.update(dict.fromkeys(replace(function, name=name).uses(known, fired_by.get(name, ()))))
        return tuple(found)

    def _let_go(self, gone: Sequence[Effect]) -> None:
        for effect in gone:
            for holder in [each for each in self._uses if _is_or_belongs(each, effect.object)]:
                del self._uses[holder]
            for name in [each for each in self._texts if _is_or_belongs(each, effect.object)]:
                del self._texts[name]
            if effect.verb is Verb.DROP and effect.object.kind is ObjectKind.COLUMN:
                for holder, uses in list(self._uses.items()):
                    own = holder.kind in {ObjectKind.CONSTRAINT, ObjectKind.INDEX}
                    if own and any(use.used == effect.object and use.holding is Holding.FIRM for use in uses):
                        del self._uses[holder]

    def _follow(self, effect: Effect) -> None:
        """A renamed object is held, and holds, under its new name where PostgreSQL knows it by itself."""
        if effect.verb is not Verb.RENAME or effect.to is None:
            return
        old, new = effect.object, effect.to
        for holder in list(self._uses):
            uses = {
                (replace(use, used=under(use.used, old, new)) if use.holding is Holding.FIRM else use): None
                for use in self._uses.pop(holder)
            }
            now = under(holder, old, new)
            self._uses[now] = {replace(use, holder=now): None for use in uses}
        self._keys = {under(each, old, new) for each in self._keys}
        for name in [each for each in self._texts if under(each, old, new) != each]:
            self._texts[under(name, old, new)] = self._texts.pop(name)


def _is_or_belongs(holder: ObjectName, gone: ObjectName) -> bool:
    if gone.kind is ObjectKind.SCHEMA:
        return holder.schema == gone.schema
    if holder == gone:
        return True
    return gone.kind is ObjectKind.RELATION and bool(holder.part) and holder.relation == gone


def _with_keys(uses: Sequence[LastingUse], keys: Collection[ObjectName]) -> Iterator[LastingUse]:
    """A foreign key that names no columns holds the primary key, so the columns of that; one that does holds their key."""
    columns: dict[ObjectName, list[ObjectName]] = {}
    for use in uses:
        if use.holder.kind is ObjectKind.CONSTRAINT and use.used.kind is ObjectKind.COLUMN:
            columns.setdefault(use.holder, []).append(use.used)
    for use in uses:
        yield use
        if use.used.kind is ObjectKind.CONSTRAINT:
            yield from (replace(use, used=each) for each in columns.get(use.used, ()))
    by_columns = {frozenset(stands): key for key, stands in columns.items() if key in keys}
    for holder, stands in columns.items():
        referred = frozenset(each for each in stands if each.relation != holder.relation)
        if referred in by_columns:
            yield LastingUse(holder=holder, used=by_columns[referred])

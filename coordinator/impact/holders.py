"""Objects of the database as consumers: what the catalog says they hold, or what the revisions that made them say. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.impact.body_uses import ANYTHING, read_function
from coordinator.model.effect import Holding, LastingUse, ObjectKind, ObjectName, Verb
from coordinator.model.impact import ConsumerKind, Consumption, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from coordinator.impact.body_uses import Function
    from coordinator.model.effect import Effect
    from coordinator.model.known_objects import Key, KnownObjects
    from coordinator.model.names import Place, RevisionKey
    from coordinator.revisions.commands import Command

_KINDS = {
    ObjectKind.RELATION: ConsumerKind.VIEW,
    ObjectKind.FUNCTION: ConsumerKind.FUNCTION,
    ObjectKind.TRIGGER: ConsumerKind.TRIGGER,
    ObjectKind.POLICY: ConsumerKind.POLICY,
    ObjectKind.RULE: ConsumerKind.RULE,
    ObjectKind.CONSTRAINT: ConsumerKind.CONSTRAINT,
    ObjectKind.DEFAULT: ConsumerKind.DEFAULT,
    ObjectKind.INDEX: ConsumerKind.INDEX,
    ObjectKind.TYPE: ConsumerKind.TABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """The revision that made an object as it is, and where."""

    key: RevisionKey
    place: Place


def holders_of(
    uses: Iterable[LastingUse],
    *,
    owners: Mapping[str, str],
    makers: Mapping[ObjectName, Maker],
    views: frozenset[Key],
    since: RevisionKey | None = None,
) -> tuple[Consumption, ...]:
    """One consumer for each holder, by name. `since` is the pending revision that makes them, None: they are there.

    Its place is the line that made it, or its own name where no revision is known to have.
    """
    gathered: dict[ObjectName, list[LastingUse]] = {}
    for each in uses:
        if each.used != ANYTHING:
            gathered.setdefault(each.holder, []).append(each)
    found = []
    for holder in sorted(gathered, key=lambda each: each.sorting):
        maker = _maker(holder, makers)
        found.append(
            Consumption(
                kind=_kind(holder, gathered[holder], views),
                name=str(holder),
                module=maker.key.module if maker else owners.get(holder.schema),
                place=str(maker.place) if maker else str(holder),
                usages=tuple(_usage(each) for each in gathered[holder]),
                holder=holder,
                since=since,
                file=maker.place.file if maker else None,
            )
        )
    return tuple(found)


def _maker(holder: ObjectName, makers: Mapping[ObjectName, Maker]) -> Maker | None:
    """Who made it; a default that nobody set later came with its column."""
    found = makers.get(holder)
    if found is None and holder.kind is ObjectKind.DEFAULT:
        found = makers.get(ObjectName(ObjectKind.COLUMN, holder.schema, holder.name, holder.part))
    return found


def not_known_of(uses: Iterable[LastingUse]) -> tuple[str, ...]:
    """The functions of which nobody can tell all that they use."""
    names = sorted({str(each.holder) for each in uses if each.used == ANYTHING})
    return tuple(f"function {name} runs dynamic SQL (EXECUTE), or cannot be read" for name in names)


def _kind(holder: ObjectName, uses: Sequence[LastingUse], views: frozenset[Key]) -> ConsumerKind:
    if holder.kind is ObjectKind.CONSTRAINT:
        foreign = any(each.used.kind is ObjectKind.RELATION for each in uses)
        return ConsumerKind.FOREIGN_KEY if foreign else ConsumerKind.CONSTRAINT
    if holder.kind is ObjectKind.COLUMN:
        inside = any(each.used.kind is ObjectKind.COLUMN for each in uses)
        return ConsumerKind.GENERATED if inside else ConsumerKind.TABLE
    if holder.kind is ObjectKind.RELATION and (holder.schema, holder.name) not in views:
        return ConsumerKind.TABLE
    return _KINDS.get(holder.kind, ConsumerKind.TABLE)


def _usage(use: LastingUse) -> Usage:
    return Usage(
        object=use.used,
        holding=use.holding,
        every=use.every,
        writes=use.writes,
        inserts=use.inserts,
        columns=use.columns,
        by_position=use.inserts and use.every,
        conflict=use.conflict,
        forces=use.forces,
        others=use.others,
        arguments=use.arguments,
    )


def made_by(command: Command, known: Callable[[], KnownObjects]) -> tuple[LastingUse, ...]:
    """What the objects that one command makes hold from then on, but for what functions hold by their bodies.

    `known` is asked only by a view of all columns: it holds those that are there.
    """
    functions = _functions(command)
    found: dict[LastingUse, None] = {}
    for effect in command.effects:
        if effect.verb is not Verb.HOLD or effect.holder is None:
            continue
        in_signature = effect.holding is Holding.FIRM and effect.object.kind is ObjectKind.TYPE
        if effect.holder not in functions or in_signature:
            for use in _held(effect, command):
                found[use] = None
                if effect.every:
                    columns = known().all_columns(effect.object)
                    found.update({replace(use, used=each): None for each in columns})
    for effect in command.effects:
        for use in _standing(effect):
            found[use] = None
    return tuple(found)


def functions_of(command: Command, schema: str) -> tuple[Function, ...]:
    """The functions that one command makes, with their bodies."""
    return tuple(
        read_function(each.schema, each.name, command.sql, (schema, "public"))
        for each in sorted(_functions(command), key=lambda each: each.sorting)
    )


def _functions(command: Command) -> set[ObjectName]:
    return {effect.object for effect in command.effects if _makes_function(effect)} if command.sql else set()


def _makes_function(effect: Effect) -> bool:
    return effect.verb is Verb.CREATE and effect.object.kind is ObjectKind.FUNCTION


def _held(effect: Effect, command: Command) -> Iterator[LastingUse]:
    assert effect.holder is not None
    used = effect.object
    ways = dict.fromkeys(each.arguments for each in command.details.calls if each.function == used)
    for arguments in ways or (None,):
        yield LastingUse(holder=effect.holder, used=used, holding=effect.holding, arguments=arguments)


def _standing(effect: Effect) -> Iterator[LastingUse]:
    """The columns that an index or a constraint stands on."""
    if effect.verb is not Verb.CREATE or effect.columns is None:
        return
    relation = effect.to if effect.object.kind is ObjectKind.INDEX else effect.object.relation
    if relation is None or effect.object.kind not in {ObjectKind.INDEX, ObjectKind.CONSTRAINT}:
        return
    for name in effect.columns:
        used = ObjectName(ObjectKind.COLUMN, relation.schema, relation.name, name)
        yield LastingUse(holder=effect.object, used=used, holding=Holding.FIRM)

"""The pending revisions run over names and shapes: what the branch alters, from what to what, and who lets go. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.impact.held import Held
from coordinator.impact.holders import Maker, functions_of, holders_of, made_by, not_known_of
from coordinator.impact.world import World, under
from coordinator.model.effect import ObjectKind, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.impact.facts import Position
    from coordinator.impact.world import Alteration
    from coordinator.model.effect import Effect, LastingUse, ObjectName
    from coordinator.model.impact import Consumption
    from coordinator.model.known_objects import KnownObjects
    from coordinator.model.names import Place, RevisionKey
    from coordinator.revisions.commands import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One revision as it is run over names: its commands, and the schema of its unqualified names."""

    key: RevisionKey
    place: Place
    schema: str
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What came of the run. `reading` knows what was there at any time: names in people's code are read by it.

    `pending` are the objects that pending revisions make, `releases` where holders are dropped or replaced, `retyped`
    where columns get another type.
    """

    alterations: tuple[Alteration, ...]
    start: KnownObjects
    final: KnownObjects
    reading: KnownObjects
    releases: Mapping[ObjectName, tuple[tuple[Position, RevisionKey], ...]]
    retyped: Mapping[ObjectName, tuple[tuple[Position, RevisionKey], ...]]
    pending: tuple[Consumption, ...] = ()
    not_known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What applied revisions tell: who made what, what it holds, and what there is."""

    makers: Mapping[ObjectName, Maker] = field(default_factory=dict)
    uses: tuple[LastingUse, ...] = ()
    sources: Mapping[str, str] = field(
        default_factory=dict
    )  # the command that made each view and function, by name
    known: KnownObjects


def run_past(applied: Sequence[Running]) -> Past:
    """Run the applied revisions; without a database this is all that is known of where the branch starts."""
    world = World()
    makers: dict[ObjectName, Maker] = {}
    held = Held()
    sources: dict[str, str] = {}
    for revision in applied:
        for command in revision.commands:
            gone = world.lets_go(command)
            world.run(command, revision.key, revision.place, (0, 0))
            held.run(command, gone, world.known, revision.schema)
            for effect in command.effects:
                _follow(effect, makers)
                if effect.verb in {Verb.CREATE, Verb.REPLACE}:
                    place = _at(revision.place, effect.line)
                    makers[effect.object] = Maker(key=revision.key, place=place)
                    if effect.type == "view" or effect.object.kind is ObjectKind.FUNCTION:
                        sources[str(effect.object)] = command.sql
    known = world.known()
    return Past(
        makers=makers,
        uses=held.uses(known),
        sources={made: sql for made, sql in sources.items() if sql},
        known=known,
    )


def _follow(effect: Effect, makers: dict[ObjectName, Maker]) -> None:
    if effect.verb is Verb.RENAME and effect.to is not None:
        for made in [each for each in makers if under(each, effect.object, effect.to) != each]:
            makers[under(made, effect.object, effect.to)] = makers.pop(made)


def _at(place: Place, line: int) -> Place:
    return replace(place, line=line) if line else place


def run_branch(
    known: KnownObjects,
    pending: Sequence[Running],
    branch: frozenset[RevisionKey],
    *,
    owners: Mapping[str, str],
) -> Branch:
    """Run the pending revisions in the order of the plan; what those of the branch do to what was there is altered."""
    world = World(known)
    alterations: list[Alteration] = []
    holders: list[Consumption] = []
    unsure: list[LastingUse] = []
    releases: dict[ObjectName, list[tuple[Position, RevisionKey]]] = {}
    retyped: dict[ObjectName, list[tuple[Position, RevisionKey]]] = {}
    start, begun = known, False
    for number, revision in enumerate(pending, start=1):
        if revision.key in branch and not begun:
            world.begin()
            start, begun = world.known(), True
        makers: dict[ObjectName, Maker] = {}
        uses: dict[LastingUse, None] = {}
        offset = 0
        for command in revision.commands:
            for effect in world.lets_go(command):
                releases.setdefault(effect.object, []).append(((number, offset), revision.key))
            altered = world.run(command, revision.key, revision.place, (number, offset))
            if revision.key in branch:
                alterations.extend(altered)
            for effect in command.effects:
                if effect.verb in {Verb.CREATE, Verb.REPLACE}:
                    makers[effect.object] = Maker(key=revision.key, place=_at(revision.place, effect.line))
                if effect.verb is Verb.RETYPE:
                    retyped.setdefault(effect.object, []).append(((number, offset), revision.key))
            uses.update(dict.fromkeys(made_by(command, world.known)))
            for function in functions_of(command, revision.schema):
                uses.update(dict.fromkeys(function.uses(world.known())))
            offset += len(command.told) + 1
        unsure.extend(uses)
        holders.extend(holders_of(uses, owners=owners, makers=makers, views=world.views, since=revision.key))
    return Branch(
        alterations=tuple(alterations),
        start=start,
        final=world.known(),
        reading=world.ever(),
        releases={holder: tuple(found) for holder, found in releases.items()},
        retyped={column: tuple(found) for column, found in retyped.items()},
        pending=tuple(holders),
        not_known=not_known_of(unsure),
    )

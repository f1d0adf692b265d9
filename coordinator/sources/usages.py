"""From what a command names to the objects that it uses, their schemas and tables resolved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.beside import Beside
from coordinator.model.effect import Effect, Holding, ObjectKind, ObjectName, Verb
from coordinator.model.impact import Usage
from coordinator.sources.texts import PUT_IN
from coordinator.sql.calls import given_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.known_objects import KnownObjects
    from coordinator.sql.bodies import Body, Insert

_KNOWN_ONLY = frozenset({ObjectKind.FUNCTION, ObjectKind.RELATION, ObjectKind.COLUMN})
Compared = tuple[tuple[ObjectName, ObjectName | Beside], ...]


def usages_of(body: Body, known: KnownObjects, path: Sequence[str]) -> tuple[Usage, ...]:
    """The known objects that a command uses; `path` are the schemas in which unqualified names are looked for."""
    meant = (known.named((each,), path) for each in body.computed)
    computed = {each for each in meant if each is not None}
    given = given_to(body.calls, known, path)
    found: dict[Usage, None] = {}
    for effect in known.resolved(body.effects, path):
        for usage in _of_effect(effect, known, computed, given):
            found[
                replace(usage, forces=body.forces(usage.object, known, path)) if usage.writes else usage
            ] = None
    for insert in body.inserts:
        relation = known.home(insert.relation, path)
        if relation is not None and (relation.schema, relation.name) in known.columns:
            found[_of_insert(insert, relation, known)] = None
    return tuple(found)


def compared_in(body: Body, known: KnownObjects, path: Sequence[str]) -> Compared:
    """Columns that the command compares with each other, or with something else that is no column.

    A quoted text of which a part is only known when the program runs is left out.
    """
    pairs: list[tuple[ObjectName, ObjectName | Beside]] = []
    for left, right in body.compared:
        if isinstance(right, Beside) and PUT_IN in right.words:
            continue
        one = known.named(left.candidates, path)
        other = right if isinstance(right, Beside) else known.named(right.candidates, path)
        if one is not None and other is not None:
            pairs.append((one, other))
    return tuple(dict.fromkeys(pairs))


def _of_effect(
    effect: Effect,
    known: KnownObjects,
    computed: set[ObjectName],
    given: Mapping[ObjectName, tuple[tuple[str, ...] | None, ...]],
) -> Iterator[Usage]:
    used = effect.object
    if used.kind in _KNOWN_ONLY and not _is_known(used, known):
        return
    if effect.verb is Verb.WRITE:
        yield Usage(object=used, holding=Holding.LATE, writes=True, columns=_given(effect.columns))
    elif effect.verb in {Verb.USE, Verb.HOLD}:
        for arguments in given.get(used, (None,)):
            yield Usage(
                object=used,
                holding=Holding.LATE,
                every=effect.every,
                others=effect.alternatives,
                arguments=arguments,
                computed=used in computed,
            )


def _is_known(used: ObjectName, known: KnownObjects) -> bool:
    if used.kind is ObjectKind.FUNCTION:
        return (used.schema, used.name) in known.functions
    return (used.schema, used.name) in known.columns


def _of_insert(insert: Insert, relation: ObjectName, known: KnownObjects) -> Usage:
    columns = _given(insert.columns)
    # One value alone may be a placeholder for a whole row.
    if insert.columns is None and insert.width is not None and insert.width > 1:
        columns = tuple(each.part for each in known.all_columns(relation)[: insert.width])
    return Usage(
        object=relation,
        writes=True,
        inserts=True,
        columns=columns,
        by_position=insert.columns is None,
        conflict=insert.conflict,
        forces=insert.forces(columns),
    )


def _given(columns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The columns that get a value; None when one of them is only known when the program runs."""
    if columns is not None and any(PUT_IN in each for each in columns):
        return None
    return columns

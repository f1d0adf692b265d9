"""Which objects are to be looked for in people's code, and what indexes and constraints stand on. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.types import same_type
from coordinator.model.effect import ObjectKind, ObjectName, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from coordinator.impact.world import Alteration
    from coordinator.model.effect import LastingUse
    from coordinator.model.known_objects import KnownObjects


def objects_wanted(
    alterations: Sequence[Alteration],
    start: KnownObjects,
    standing: Mapping[ObjectName, frozenset[ObjectName]],
) -> frozenset[ObjectName]:
    """What changes, by its old name and its new one; of a schema all that is in it, of an enum type its columns.

    Of an index the columns that it stands on as well, as `standing` tells: nobody's code names an index.
    """
    changing = frozenset(each for alteration in alterations for each in _wanted(alteration, start))
    indexes = (each for each in changing if each.kind is ObjectKind.INDEX)
    return changing.union(*(standing.get(each, frozenset()) for each in indexes))


def _wanted(alteration: Alteration, start: KnownObjects) -> Iterator[ObjectName]:
    yield alteration.object
    effect = alteration.effect
    if effect is not None and effect.verb is Verb.RENAME and effect.to is not None:
        yield effect.to
    for revoked in alteration.revoked:
        yield from revoked.objects
        for each in revoked.objects:
            yield from _inside(each, start)
    yield from _inside(alteration.object, start)
    for schema, name in alteration.refers:
        yield ObjectName(ObjectKind.RELATION, schema, name)
    if alteration.object.kind in {ObjectKind.LABEL, ObjectKind.TYPE}:
        enum = f"{alteration.object.schema}.{alteration.object.name}"
        for (schema, relation), columns in start.columns.items():
            for column, shape in columns.items():
                if shape.type and same_type(shape.type.removesuffix("[]"), enum):
                    yield ObjectName(ObjectKind.COLUMN, schema, relation, column)


def _inside(name: ObjectName, start: KnownObjects) -> Iterator[ObjectName]:
    """What is in a schema: nobody's code names that alone."""
    if name.kind is not ObjectKind.SCHEMA:
        return
    kinds = {
        ObjectKind.RELATION: start.columns,
        ObjectKind.FUNCTION: start.functions,
        ObjectKind.TYPE: start.types,
    }
    for kind, keys in kinds.items():
        yield from (ObjectName(kind, *key) for key in keys if key[0] == name.schema)


def stands_on(uses: Iterable[LastingUse]) -> Mapping[ObjectName, frozenset[ObjectName]]:
    """The columns of each index and constraint, of their own table."""
    found: dict[ObjectName, set[ObjectName]] = {}
    for each in uses:
        if each.used.kind is not ObjectKind.COLUMN:
            continue
        own = (each.holder.schema, each.holder.name) == (each.used.schema, each.used.name)
        if each.holder.kind is ObjectKind.INDEX or (each.holder.kind is ObjectKind.CONSTRAINT and own):
            found.setdefault(each.holder, set()).add(each.used)
    return {holder: frozenset(columns) for holder, columns in found.items()}


def looked_up(alterations: Iterable[Alteration]) -> frozenset[ObjectName]:
    """The columns with which the indexes and keys begin that the branch makes: rows are found by these."""
    found = set()
    for each in alterations:
        effect = each.effect
        if effect is None or effect.verb is not Verb.CREATE or not effect.columns:
            continue
        relation = effect.to if effect.object.kind is ObjectKind.INDEX else effect.object.relation
        if relation is not None and effect.object.kind in {ObjectKind.INDEX, ObjectKind.CONSTRAINT}:
            found.add(ObjectName(ObjectKind.COLUMN, relation.schema, relation.name, effect.columns[0]))
    return frozenset(found)

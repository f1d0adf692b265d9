"""Who outside of what goes back reads what a rollback changes: views, keys, functions, references of the map. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import Holding, ObjectKind, ObjectName, Verb
from coordinator.model.rollback import Integration
from coordinator.planning.alive import ENDS, MAKES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from coordinator.model.check import MapReference
    from coordinator.model.effect import LastingUse, RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.rollback import Scope

_KINDS = {ObjectKind.RELATION: "view", ObjectKind.CONSTRAINT: "foreign key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """What is known of who reads what: the catalog's lasting uses across schemas, those of functions, the map."""

    lasting: Sequence[LastingUse]
    references: Sequence[MapReference]
    functions: Sequence[LastingUse]
    owners: Mapping[str, str]  # schema -> module


def integrations(
    scope: Scope, downgrades: Mapping[RevisionKey, RevisionEffects], readers: Readers
) -> tuple[Integration, ...]:
    """Everything of another module, or of nobody, that reads a table which the rollback changes; by name.

    What stands on something that goes away comes first.
    """
    changed, ended = _changed(scope, downgrades)
    found: dict[str, Integration] = {}
    for each in (
        *_dragged(scope),
        *_holders(readers, changed, ended),
        *_functions(scope, downgrades, readers, changed),
        *_references(readers, changed),
    ):
        known = found.setdefault(each.name, each)
        if each.breaks and not known.breaks:
            found[each.name] = each
    return tuple(sorted(found.values(), key=lambda each: (not each.breaks, each.name)))


def _changed(
    scope: Scope, downgrades: Mapping[RevisionKey, RevisionEffects]
) -> tuple[frozenset[ObjectName], frozenset[ObjectName]]:
    """The relations of which the downgrades change something, and the objects that they end."""
    effects = [effect for key in scope.keys if key in downgrades for effect in downgrades[key].effects]
    changed = {
        (effect.to if effect.object.kind is ObjectKind.INDEX and effect.to else effect.object).relation
        for effect in effects
        if effect.verb in (*MAKES, *ENDS, Verb.WRITE, Verb.TIGHTEN, Verb.REPLACE)
    }
    return frozenset(changed), frozenset(effect.object for effect in effects if effect.verb in ENDS)


def _dragged(scope: Scope) -> Iterator[Integration]:
    named = {key.module for key in scope.named}
    for each in scope.dragged:
        if each.key.module not in named:
            yield Integration(
                name=str(each.key),
                what=each.why,
                module=each.key.module,
                breaks=True,
            )


def _holders(
    readers: Readers, changed: frozenset[ObjectName], ended: frozenset[ObjectName]
) -> Iterator[Integration]:
    uses: dict[ObjectName, list[ObjectName]] = {}
    for each in readers.lasting:
        if each.used.relation in changed:
            uses.setdefault(each.holder, []).append(each.used)
    for holder, used in uses.items():
        whole = {each.relation for each in used}
        shown = [each for each in used if each.part] or used
        shown = [*shown, *(each for each in used if not each.part and not _has_part(each, used))]
        names = ", ".join(dict.fromkeys(str(each) for each in shown))
        yield Integration(
            name=str(holder),
            what=f"{_KINDS.get(holder.kind, holder.kind.value)}, reads {names}",
            module=readers.owners.get(holder.schema),
            breaks=any(each in ended for each in (*used, *whole)),
        )


def _has_part(relation: ObjectName, used: Iterable[ObjectName]) -> bool:
    return any(each.part and each.relation == relation for each in used)


def _functions(
    scope: Scope,
    downgrades: Mapping[RevisionKey, RevisionEffects],
    readers: Readers,
    changed: frozenset[ObjectName],
) -> Iterator[Integration]:
    """Bodies of text know tables by name only, so PostgreSQL guards nothing here.

    Those of a module go with the revision that made them; nobody would take back those of nobody. What a downgrade
    drops or replaces is looked after.
    """
    lost, renewed = _lost(scope, downgrades)
    uses: dict[ObjectName, list[LastingUse]] = {}
    for each in readers.functions:
        across = each.holder.schema != each.used.schema
        if across and each.used.relation in changed and each.holder not in renewed:
            uses.setdefault(each.holder, []).append(each)
    for holder, held in uses.items():
        gone = [
            name for each in held if each.holding is not Holding.FIRM for name in _named(each) if name in lost
        ]
        names = dict.fromkeys(gone or (each.used.relation for each in held))
        module = readers.owners.get(holder.schema)
        yield Integration(
            name=str(holder),
            what=f"function, names {', '.join(str(each) for each in names)}",
            module=module,
            breaks=module is None and bool(gone),
        )


def _lost(
    scope: Scope, downgrades: Mapping[RevisionKey, RevisionEffects]
) -> tuple[frozenset[ObjectName], frozenset[ObjectName]]:
    """The names of relations and columns that nothing has in the end, and the functions that are replaced or dropped."""
    lost: set[ObjectName] = set()
    renewed: set[ObjectName] = set()
    for key in scope.keys:
        for effect in downgrades[key].effects if key in downgrades else ():
            if effect.object.kind is ObjectKind.FUNCTION and effect.verb in (Verb.DROP, Verb.REPLACE):
                renewed.add(effect.object)
            elif effect.object.kind not in (ObjectKind.RELATION, ObjectKind.COLUMN):
                continue
            elif effect.verb in (Verb.DROP, Verb.RENAME):
                lost.add(effect.object)
            made = effect.to if effect.verb is Verb.RENAME else effect.object
            if made is not None and effect.verb in (Verb.CREATE, Verb.RENAME):
                lost.discard(made)
    return frozenset(lost), frozenset(renewed)


def _named(use: LastingUse) -> Iterator[ObjectName]:
    """What a body names: the object, and the columns that it gives a value."""
    yield use.used
    for column in use.columns or ():
        yield ObjectName(ObjectKind.COLUMN, use.used.schema, use.used.name, column)


def _references(readers: Readers, changed: frozenset[ObjectName]) -> Iterator[Integration]:
    keys = {(each.holder.relation, each.used) for each in readers.lasting}  # they tell the same, and hold it
    for each in readers.references:
        target = ObjectName(ObjectKind.RELATION, each.target_schema, each.target_table)
        source = ObjectName(ObjectKind.RELATION, each.schema, each.table)
        if target in changed and each.schema != each.target_schema and (source, target) not in keys:
            yield Integration(
                name=f"{each.schema}.{each.table}.{each.column}",
                what=f"refers to {target}.{each.target_column}, as the map says",
                module=readers.owners.get(each.schema),
            )

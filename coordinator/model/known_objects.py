"""Which relations, columns, functions and types there are, and what a name means that has no schema."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.model.effect import Effect, ObjectKind, ObjectName, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from coordinator.model.overload import Overload
    from coordinator.model.unique_key import UniqueKey

Key = tuple[str, str]  # schema and name
BARE = ""  # the schema of a name that was written without one


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnShape:
    """One column: its type in PostgreSQL's words ("" where not known), as far as writers and readers care.

    `mandatory`: NOT NULL. `filled`: a row that gives no value gets one (a default, an identity, a generated value).
    `always`: it is generated always, so a row that gives another value is refused.
    """

    type: str = ""
    mandatory: bool = False
    filled: bool = False
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownObjects:
    """What was there, or was to be there, at one moment.

    `columns` are those of each relation, in order; `overloads` the functions of each name as far as
    known, `labels` those of each enum type, `keys` the unique
    ones of each relation by the name of their constraint or index.
    """

    columns: Mapping[Key, Mapping[str, ColumnShape]]
    functions: frozenset[Key] = frozenset()
    overloads: Mapping[Key, tuple[Overload, ...]] = field(default_factory=dict)
    types: frozenset[Key] = frozenset()
    labels: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    keys: Mapping[Key, Mapping[ObjectName, UniqueKey]] = field(default_factory=dict)
    views: frozenset[Key] = frozenset()  # relations that are no tables
    _schemas: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        schemas: dict[str, list[str]] = {}
        for schema, name in sorted(self.columns):
            schemas.setdefault(name, []).append(schema)
        object.__setattr__(self, "_schemas", {name: tuple(found) for name, found in schemas.items()})

    def column(self, name: ObjectName) -> ColumnShape | None:
        """The shape of a column, None when it is not known."""
        return self.columns.get((name.schema, name.name), {}).get(name.part)

    def has_column(self, name: ObjectName) -> bool:
        """Whether that column is known."""
        return name.part in self.columns.get((name.schema, name.name), ())

    def all_columns(self, relation: ObjectName) -> tuple[ObjectName, ...]:
        """The columns of a relation, in order; () when it is not known."""
        found = self.columns.get((relation.schema, relation.name), {})
        return tuple(ObjectName(ObjectKind.COLUMN, relation.schema, relation.name, each) for each in found)

    def home(self, name: ObjectName, path: Sequence[str]) -> ObjectName | None:
        """The object that the name means where these schemas are looked through, in order.

        A relation that none of them holds is looked for in all schemas, and found when only one holds it. None: not
        known, or not known which.
        """
        if name.schema != BARE:
            return name
        known = self._known(name)
        schema = next((each for each in path if (each, name.name) in known), None)
        if schema is None and len(found := self._schemas.get(name.name, ())) == 1 and known is self.columns:
            schema = found[0]
        return None if schema is None else replace(name, schema=schema)

    def _known(self, name: ObjectName) -> Mapping[Key, object] | frozenset[Key]:
        if name.kind is ObjectKind.FUNCTION:
            return self.functions
        if name.kind in {ObjectKind.TYPE, ObjectKind.LABEL}:
            return self.types
        return self.columns

    def resolved(self, effects: Iterable[Effect], path: Sequence[str]) -> tuple[Effect, ...]:
        """The effects that speak of known objects, with their full names.

        A column that may belong to one of several relations is that one's which has it; its `alternatives` are then
        the others, which do not have it at this moment.
        """
        return tuple(found for each in effects if (found := self._resolved(each, path)) is not None)

    def _resolved(self, effect: Effect, path: Sequence[str]) -> Effect | None:
        names = [
            found
            for each in (effect.object, *effect.alternatives)
            if (found := self.home(each, path)) is not None
        ]
        others: tuple[ObjectName, ...] = ()
        if effect.object.kind is ObjectKind.COLUMN and effect.verb in {Verb.USE, Verb.HOLD}:
            having = [each for each in names if self.has_column(each)]
            others = tuple(each for each in names if each not in having[:1])
            names = having or [each for each in names if (each.schema, each.name) not in self.columns]
        elif effect.object.kind in {ObjectKind.TYPE, ObjectKind.LABEL}:
            names = [each for each in names if (each.schema, each.name) in self._known(each)]
        if not names:
            return None
        return replace(effect, object=names[0], alternatives=others)

    def named(self, candidates: Iterable[ObjectName], path: Sequence[str]) -> ObjectName | None:
        """The column that a name with several candidates means; None when none of them is known."""
        found = (self.home(each, path) for each in candidates)
        return next((each for each in found if each is not None and self.has_column(each)), None)

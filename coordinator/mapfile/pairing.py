"""What in the map and what in the database are the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from coordinator.mapfile.references import written_reference
from coordinator.model.database_map import MapReference, folded, same_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.built_schema import BuiltForeignKey, BuiltModule, BuiltSchema
    from coordinator.model.database_map import DatabaseMap, MappedModule

Mapped_contra = TypeVar("Mapped_contra", contravariant=True)
Built_contra = TypeVar("Built_contra", contravariant=True)
Mapped = TypeVar("Mapped")
Built = TypeVar("Built")


class Same(Protocol[Mapped_contra, Built_contra]):
    """Whether two things have the same name: to the letter, or as people read it."""

    def __call__(self, one: Mapped_contra, other: Built_contra, *, exact: bool) -> bool: ...


def pair(
    mapped: Sequence[Mapped], built: Sequence[Built], same: Same[Mapped, Built]
) -> tuple[list[tuple[Mapped, Built]], list[Mapped], list[Built]]:
    """Pairs in the map's order, what only the map has, what only the database has.

    An exact name wins over one that only folds alike: `user_id` and `userid` may stand in one table.
    """
    free = list(built)
    partner: dict[int, Built] = {}
    for exact in (True, False):
        for position, one in enumerate(mapped):
            if position in partner:
                continue
            found = next((other for other in free if same(one, other, exact=exact)), None)
            if found is not None:
                partner[position] = found
                free.remove(found)
    pairs = [(one, partner[position]) for position, one in enumerate(mapped) if position in partner]
    only = [one for position, one in enumerate(mapped) if position not in partner]
    return pairs, only, free


class BuiltNames:
    """The built modules by every name that the map may use for them."""

    def __init__(self, database_map: DatabaseMap, actual: BuiltSchema) -> None:
        self.actual = actual
        self._by_name = {folded(each.name): each for each in actual.modules}
        self._by_schema = {folded(schema): each for each in actual.modules for schema in each.schemas}
        bound = {folded(each.name): self.built_of(each) for each in database_map.modules}
        self._by_mapped = {name: built for name, built in bound.items() if built is not None}
        self._spelling = {
            built.name: each.name for each in database_map.modules if (built := self.built_of(each))
        }

    def built_of(self, mapped: MappedModule) -> BuiltModule | None:
        """The module that a part of the map describes: by name, by the schemas it names, by a schema so named."""
        by_schemas = (self._by_schema.get(folded(schema)) for schema in mapped.schemas)
        named = next((each for each in by_schemas if each is not None), None)
        key = folded(mapped.name)
        return self._by_name.get(key) or named or self._by_schema.get(key)

    def find(self, name: str) -> BuiltModule | None:
        """The module behind a name in a reference, or None."""
        key = folded(name)
        return self._by_mapped.get(key) or self._by_name.get(key) or self._by_schema.get(key)

    def spelling(self, module: str) -> str:
        """The module's name as the map spells it, or its own when the map has no part for it."""
        return self._spelling.get(module, module)

    def is_target(self, reference: MapReference, key: BuiltForeignKey, column: str) -> bool:
        """Whether a reference of `column` means this foreign key."""
        owner = self.actual.owner_of(key.schema)
        module = self.find(reference.module)
        if owner is None or module is None or owner.name != module.name:
            return False
        if reference.schema is not None and not same_name(reference.schema, key.schema):
            return False
        if reference.table is not None and not same_name(reference.table, key.table):
            return False
        if reference.column is None:
            return True
        target = dict(zip(key.columns, key.target_columns, strict=True)).get(column)
        return target is not None and same_name(reference.column, target)

    def written(self, key: BuiltForeignKey, column: str) -> str:
        """How the map would spell the target of a foreign key's column."""
        return written_reference(self.reference(key, column))

    def reference(self, key: BuiltForeignKey, column: str) -> MapReference:
        """The target of a foreign key's column as a reference of the map."""
        owner = self.actual.owner_of(key.schema)
        several = owner is not None and len(owner.schemas) > 1 and key.schema != owner.schemas[0]
        target = dict(zip(key.columns, key.target_columns, strict=True)).get(column)
        return MapReference(
            module=self.spelling(owner.name) if owner else key.schema,
            schema=key.schema if several else None,
            table=key.table,
            column=target,
        )

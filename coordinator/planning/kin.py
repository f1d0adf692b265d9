"""Tables that share rows: a partitioned or inherited one, and those below it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.planning.preconditions.known import parents_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import RevisionEffects

    Table = tuple[str, str]  # schema and name
    Pair = tuple[Table, Table]


@dataclass(frozen=True, slots=True)
class Kin:
    """Pairs of a table and one that it is a partition or a child of."""

    pairs: frozenset[Pair] = frozenset()

    def of(self, tables: Collection[Table]) -> frozenset[Table]:
        """These, and all above and below them: what is written there may be in their rows. Siblings are none of them."""
        return _reached(tables, self.pairs) | self.below(tables)

    def below(self, tables: Collection[Table]) -> frozenset[Table]:
        """These, and all below them."""
        return _reached(tables, ((parent, child) for child, parent in self.pairs))


def kin_of(effects: RevisionEffects, catalog: Catalog) -> Kin:
    """The kinship of the tables that are there, and of those that the function makes."""
    return Kin(kin_in(catalog).pairs | joined(effects))


def kin_in(catalog: Catalog) -> Kin:
    """The kinship of the tables that are there."""
    return Kin(
        frozenset(
            ((address.schema, address.name), parent)
            for address, text in catalog.definitions.items()
            if address.kind in {"table", "foreign table"}
            for parent in parents_in(text)
        )
    )


def joined(effects: RevisionEffects) -> set[Pair]:
    """The pairs of tables that the function makes kin."""
    views = views_made(effects)
    return {
        ((holder.schema, holder.name), (each.object.schema, each.object.name))
        for each in effects.of(Verb.HOLD)
        if each.object.kind is ObjectKind.RELATION
        and (holder := each.holder) is not None
        and holder.kind is ObjectKind.RELATION
        and (holder.schema, holder.name) not in views
    }


def views_made(effects: RevisionEffects) -> frozenset[Table]:
    """The views that the function makes."""
    return frozenset(
        (each.object.schema, each.object.name)
        for each in effects.of(Verb.CREATE, Verb.REPLACE)
        if each.object.kind is ObjectKind.RELATION and each.type == "view"
    )


def _reached(tables: Collection[Table], pairs: Iterable[Pair]) -> frozenset[Table]:
    """These tables, and all to which pairs lead from them."""
    steps: dict[Table, set[Table]] = {}
    for start, end in pairs:
        steps.setdefault(start, set()).add(end)
    found, waiting = set(tables), list(tables)
    while waiting:
        new = steps.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return frozenset(found)

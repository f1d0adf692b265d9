"""What is known of the objects around a change: the commands that made them, and what stands on them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import Holding, ObjectKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.effect import LastingUse, ObjectName

_BOUND = frozenset({ObjectKind.INDEX, ObjectKind.CONSTRAINT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """`sources` are the commands that made views and functions, by name; `uses` are all lasting ones."""

    sources: Mapping[str, str] = field(default_factory=dict)
    uses: tuple[LastingUse, ...] = ()

    def standing_on(self, relation: str) -> tuple[str, ...]:
        """The objects that PostgreSQL does not let the relation be dropped for."""
        found = {
            str(each.holder)
            for each in self.uses
            if each.holding is Holding.FIRM
            and each.used.kind in {ObjectKind.RELATION, ObjectKind.COLUMN}
            and str(each.used.relation) == relation
            and str(each.holder.relation) != relation
        }
        return tuple(sorted(found))

    def bound_to(self, column: ObjectName) -> tuple[str, ...]:
        """The indexes and constraints that stand on a column, each with its kind."""
        found = {
            each.holder.shown for each in self.uses if each.used == column and each.holder.kind in _BOUND
        }
        return tuple(sorted(found))

    def is_only_of(self, holder: str, column: ObjectName) -> bool:
        """Whether the holder uses no other column of that name."""
        return not any(
            str(each.holder) == holder and each.used.part == column.part and each.used != column
            for each in self.uses
            if each.used.kind is ObjectKind.COLUMN
        )

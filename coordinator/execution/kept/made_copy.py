"""A copy that was made before a step, and what of it the step has destroyed by now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.postgres.keeping import copy as keep_copy

if TYPE_CHECKING:
    from coordinator.model.kept import Loss
    from coordinator.postgres.keeping.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCopy:
    """One copy that was made before the step and is not in the ledger yet.

    `columns` are all columns of the copy, `kept` those whose values are wanted back, `left_out` those at stake that
    must not be copied, `personal` all of the source that are personal. Without `kept` there is no table.
    """

    loss: Loss
    source: Source
    number: int
    columns: tuple[str, ...]
    kept: tuple[str, ...]
    row_key: tuple[str, ...]
    left_out: tuple[str, ...]
    personal: tuple[str, ...]

    @property
    def name(self) -> str:
        """The copy's table, in the ledger's schema."""
        return keep_copy.name_of_copy(self.number)

    def lost_in(self, now: Source) -> tuple[str, ...]:
        """Those of the columns at stake that the table is without by now, or holds as another type, length or precision."""
        types = {each.number: (each.type, each.modifier) for each in now.columns}
        return tuple(
            each.name
            for each in self.source.columns
            if each.name in self.loss.columns and types.get(each.number) != (each.type, each.modifier)
        )

    def only(self, lost: tuple[str, ...]) -> MadeCopy:
        """The copy of only these of the columns; whole rows, where it has no key, stay whole."""
        if not self.row_key:
            return self
        kept = tuple(each for each in self.kept if each in lost)
        return replace(self, kept=kept, columns=tuple(dict.fromkeys((*self.row_key, *kept))))

    def names_in(self, now: Source) -> dict[str, str]:
        """What the columns are called now, by their numbers; in another table of the same name, by their names."""
        before = self.source
        if before.oid != now.oid:
            return {each: each for each in before.stored if each in now.stored}
        numbers = {each.number: each.name for each in now.columns if not each.generated}
        return {each.name: numbers[each.number] for each in before.columns if each.number in numbers}

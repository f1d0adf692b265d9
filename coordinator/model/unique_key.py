"""What a unique index or constraint is over, and what ON CONFLICT asks one to be over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueKey:
    """The columns, without those that are only included. `computed`: over expressions too; `partial`: with a WHERE."""

    columns: frozenset[str]
    computed: bool = False
    partial: bool = False

    def serves(self, wanted: UniqueKey) -> bool | None:
        """Whether ON CONFLICT over `wanted` can rely on this key; None when its expressions or its WHERE decide."""
        if (self.columns, self.computed) != (wanted.columns, wanted.computed):
            return False
        if self.partial and not wanted.partial:
            return False
        return None if self.computed or self.partial else True

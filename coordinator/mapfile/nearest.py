"""The known name nearest to one that nobody knows."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.model.database_map import folded

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that looks most like `name`, in its own spelling; None when none comes near.

    `cutoff` is difflib's ratio, 0 to 1.
    """
    spellings = {folded(each): each for each in known}
    # A whole paragraph is no misspelt name, and difflib is quadratic.
    matches = difflib.get_close_matches(folded(name[:80]), spellings, n=1, cutoff=cutoff)
    return spellings[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A question that names the nearest name, ready to be a finding's help."""
    near = nearest_name(name, known)
    return f"did you mean '{near}'?" if near else None

"""The target before the first applied step: what it must be again if the run fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.model.catalog import Catalog

# Schema and name of a table -> number of rows and checksum over them.
RowSums: TypeAlias = dict[tuple[str, str], tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """Catalog and rows at the beginning. `rows` reads the rows again; None where a transaction gives them back."""

    catalog: Catalog
    rows: Callable[[], RowSums] | None
    sums: RowSums

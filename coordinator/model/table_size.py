"""How large a table is, as far as the server knows without counting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """`rows` is the planner's estimate, -1 where the table was never analysed; `bytes` is all of it, indexes too."""

    rows: int
    bytes: int

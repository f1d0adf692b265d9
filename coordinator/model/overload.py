"""One of the functions that share a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """The types of what it takes, how many of these a call must give, and what it gives back, OUT parameters too."""

    arguments: tuple[str, ...]
    needed: int
    variadic: bool = False
    result: str = ""

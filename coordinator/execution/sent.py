"""A statement of a revision as it was sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Its text without the values of its parameters, and the revision's line."""

    sql: str
    line: int

"""A module as the ledger remembers it, for checkouts that do not have its files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModule:
    """A module as the last checkout that had it named it. `schemas[0]` is its main one."""

    name: str
    schemas: tuple[str, ...]
    version_table: str  # "schema.table"
    owner: str | None = None

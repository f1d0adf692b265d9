"""A target as it was at one moment, without a row of its tables: enough to plan and rehearse without reaching it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import LastingUse
    from coordinator.model.found import Found
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.table_size import TableSize

SNAPSHOT_FORMAT = 1  # of the file; one that only adds keys is the same format


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutSchema:
    """A schema of the target that the snapshot does not hold, and why, as one sentence without a full stop."""

    schema: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What `migrate snapshot` read of a target.

    `definitions` is SQL that makes `schemas`, without rows, owners and grants in it; `roles` are those that it names.
    `deployer` is the role that migrates there. `catalog`, `uses` and `lasting` are of these schemas and of what lies
    in none. `found` is what was read of version tables and ledger. `secrets` counts the literals that were left out
    because they seem to be passwords.
    """

    made: datetime
    program: str  # our version
    environment: str
    database: str
    system_identifier: int | None  # of the server; None where the role may not ask
    deployer: str
    facts: ServerFacts
    schemas: tuple[str, ...]
    left_out: tuple[LeftOutSchema, ...] = ()
    definitions: str
    roles: tuple[str, ...] = ()
    filled_views: tuple[tuple[str, str], ...] = ()
    catalog: Catalog
    found: Found
    lasting: tuple[LastingUse, ...] = ()
    uses: tuple[LastingUse, ...] = ()
    sizes: Mapping[tuple[str, str], TableSize]
    secrets: int = 0

    @property
    def shown(self) -> str:
        """For people: `snapshot of production, made 2026-11-24 02:00 UTC`."""
        return f"snapshot of {self.environment}, made {self.made:%Y-%m-%d %H:%M} UTC"

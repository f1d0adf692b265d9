"""What a role must be allowed to do, and what it lacks."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class RightKind(enum.Enum):
    """What a right is about."""

    DATABASE = "database"
    SCHEMA = "schema"
    TABLE = "table"
    SEQUENCE = "sequence"
    ROLE = "role"  #: membership


class Need(enum.Enum):
    """Commands that need the same rights."""

    READ = "status, history, plan, check"
    REHEARSE = "all-modules, rollback, snapshot: copying the definitions"
    APPLY = "all-modules, rollback, recover, gc: writing"
    NOTE = "accept, release: writing to the ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One privilege on one object. `name` is schema and table or sequence, or one name; of a membership `privilege` is empty.

    `holder` is the role that must have it: the one that connects, or the owner that a module's steps run as.
    """

    kind: RightKind
    name: tuple[str, ...]
    holder: str
    why: str
    privilege: str = ""

    @property
    def sentence(self) -> str:
        """`USAGE on schema 'crm'`."""
        shown = f"{self.kind.value} '{'.'.join(self.name)}'"
        return f"{self.privilege} on {shown}" if self.privilege else f"membership in {shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingTable:
    """A table that is there, and who owns it."""

    schema: str
    name: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """What of the modules is in the database already."""

    database: str
    schemas: frozenset[str]
    roles: frozenset[str]
    superusers: frozenset[str]
    tables: tuple[ExistingTable, ...]

    def has_table(self, schema: str, name: str) -> bool:
        """Whether that table is there."""
        return any((each.schema, each.name) == (schema, name) for each in self.tables)

    def tables_in(self, schema: str) -> tuple[ExistingTable, ...]:
        """The tables of one schema."""
        return tuple(each for each in self.tables if each.schema == schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededRights:
    """What one group of commands needs, and what of it is missing; `statements` would give that."""

    need: Need
    wanted: tuple[Right, ...]
    missing: tuple[Right, ...]
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsReport:
    """One role judged on one target."""

    target: str
    environment: str
    role: str
    superuser: bool
    needs: tuple[NeededRights, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not any(each.missing for each in self.needs)

"""What a module is: one owner, its schemas and where its Alembic tree lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The SQL file that stands for a tree's first revisions, when these cannot be run from nothing."""

    sql: Path
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module as the settings and the folders describe it. `schemas[0]` is where its unqualified names go."""

    name: str
    path: Path  # the folder that holds `versions/`
    schemas: tuple[str, ...]
    version_table: str | None = None  # "schema.table"; None: <schema>.alembic_version
    owner: str | None = None  # the role its steps run as
    naming_convention: str | None = None  # "package.module:metadata"
    sources: tuple[Path, ...] = ()
    interpreter: str | None = None  # None: the one that runs the coordinator
    baseline: Baseline | None = None
    import_paths: tuple[Path, ...] = ()  # put on sys.path for its revisions
    keep: bool = True  # copy what its steps destroy, so that it can be put back

    @property
    def schema(self) -> str:
        return self.schemas[0]

    @property
    def versions(self) -> Path:
        return self.path / "versions"

    @property
    def qualified_version_table(self) -> tuple[str, str]:
        """Schema and name of the table that holds the module's heads."""
        if self.version_table is None:
            return self.schema, "alembic_version"
        schema, dot, table = self.version_table.partition(".")
        return (schema, table) if dot else (self.schema, schema)

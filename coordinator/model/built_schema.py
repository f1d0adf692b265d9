"""What the modules' revisions really build, as a catalog shows it: the other side of the map's contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.names import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltColumn:
    """One column; `type` as `format_type` writes it (`character varying(40)`)."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltForeignKey:
    """`columns[i]` points at `target_columns[i]` of `schema.table`."""

    columns: tuple[str, ...]
    schema: str
    table: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTable:
    """A table that people would look for in the map; columns in their own order.

    Left out by whoever makes it: version tables, partitions (their parent stands for them), views.
    """

    schema: str
    name: str
    columns: tuple[BuiltColumn, ...] = ()
    foreign_keys: tuple[BuiltForeignKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltModule:
    """One module with all that its revisions left behind."""

    name: str
    schemas: tuple[str, ...]
    tables: tuple[BuiltTable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleUse:
    """An edge in the code: something of module `consumer` needs something of module `provider`.

    Foreign keys need not be repeated here. `consumer_table` is the table, view or function that needs;
    `provider_table` the relation that is needed; None where it is not known.
    """

    consumer: str
    provider: str
    consumer_table: str | None = None
    provider_table: str | None = None
    why: str = ""  # "view agendamento.agenda reads it"
    place: Place | None = None  # the line of the revision that made it so


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSchema:
    """All modules as built. A module that owns no table is listed too."""

    modules: tuple[BuiltModule, ...]
    uses: tuple[ModuleUse, ...] = ()

    def owner_of(self, schema: str) -> BuiltModule | None:
        """The module that owns the schema, or None."""
        return next((each for each in self.modules if schema in each.schemas), None)

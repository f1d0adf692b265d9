"""The step that an integrity check looks at, and what is known about the modules and rows around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.capture import InputFile
    from coordinator.model.module import Module
    from coordinator.model.names import Place
    from coordinator.model.plan import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class MapReference:
    """A column that the database map says points at another; no foreign key need be behind it."""

    schema: str
    table: str
    column: str
    target_schema: str
    target_table: str
    target_column: str
    place: Place | None = None  # the map's line

    def __str__(self) -> str:
        target = f"{self.target_schema}.{self.target_table}.{self.target_column}"
        return f"{self.schema}.{self.table}.{self.column} → {target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTable:
    """What a step did to the rows of one table, as the server counted it; what it tried and took back counts too.

    `rows_before` is what statistics knew: 0 may mean that nobody knows. `moved_file` is true after TRUNCATE, and
    after whatever else gives the table a new file, such as a change of a column's type.
    """

    schema: str
    name: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rows_before: int = 0
    moved_file: bool = False
    created: bool = False  # it was not there before the step
    partition_of: int | None = None  # OID of the partitioned table at the top


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """The step that has just run, and the modules around it.

    `written` are the tables whose rows it wrote; None: the server did not count, so lost rows cannot be told.
    `row_budget` is how many rows one check may read; what would need more is said to be unchecked.
    """

    step: Step
    module: Module
    modules: tuple[Module, ...]
    owners: Mapping[str, str]  # schema -> name of the module that owns it
    references: tuple[MapReference, ...] = ()  # all of the map's
    written: tuple[WrittenTable, ...] | None = None
    row_budget: int = 1_000_000
    seconds: float = 30.0  # for each of the module's own checks
    last_of_module: bool = False  # no other step of this module follows in the plan
    inputs: tuple[InputFile, ...] = ()  # the files that its function read or imported

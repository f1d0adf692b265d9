"""The step that an integrity check looks at, and what is known about the modules and rows around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

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
class TableMark:
    """What a transaction has done to one table so far, as the server counts it; see `table_marks`."""

    schema: str
    name: str
    file: int  # another one after TRUNCATE, and after what rewrites the table
    inserted: int
    deleted: int
    estimate: int  # rows that it may hold, as far as statistics know
    root: int | None = None  # the partitioned table that it is a part of, by OID


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """The step that has just run, and the modules around it.

    `marks` were taken right before the step (by the tables' OIDs); without them lost rows cannot be told.
    `row_budget` is how many rows one check may read; what would need more is said to be unchecked.
    """

    step: Step
    module: Module
    modules: tuple[Module, ...]
    owners: Mapping[str, str]  # schema -> name of the module that owns it
    references: tuple[
        MapReference, ...
    ] = ()  # all that the map writes; a check takes those of touched tables
    marks: Mapping[int, TableMark] | None = None
    row_budget: int = 1_000_000
    seconds: float = 30.0  # for each of the module's own checks

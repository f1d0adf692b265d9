"""Data that a step destroys and that is kept, so that the opposite step can put it back."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.database_map import folded
from coordinator.model.locks import LockMode

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from coordinator.model.capture import Direction
    from coordinator.model.names import RevisionKey


Table = tuple[str, str]  # schema and name
# The real schema, and table and column as `folded`.
PersonalColumn = tuple[str, str, str]

PUT_BACK_LOCK = LockMode.SHARE_ROW_EXCLUSIVE  # under which kept values go back: nobody else writes meanwhile
ORIGIN_LOCK = LockMode.SHARE  # of a table that kept values are compared with: nobody writes meanwhile
NOT_MEASURED = "?"  # the state of a table of which nobody can tell whether it was changed


class LossKind(enum.Enum):
    """What of a table a step destroys."""

    TABLE = "table"  #: it is dropped
    COLUMNS = "columns"  #: columns are dropped, or get another type
    ROWS = "rows"  #: rows are changed or deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something that was there before the run and that a step destroys.

    `columns`: of COLUMNS those dropped or retyped; of ROWS those that get other values, and () for whole rows.
    The names are those from before the step.
    """

    kind: LossKind
    schema: str
    table: str
    columns: tuple[str, ...] = ()

    @property
    def relation(self) -> tuple[str, str]:
        """Schema and name of the table."""
        return self.schema, self.table

    def holds(self, other: Loss) -> bool:
        """Whether a copy of this holds what `other` is, in the same table or in a partition of it."""
        if self.kind is LossKind.TABLE:
            return True
        whole = not self.columns
        return self.kind is other.kind and (
            whole or (bool(other.columns) and set(other.columns) <= set(self.columns))
        )

    @property
    def lock(self) -> LockMode:
        """What its copy is made under: what drops or retypes takes the same; while rows are copied nobody writes."""
        return LockMode.SHARE_ROW_EXCLUSIVE if self.kind is LossKind.ROWS else LockMode.ACCESS_EXCLUSIVE

    def __str__(self) -> str:
        name = f"{self.schema}.{self.table}"
        if self.kind is LossKind.TABLE:
            return f"table {name}"
        if self.kind is LossKind.ROWS:
            return f"rows of {name}" + (f" ({', '.join(self.columns)})" if self.columns else "")
        if len(self.columns) == 1:
            return f"column {name}.{self.columns[0]}"
        return f"columns {', '.join(self.columns)} of {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtStake:
    """One thing that a step destroys on the target: about how large its copy gets (bytes), and why there is none.

    `size` is 0 for an empty table: nothing is lost with it. `partitions` are the tables below, by schema and name.
    """

    key: RevisionKey
    loss: Loss
    size: int
    not_kept: str = ""  # why it is not kept, or cannot be put back by itself; empty: it is and can
    partitions: tuple[tuple[str, str], ...] = ()


class Ending(enum.Enum):
    """What became of data that was kept, or why it was not kept at all."""

    PUT_BACK = "put back"
    EXPIRED = "expired"
    ERASED = "erased"
    DISCARDED = "discarded"  #: never kept, as the operator said with --discard
    LEFT_OUT = "left out"  #: never kept: all of it is personal
    OFF = "off"  #: never kept: the settings say so
    COMMITTED = "committed"  #: never kept: rows of a step that commits statement by statement


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginState:
    """How a table was from which the opposite function fills the one whose data is kept. `state` None: it was not there."""

    schema: str
    table: str
    state: str | None

    @property
    def relation(self) -> tuple[str, str]:
        """Schema and name."""
        return self.schema, self.table


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptData:
    """One row of `migrate.kept`: what was copied from one table before a step. Sizes are bytes.

    `columns` and `key` are names from before the step; `left_as` is schema, table and key columns as the step left
    them, () when the table was gone. `rest` are the table's columns as the step left it: the digest of a row is
    taken over them. `left_out` are personal columns that were not copied, `personal` those that were. `copy` names
    the table in the ledger's schema that holds the rows; None: there is none (any more).
    `digest` is that of the revision's content that ran, of a downgrade's loss the one that had brought it in; "": not
    noted. `origins` are the other tables that the opposite function fills this one from; None: not known.
    """

    number: int
    run: int
    key: RevisionKey
    direction: Direction
    kind: LossKind
    schema: str
    table: str
    columns: tuple[str, ...] = ()
    row_key: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    left_as: tuple[str, ...] = ()
    rows: int = 0
    bytes: int = 0
    checksum: str = "0"
    left_out: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    copy: str | None = None
    kept: datetime | None = None
    expires: datetime | None = None
    ended: datetime | None = None
    ending: Ending | None = None
    ended_by: int | None = None
    put_back: int | None = None
    conflicts: int | None = None
    digest: str = ""
    origins: tuple[OriginState, ...] | None = None

    @property
    def relation(self) -> tuple[str, str]:
        """Schema and name of the table that the data was in."""
        return self.schema, self.table

    @property
    def relations(self) -> tuple[tuple[str, str], ...]:
        """The table by the name that it had, and by the one under which the step left it; sorted."""
        return tuple(sorted({self.relation, *([(self.left_as[0], self.left_as[1])] if self.left_as else [])}))

    @property
    def whole_rows(self) -> bool:
        """Whether a row can be made anew from what is kept of it."""
        return self.kind is LossKind.TABLE or (
            self.kind is LossKind.ROWS and set(self.row_key) <= set(self.columns)
        )

    @property
    def shortfall(self) -> str:
        """What is said of it where not all of it came back."""
        held = f"what is not back is in migrate.{self.copy}" if self.copy else "not all was kept"
        return f"{self.loss}: {held}"

    @property
    def loss(self) -> Loss:
        """What was destroyed."""
        columns = () if self.kind is LossKind.TABLE else self.columns
        return Loss(kind=self.kind, schema=self.schema, table=self.table, columns=columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalMarks:
    """What a map says about personal data: `plain` are columns that it describes without the mark."""

    marked: frozenset[PersonalColumn] = frozenset()
    plain: frozenset[PersonalColumn] = frozenset()

    def and_remembered(self, before: frozenset[PersonalColumn]) -> frozenset[PersonalColumn]:
        """The marked ones, and of those that earlier maps had marked all but the plain ones."""
        return self.marked | (before - self.plain)


NO_MARKS = PersonalMarks()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPolicy:
    """What is kept, how much at most, and for how long. Sizes are bytes, durations seconds.

    `personal` are columns that this map or an earlier one calls personal: not kept unless `keep_personal`.
    `without` are modules whose data is not kept at all, `discard` revisions whose loss the operator accepts.
    """

    enabled: bool = True
    limit: int = 100_000_000
    hold: float = 5.0
    keep_for: float = 30 * 86_400.0
    without: frozenset[str] = frozenset()
    discard: frozenset[RevisionKey] = frozenset()
    personal: frozenset[PersonalColumn] = frozenset()
    keep_personal: bool = False

    def keeps(self, key: RevisionKey) -> bool:
        """Whether what this revision destroys is copied first."""
        return self.enabled and key.module not in self.without and key not in self.discard

    def left_out(self, tables: Collection[Table], columns: Collection[str]) -> tuple[str, ...]:
        """Those of the columns that are not copied because they are personal; `tables` as of `personal_of`."""
        return () if self.keep_personal else self.personal_of(tables, columns)

    def personal_of(self, tables: Collection[Table], columns: Collection[str]) -> tuple[str, ...]:
        """Those of a table's columns that are personal; `tables` are it, its parts, and those that it is a part or heir of."""
        return tuple(
            each
            for each in columns
            if any((schema, folded(table), folded(each)) in self.personal for schema, table in tables)
        )

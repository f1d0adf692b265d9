"""What each statement of a rehearsed step did to tables: locks, rewrites, scans, rows, bytes, time."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.capture import Direction
    from coordinator.model.locks import LockMode
    from coordinator.model.names import RevisionKey


class WorkKind(enum.Enum):
    """What takes the longer, the larger the table is."""

    REWRITE = "rewrite"  #: all rows are written to a new file, and all indexes are built anew
    INDEX_BUILD = "index build"  #: all rows are read and sorted into an index
    SCAN = "scan"  #: all rows are read, to see whether they meet something
    EMPTIED = "emptied"  #: the table has got a new, empty file: TRUNCATE


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedLock:
    """A lock that a statement newly took on a table that was there before it, by the names that it had then.

    `named`: the statement's text names the table as what it acts on; one that it only refers to, as a foreign key
    does, is not named. `through` is the index by which the table is locked, where it was not locked itself.
    `first` are schema and name that the table had before the first step; None: a step has made it.
    """

    schema: str
    table: str
    mode: LockMode
    named: bool
    through: str = ""
    first: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWork:
    """Work on one table that was there before. `what` is the index, for those; `bytes` is what was written here.

    `first` is as in `TracedLock`.
    """

    kind: WorkKind
    schema: str
    table: str
    what: str = ""
    bytes: int = 0
    first: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementTrace:
    """One statement of one step, as it ran in the rehearsal.

    `sql` is shown without any value. `rows` are those that were written, by triggers too. `waits_for` says what a
    statement outside of transactions waits for before it ends; such a statement holds its locks only while it runs.
    """

    key: RevisionKey
    direction: Direction
    line: int
    sql: str
    seconds: float
    rows: int = 0
    locks: tuple[TracedLock, ...] = ()
    works: tuple[TableWork, ...] = ()
    alone: bool = False  # it ran outside of transactions
    waits_for: str = ""

    @property
    def rewrites(self) -> tuple[TableWork, ...]:
        """The tables that it wrote anew."""
        return tuple(each for each in self.works if each.kind is WorkKind.REWRITE)

    @property
    def named(self) -> bool:
        """Whether its text names every table that it locks or works on."""
        return all(each.named for each in self.locks)

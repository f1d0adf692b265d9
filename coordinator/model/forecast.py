"""What a rehearsed statement would mean for those who use a table, at the size that the table has elsewhere."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.locks import LockMode
from coordinator.model.sizes import format_size, parse_size
from coordinator.model.trace import WorkKind

if TYPE_CHECKING:
    from coordinator.model.capture import Direction
    from coordinator.model.names import RevisionKey
    from coordinator.model.table_size import TableSize


class Blocks(enum.Enum):
    """Whom a lock keeps waiting until the transaction that holds it ends."""

    READING = "readers and writers wait"
    WRITING = "writers wait"
    NOBODY = "nobody waits"

    @classmethod
    def of(cls, mode: LockMode) -> Blocks:
        """Whom this lock keeps waiting."""
        if mode is LockMode.ACCESS_EXCLUSIVE:
            return cls.READING
        return cls.WRITING if mode.makes_others_wait else cls.NOBODY


WANTED_THROUGHPUT = '"rewrite 50MB, index 30MB, scan 200MB", what a second does of each'
_PART = re.compile(r"(rewrite|index|scan)\s+(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Bytes of a table that a server gets through in a second; an assumption, unless somebody has measured it."""

    rewrite: int = 50_000_000
    index: int = 30_000_000
    scan: int = 200_000_000

    def of(self, kind: WorkKind) -> int | None:
        """For this kind of work; None for work that takes no time."""
        return {
            WorkKind.REWRITE: self.rewrite,
            WorkKind.INDEX_BUILD: self.index,
            WorkKind.SCAN: self.scan,
        }.get(kind)


USUAL_THROUGHPUT = Throughput()


def parse_throughput(text: str) -> Throughput:
    """What a text states; what it leaves out is assumed as by default. Raises ValueError naming the wanted form."""
    values = {
        "rewrite": USUAL_THROUGHPUT.rewrite,
        "index": USUAL_THROUGHPUT.index,
        "scan": USUAL_THROUGHPUT.scan,
    }
    for part in text.split(","):
        found = _PART.fullmatch(part.strip().lower())
        size = parse_size(found[2]) if found is not None else 0
        if found is None or size <= 0:
            raise ValueError(f"{text!r} is not {WANTED_THROUGHPUT}")
        values[found[1]] = size
    return Throughput(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long work on a whole table may take, and what that was reckoned from. Never a measurement."""

    seconds: float
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One statement and one table that it locks or works on.

    The table is called as it was before the first step; `module` owns it, None where no module does. `named`: the
    statement's text names the table as what it acts on; `through`: it is locked by way of this index. `held_before`:
    an earlier statement of the transaction took the lock. `size` is None where it is not known. `seconds` is how long
    the statement took in the rehearsal, which has no rows. `alone`: it runs outside of transactions, and what it
    holds it holds only while it runs.
    """

    key: RevisionKey
    direction: Direction
    line: int
    sql: str
    schema: str
    table: str
    module: str | None
    mode: LockMode
    named: bool
    through: str = ""
    held_before: bool = False
    works: tuple[WorkKind, ...] = ()
    size: TableSize | None = None
    estimate: Estimate | None = None
    seconds: float = 0.0
    alone: bool = False
    waits_for: str = ""

    @property
    def blocks(self) -> Blocks:
        return Blocks.of(self.mode)

    @property
    def is_felt(self) -> bool:
        """Whether anybody else can notice it: somebody waits, or a whole table is worked on."""
        return (
            self.blocks is not Blocks.NOBODY
            or any(each is not WorkKind.EMPTIED for each in self.works)
            or bool(self.waits_for)
        )

    @property
    def weight(self) -> int:
        """How strong the lock is times how large the table."""
        return (self.mode.strength + 1) * max(self.size.bytes if self.size is not None else 0, 1)

    @property
    def sentence(self) -> str:
        """`crm.customers, 41 M rows, 12 GB: ACCESS EXCLUSIVE for a rewrite, readers and writers wait`."""
        words = {
            WorkKind.REWRITE: "a rewrite",
            WorkKind.INDEX_BUILD: "an index build",
            WorkKind.SCAN: "a scan",
            WorkKind.EMPTIED: "emptying it",
        }
        done = " and ".join(dict.fromkeys(words[each] for each in self.works))
        return (
            f"{self.schema}.{self.table}, {size_words(self.size)}: {self.mode.value}"
            f"{f' for {done}' if done else ''}, {self.blocks.value}"
        )


def size_words(size: TableSize | None) -> str:
    """`41 M rows, 12 GB`, as far as the server knows."""
    if size is None:
        return "size not known"
    rows = "rows not counted yet" if size.rows < 0 else f"{_short(size.rows)} rows"
    return f"{'1 row' if size.rows == 1 else rows}, {format_size(size.bytes)}"


def _short(number: int) -> str:
    for unit, length in ((" G", 1_000_000_000), (" M", 1_000_000), (" k", 1_000)):
        if number >= 10 * length or (number >= length and unit != " k"):
            return (
                f"{number / length:.1f}".removesuffix(".0") + unit
                if number < 10 * length
                else f"{number // length}{unit}"
            )
    return str(number)

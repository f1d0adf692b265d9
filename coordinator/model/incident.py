"""An incident: what is kept of a run that failed, and how much of it for how long; never a secret or a row's value."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from coordinator.model.capture import Direction
    from coordinator.model.names import RevisionKey
    from coordinator.model.run import RunStatus

_Seen = TypeVar("_Seen")


class Category(enum.Enum):
    """What kind of failure it was: it decides what is collected, and whether trying again can help."""

    LOCK = "lock"  #: a lock was not to be had in time, a deadlock, a serialisation failure
    DATA = "data"  #: rows that a constraint, a type or a check refuses
    PERMISSION = "permission"  #: a right that the role lacks
    CONNECTION = "connection"  #: the connection or the server went away
    RESOURCE = "resource"  #: disk, memory, connections, lock table, a time limit
    CODE = "code"  #: a revision that cannot run as it is written
    INTERRUPTION = "interruption"  #: Ctrl-C, SIGTERM, a cancel, or a runner that was cut off

    @property
    def is_final(self) -> bool:
        """Whether the same attempt from the same starting point would fail again."""
        return self in (Category.DATA, Category.CODE)


class IncidentSeverity(enum.Enum):
    """How much an incident matters. CRITICAL: not everything could be taken back (exit code 4)."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCategory:
    """One kind of thing that is collected: at most `rows` entries and `size` bytes, kept for `days`."""

    name: str
    priority: int  # 1 comes first
    rows: int
    size: int
    rule: str
    days: int

    @property
    def limit(self) -> str:
        """Its limits in words."""
        return f"{self.rows} entries, {self.size // 1024} KiB"

    def first(self, seen: Iterable[_Seen]) -> tuple[tuple[_Seen, ...], int]:
        """The first of them, as many as the limits allow, and how many are left out."""
        kept: list[_Seen] = []
        used = left_out = 0
        for each in seen:
            used += len(repr(each).encode())
            if left_out or len(kept) >= self.rows or used > self.size:
                left_out += 1
            else:
                kept.append(each)
        return tuple(kept), left_out

    def latest(self, seen: Sequence[_Seen]) -> tuple[tuple[_Seen, ...], int]:
        """The same with the latest of them, which stay in their order."""
        kept, left_out = self.first(reversed(seen))
        return kept[::-1], left_out


STEPS = DataCategory(
    name="steps", priority=1, rows=1000, size=256 * 1024, days=90, rule="every step of the run that had begun"
)
CAUSE = DataCategory(
    name="cause",
    priority=1,
    rows=30,
    size=16 * 1024,
    days=14,
    rule="the failed statement without its values, and the frames of the author's traceback",
)
NOTICES = DataCategory(
    name="notices",
    priority=2,
    rows=50,
    size=16 * 1024,
    days=14,
    rule="what the server said during the steps, the latest first to stay",
)
SESSIONS = DataCategory(
    name="sessions",
    priority=2,
    rows=20,
    size=16 * 1024,
    days=7,
    rule="who blocks the run, then open transactions, the oldest first; queries without their values",
)
LOCKS = DataCategory(
    name="locks",
    priority=3,
    rows=50,
    size=16 * 1024,
    days=7,
    rule="locks on tables that the run holds or waits for, and others' locks on the same tables",
)
SERVER = DataCategory(
    name="server",
    priority=3,
    rows=20,
    size=4 * 1024,
    days=7,
    rule="limits of the server and how much of them was in use",
)

DATA_CATEGORIES = (STEPS, CAUSE, NOTICES, SESSIONS, LOCKS, SERVER)
RETENTION_DAYS = max(each.days for each in DATA_CATEGORIES)

# What each kind of failure needs to be understood; the rest is not collected.
COLLECTED: dict[Category, tuple[DataCategory, ...]] = {
    Category.LOCK: (STEPS, CAUSE, NOTICES, SESSIONS, LOCKS),
    Category.DATA: (STEPS, CAUSE, NOTICES),
    Category.PERMISSION: (STEPS, CAUSE, NOTICES, SERVER),
    Category.CONNECTION: (STEPS, CAUSE, NOTICES, SESSIONS, SERVER),
    Category.RESOURCE: (STEPS, CAUSE, NOTICES, SESSIONS, SERVER),
    Category.CODE: (STEPS, CAUSE, NOTICES),
    Category.INTERRUPTION: (STEPS, CAUSE, NOTICES, SESSIONS, LOCKS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the server said beside its answers. `raised`: the words are an author's, so they may hold values of rows."""

    severity: str
    sqlstate: str
    message: str
    raised: bool = False
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeen:
    """One connection to the database at the moment. `ours` names the duty of one of the run's own."""

    pid: int
    role: str
    application: str
    state: str
    waits_for: str
    transaction_seconds: float | None
    state_seconds: float | None
    blocks_us: bool
    ours: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSeen:
    """One lock on a table at the moment."""

    pid: int
    table: str
    mode: str
    granted: bool
    ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What the server showed at the moment of the failure. `left_out` counts what the limits cut, by data category."""

    sessions: tuple[SessionSeen, ...] = ()
    locks: tuple[LockSeen, ...] = ()
    server: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    not_seen: str = ""  # why the server could not be asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why it failed, in words that may be kept; `file` and `line` where it is written."""

    message: str
    sqlstate: str | None = None
    step: RevisionKey | None = None
    direction: Direction | None = None
    part: str = ""
    file: str = ""
    line: int = 0
    statement: str = ""
    frames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What became of one step: `how` is a StepStatus in words."""

    step: RevisionKey
    direction: Direction
    how: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Everything about one failed run. `recovery` is the seconds from the failure to the proof that all is as it was."""

    id: str
    run: int
    kind: str
    environment: str
    host: str
    program: str
    rehearsal: str
    guarantee: str
    category: Category
    severity: IncidentSeverity
    status: RunStatus
    began: datetime
    ended: datetime | None
    phase: str
    causes: tuple[Cause, ...]  # the first, then what failed while taking back
    steps: tuple[TakenBack, ...]
    still_in: tuple[str, ...]
    waiting: tuple[RevisionKey, ...]  # steps that had not begun
    affected: tuple[str, ...]  # modules
    notices: tuple[Notice, ...]
    activity: Activity

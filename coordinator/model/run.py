"""The ledger's rows as values: runs, and what each step of them came to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.capture import Direction

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.model.kept import KeptData
    from coordinator.model.names import RevisionKey


class RunStatus(enum.Enum):
    """What a run came to. A run that is `running` while nobody holds the lock was cut off."""

    RUNNING = "running"  #: writing may have begun
    APPLIED = "applied"  #: all steps are in
    REVERSED = "reversed"  #: it failed, and everything is as it was
    UNSETTLED = "unsettled"  #: it failed, and something of it is still in
    SETTLED = "settled"  #: it was unsettled, and a person has decided
    OTHER = "other"  #: what a newer program wrote; never written by this one

    @classmethod
    def _missing_(cls, value: object) -> RunStatus:
        return cls.OTHER


class StepStatus(enum.Enum):
    """What a step came to."""

    APPLIED = "applied"  #: committed with its change
    REVERSED = "reversed"  #: taken back by its opposite function, committed
    ROLLED_BACK = "rolled back"  #: it had run, and its transaction was rolled back
    FAILED = "failed"  #: it failed; what it did was rolled back
    OTHER = "other"  #: what a newer program wrote; never written by this one

    @classmethod
    def _missing_(cls, value: object) -> StepStatus:
        return cls.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One thing that a run did with a step, in the order in which it was done."""

    run: int
    sequence: int
    key: RevisionKey
    direction: Direction
    status: StepStatus
    seconds: float
    finished: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a plan."""

    number: int
    kind: str  # "apply" or "rollback"
    status: RunStatus
    plan: str  # the plan's digest
    guarantee: str
    environment: str
    host: str
    pid: int
    started: datetime
    finished: datetime | None = None
    program: str = ""
    rehearsal: str = ""  # where it was rehearsed, or why it was not
    error: str | None = None
    steps: tuple[StepRecord, ...] = ()
    attempt: str = ""  # what was tried and from where, see planning/attempt.py; empty: not noted
    planned: tuple[RevisionKey, ...] = ()  # the steps of its plan; empty: an older program did not note them
    final: bool = False  # it failed for a reason of code or data, so the same attempt would fail again
    kept: tuple[KeptData, ...] = ()  # what it kept, and what it put back

    @property
    def forward(self) -> Direction:
        """The way that its steps were to go."""
        return Direction.DOWNGRADE if self.kind == "rollback" else Direction.UPGRADE

    @property
    def writes_checkpoints(self) -> bool:
        """Whether its program wrote checkpoints: one from before the ledger's second version did not.

        That one knew no attempts either, and no rollbacks; of a recovery only what is written down counts.
        """
        return self.kind != "apply" or bool(self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRevision:
    """A revision that is in, as the ledger remembers it; enough to know and reverse it without its file.

    Without a `run` it was applied by plain Alembic and found in the version table. `effects` is JSON, see
    ledger/effects_json.py; None when they are not known.
    """

    key: RevisionKey
    run: int | None
    digest: str
    source: str
    parents: tuple[str, ...]
    file: str
    changes: str  # JSON: its DatabaseChanges
    grade: str
    requires: tuple[RevisionKey, ...] = ()
    effects: str | None = None
    seconds: float = 0.0  # how long its upgrade took
    applied: datetime | None = None  # when; those of one module are in the order of their tree

"""Ordered intent: steps, the segments that share a transaction, and why each step stands where it stands."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.capture import Direction

if TYPE_CHECKING:
    from coordinator.model.change import DatabaseChange
    from coordinator.model.finding import Finding
    from coordinator.model.names import Place, RevisionKey


class Reason(enum.Enum):
    """Why one revision goes before another."""

    FOLLOWS = "follows"  #: down_revision or depends_on, inside one tree
    REQUIRES = "requires"  #: declared by the author
    USES = "uses"  #: it uses a version of an object that the other begins
    ENDS = "ends"  #: it ends a version of an object that the other uses
    RELEASES = "releases"  #: it ends a version that the other stops holding
    TIGHTENS = "tightens"  #: it tightens a table that the other writes
    REHEARSED = "rehearsed"  #: found by rehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """An edge between revisions: `before` goes first. `why` is a sentence, `place` where it is written."""

    before: RevisionKey
    after: RevisionKey
    reason: Reason
    why: str
    place: Place | None = None


class Atomicity(enum.Enum):
    """What the user asked for: as much in one transaction as can be, all of it or nothing, or step by step."""

    AUTO = "auto"
    RUN = "run"
    STEP = "step"


class Guarantee(enum.Enum):
    """What a plan can promise."""

    ONE_TRANSACTION = "one transaction: everything or nothing"
    SEGMENTS = "segments: what cannot share a transaction is taken back by its downgrade"
    STEPS = "step by step: each step commits, and is taken back by its downgrade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One revision in one direction at its place in a plan (counted from 1)."""

    position: int
    key: RevisionKey
    direction: Direction
    message: str
    place: Place
    transactional: bool = True
    because: tuple[Dependency, ...] = ()  # the edges that bind it to earlier steps
    changes: tuple[DatabaseChange, ...] = ()
    touches: tuple[str, ...] = ()
    deletes_rows: bool = False
    irreversible: str | None = None

    @property
    def name(self) -> str:
        return str(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The steps that share one transaction; a step that cannot be in one is a segment of its own.

    `lock_entries` is about how many entries of the server's lock table they take; 0 where nobody has reckoned that.
    """

    position: int
    steps: tuple[Step, ...]
    transactional: bool
    lock_entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationPlan:
    """One module's part of a run, with the user's field names (camelCase in JSON)."""

    module: str
    changes: tuple[DatabaseChange, ...]
    affected_modules: tuple[str, ...]
    dependencies: tuple[str, ...]
    rollback_script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """The ordered whole. Plans made from the same inputs are equal, and so are their digests."""

    segments: tuple[Segment, ...]
    atomicity: Atomicity = Atomicity.AUTO
    modules: tuple[MigrationPlan, ...] = ()
    findings: tuple[Finding, ...] = ()
    digest: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for segment in self.segments for step in segment.steps)

    @property
    def guarantee(self) -> Guarantee:
        if len(self.segments) <= 1 and all(segment.transactional for segment in self.segments):
            return Guarantee.ONE_TRANSACTION
        if self.atomicity is Atomicity.STEP:
            return Guarantee.STEPS
        return Guarantee.SEGMENTS

    @property
    def direction(self) -> Direction:
        return self.steps[0].direction if self.steps else Direction.UPGRADE

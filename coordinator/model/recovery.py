"""A run that is not over: what of it is in, what is half done, and what was done about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from coordinator.model.capture import Direction
    from coordinator.model.effect import ObjectName
    from coordinator.model.finding import Finding
    from coordinator.model.kept import KeptData
    from coordinator.model.names import RevisionKey
    from coordinator.model.status import OpenRun


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a function is in: so many of the texts that it sends, in their order, and a digest of these.

    `counts` are the rows that each of them changed; () where an older program did not write that down.
    """

    sent: int = 0
    digest: str = ""
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfDone:
    """A step that commits statement by statement and was cut off in the middle.

    `made` are the objects that its upgrade makes, as far as its SQL tells; `present` those of them that are
    there and valid; `invalid` its indexes whose build was cut off. Without `made` nothing can be told.
    `before` is the fingerprint of the catalog around the step before it and `there` what of `made` was there then; an
    older program wrote neither down. `token` is its segment's, which had committed `commits` times; `done` is how far
    the function is in for certain, None where that is not known.
    """

    key: RevisionKey
    direction: Direction
    made: tuple[ObjectName, ...] = ()
    present: tuple[ObjectName, ...] = ()
    invalid: tuple[ObjectName, ...] = ()
    before: str = ""
    there: frozenset[str] = frozenset()
    token: UUID | None = None
    commits: int = 0
    done: Mark | None = None

    @property
    def left(self) -> tuple[ObjectName, ...]:
        """What of it is there, and was not before the step."""
        return tuple(each for each in self.present if str(each) not in self.there)

    @property
    def is_gone(self) -> bool:
        """Whether nothing of what its upgrade makes is there, once its invalid indexes are dropped."""
        return bool(self.made) and not self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedRun:
    """One run that is not over: what it has changed and is so still, each group one transaction, oldest first.

    `committed` are steps that it has put in and `out` steps that it, a rollback, has taken out; `stays` are steps
    that such a rollback had begun and that are in. `not_in` are steps that it had begun and that left nothing.
    `not_back` is what it destroyed and what did not come back whole, once all of its steps are taken back.
    """

    open_run: OpenRun
    committed: tuple[tuple[RevisionKey, ...], ...]
    not_in: tuple[RevisionKey, ...]
    half_done: tuple[HalfDone, ...]
    out: tuple[tuple[RevisionKey, ...], ...] = ()
    stays: tuple[RevisionKey, ...] = ()
    backends: tuple[str, ...] = ()  # server processes that still work for it, though its client is gone
    went_back: bool = False  # it had failed, and was cut off before all of it was taken back
    not_back: tuple[KeptData, ...] = ()
    elsewhere: bool = False  # this is another server, or another timeline, than the one that it began on

    @property
    def number(self) -> int:
        return self.open_run.run.number

    @property
    def still_in(self) -> tuple[RevisionKey, ...]:
        """Its steps that are in, in the order in which they were applied."""
        return tuple(key for group in self.committed for key in group)

    @property
    def taken_out(self) -> tuple[RevisionKey, ...]:
        """The steps that it, a rollback, has taken out, in the order in which that was done."""
        return tuple(key for group in self.out for key in group)

    @property
    def is_recovery(self) -> bool:
        """Whether it was itself the recovery of another run."""
        return self.open_run.run.kind == "recover"


class Recovered(enum.Enum):
    """What `migrate recover` did."""

    NOTHING = "nothing is unsettled"
    EXPLAINED = "explained"
    TAKEN_BACK = "taken back"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    """The runs as they were found, and what was done about them; `run` is the number of the recovery itself."""

    target: str
    environment: str
    outcome: Recovered
    runs: tuple[UnfinishedRun, ...] = ()
    run: int | None = None
    findings: tuple[Finding, ...] = ()

"""What happens during a run, told to whoever listens; the executor itself never prints."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from coordinator.model.staging import StagingAwaited, StagingLeft

if TYPE_CHECKING:
    from coordinator.execution.failure import StepFailure
    from coordinator.ledger.lock import Holder
    from coordinator.model.finding import Finding
    from coordinator.model.gate import GateCheck, GateStage
    from coordinator.model.incident import Notice
    from coordinator.model.plan import RunPlan, Step
    from coordinator.model.rehearsal import StepGrade
    from coordinator.model.waiting import Wait


class Phase(enum.Enum):
    """Which part of a run a step belongs to."""

    REHEARSE = "rehearse"
    APPLY = "apply"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNamed:
    """The database acted upon, and the environment it belongs to."""

    target: str
    environment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """Something that may take more than a moment has begun."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockAwaited:
    """Another run holds the lock."""

    holder: Holder | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLockAwaited:
    """A step waits for somebody else's lock, since so many seconds; told again while it lasts, from another thread."""

    wait: Wait
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedAgainSoon:
    """A transaction did not get its locks: all of it was given back, and it begins anew after a pause (seconds)."""

    why: str
    steps: tuple[Step, ...]  # those that had run in it, newest first
    pause: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """Somebody asks for the run's end with `migrate cancel`. `ignored`: it is being taken back already."""

    by: str
    ignored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSent:
    """Another run was asked to stop; from now on it is waited for. `taking_back`: it does that anyway."""

    holder: Holder
    taking_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepByStepChosen:
    """One transaction would keep others waiting for too long, or lock too much, so each step shall commit by itself."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A plan is about to be rehearsed, applied or rolled back; `where` is the database."""

    phase: Phase
    plan: RunPlan
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step begins."""

    phase: Phase
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step ran. In a rehearsal `grade` says how it can be taken back."""

    phase: Phase
    step: Step
    seconds: float
    grade: StepGrade | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesHeard:
    """The server said something during a step; for the terminal only, since an author's words may hold values of rows."""

    phase: Phase
    step: Step
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """A step failed; what it did has been rolled back or is about to be."""

    phase: Phase
    failure: StepFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsRolledBack:
    """Steps that had run went with their transaction, without any downgrade; newest first."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStarted:
    """A check of the gate, or one of the user's commands there, begins."""

    stage: GateStage
    check: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinished:
    """A check of the gate has ended, however it did."""

    check: GateCheck


Event: TypeAlias = (
    TargetNamed
    | Working
    | LockAwaited
    | TableLockAwaited
    | TriedAgainSoon
    | CancelAsked
    | CancelSent
    | StepByStepChosen
    | PhaseStarted
    | StepStarted
    | StepFinished
    | NoticesHeard
    | StepFailed
    | StepsRolledBack
    | CheckStarted
    | CheckFinished
    | StagingAwaited
    | StagingLeft
)
Listener: TypeAlias = Callable[[Event], None]

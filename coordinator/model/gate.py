"""What a gate looked at, stage by stage, and the one verdict that follows from it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.model.baseline import BaselineKind
    from coordinator.model.finding import Finding
    from coordinator.model.forecast import Forecast
    from coordinator.model.impact import ImpactReport
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.rehearsal import StepGrade
    from coordinator.model.sameness import Difference
    from coordinator.model.status import PendingRevision


class GateStage(enum.Enum):
    """The stages of the user's pipeline, in their order."""

    SETUP = "setup"  #: what is read and prepared before anything runs
    MIGRATE = "migrate"  #: the pending revisions run on staging, forwards and backwards
    INTEGRATION = "integration"  #: the user's own tests of compatibility
    CROSS_MODULE = "cross-module"  #: what modules promised each other
    BUSINESS = "business"  #: the user's own flows from end to end
    APPROVAL = "approval"  #: what is asked last, and the certificate


class GateOutcome(enum.Enum):
    """How one check, command or stage ended."""

    PASSED = "passed"
    FAILED = "failed"  #: the answer is no
    UNAVAILABLE = "unavailable"  #: something it needs could not be reached: try again
    NOT_RUN = "not run"  #: an earlier one that it needs did not pass
    SKIPPED = "skipped"  #: there was nothing for it to look at


class Verdict(enum.Enum):
    """What the gate says."""

    APPROVED = "approved"
    BLOCKED = "blocked"
    UNAVAILABLE = "unavailable"  #: nothing was found wrong, and not everything could be looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCommand:
    """One of the user's own commands. `limit` is in seconds; `output` holds no secret and is cut where `cut` says so."""

    text: str
    exit_code: int | None  # None: it was ended from outside, or never started
    limit: float
    output: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """One thing that a stage looked at. `told` is one sentence: what it came to, or why it did not run."""

    stage: GateStage
    name: str
    title: str
    outcome: GateOutcome
    told: str
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    command: GateCommand | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStep:
    """One step of a rehearsal; `outcome` is PASSED, FAILED or NOT_RUN, `grade` how it can be taken back."""

    key: RevisionKey
    outcome: GateOutcome
    seconds: float = 0.0
    grade: StepGrade | None = None
    findings: tuple[Finding, ...] = ()
    told: str = ""  # why it failed


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRehearsal:
    """A rehearsal as far as it came. `start` is "baseline" or "empty"; `judged` says how many steps were taken back too."""

    start: str
    where: str
    steps: tuple[GateStep, ...]
    seconds: float = 0.0
    reversed_whole: bool | None = None  # None: it was not tried


@dataclass(frozen=True, slots=True, kw_only=True)
class GateBaseline:
    """Where the pending revisions start from."""

    kind: BaselineKind
    shown: str
    server_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """Everything that the gate has to say.

    `folder` is the project's folder from its repository's root, or empty; `settings` the file that makes it a project.
    `forecasts` are those that others may notice, `differences` those of the staging's server from the one that the
    revisions are for. `mistake` is what a check raised that nobody foresaw.
    """

    environment: str
    program: str
    started: datetime
    seconds: float
    checks: tuple[GateCheck, ...]
    settings: str
    folder: str = ""
    baseline: GateBaseline | None = None
    staging: str | None = None
    staging_version: int | None = None
    pending: tuple[PendingRevision, ...] = ()
    modules: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()  # modules that are known and not in this checkout
    plan: RunPlan | None = None
    rehearsals: tuple[GateRehearsal, ...] = ()
    impacts: tuple[ImpactReport, ...] = ()  # one a module that the branch changes
    forecasts: tuple[Forecast, ...] = ()
    differences: tuple[Difference, ...] = ()
    certificate: str | None = None
    mistake: Exception | None = None

    @property
    def verdict(self) -> Verdict:
        """One failed check blocks; one that could not be looked at keeps the gate from approving."""
        outcomes = {each.outcome for each in self.checks}
        if GateOutcome.FAILED in outcomes:
            return Verdict.BLOCKED
        if outcomes & {GateOutcome.UNAVAILABLE, GateOutcome.NOT_RUN}:
            return Verdict.UNAVAILABLE
        return Verdict.APPROVED

    @property
    def exit_code(self) -> int:
        """What `migrate gate` ends with, as `docs/exit-codes.md` tells it."""
        if self.mistake is not None:
            return 4
        return {Verdict.APPROVED: 0, Verdict.BLOCKED: 1, Verdict.UNAVAILABLE: 6}[self.verdict]

    @property
    def reasons(self) -> tuple[GateCheck, ...]:
        """The checks that keep the gate from approving, in their order; those that only follow from them are not told."""
        wanted = {
            Verdict.BLOCKED: GateOutcome.FAILED,
            Verdict.UNAVAILABLE: GateOutcome.UNAVAILABLE,
        }.get(self.verdict)
        return tuple(each for each in self.checks if each.outcome is wanted)

    def of_stage(self, stage: GateStage) -> tuple[GateCheck, ...]:
        """The checks of one stage."""
        return tuple(each for each in self.checks if each.stage is stage)


_GRAVEST_FIRST = (
    GateOutcome.FAILED,
    GateOutcome.UNAVAILABLE,
    GateOutcome.NOT_RUN,
    GateOutcome.PASSED,
    GateOutcome.SKIPPED,
)


def stage_outcome(checks: tuple[GateCheck, ...]) -> GateOutcome:
    """What a stage came to: the gravest outcome of its checks; one without any is skipped."""
    outcomes = {each.outcome for each in checks}
    return next((each for each in _GRAVEST_FIRST if each in outcomes), GateOutcome.SKIPPED)

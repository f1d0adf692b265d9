"""What a rehearsal found out about each step, and about the run as a whole."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.definition import Made

if TYPE_CHECKING:
    from coordinator.model.capture import InputFile
    from coordinator.model.catalog import Address
    from coordinator.model.finding import Finding
    from coordinator.model.locks import SegmentLocks, TableLock
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Segment
    from coordinator.model.sameness import Difference
    from coordinator.model.trace import StatementTrace


class StepGrade(enum.Enum):
    """How a step can be taken back by its opposite function."""

    REVERSIBLE = "reversible"  #: the fingerprint came back exactly
    COLUMN_ORDER = "reversible, column order changes"  #: all the same but the order of columns
    LOSSY = "lossy"  #: the schema comes back, some data does not
    IRREVERSIBLE = "irreversible"  #: it cannot be taken back, or leaves something behind


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedStep:
    """One step's rehearsal.

    `lost` names what data its reversal cannot bring back, one phrase each; `at_stake` those of it that were there
    before the run. `gone` are the tables and columns that went with it, renamed ones among them. `made` is what it
    did to the catalog; `inputs` are the files that it read or imported going forward.
    """

    key: RevisionKey
    grade: StepGrade
    seconds: float
    lost: tuple[str, ...] = ()
    at_stake: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    gone: tuple[Address, ...] = ()
    made: Made = field(default_factory=Made)
    inputs: tuple[InputFile, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A rehearsal that every step passed. `reversed_whole`: the whole run, taken back, left no trace.

    `locks` are those of each segment that is one transaction, forwards and, where it was run, backwards.
    `traces` are the statements of each step, where a trace was asked for; of its way back none, since that runs
    under the locks that the step has taken.
    `differences` compares the rehearsal's server with the one that the plan is for; empty where that is not known.
    """

    where: str
    server_version: int
    steps: tuple[RehearsedStep, ...]
    seconds: float
    reversed_whole: bool
    findings: tuple[Finding, ...] = ()
    locks: tuple[SegmentLocks, ...] = ()
    traces: tuple[StatementTrace, ...] = ()
    differences: tuple[Difference, ...] = ()

    def locks_of(self, segment: Segment) -> tuple[TableLock, ...] | None:
        """What a segment locks of what was there before it, in the order to take them; None when it was not seen."""
        return next((each.tables for each in self.locks if each.belongs_to(segment)), None)

    def entries_of(self, segment: Segment) -> int | None:
        """How many entries of the server's lock table a segment takes; None when nobody counted."""
        return next((each.entries for each in self.locks if each.belongs_to(segment)), None)

    def step(self, key: RevisionKey) -> RehearsedStep | None:
        """One revision's step, or None."""
        return next((each for each in self.steps if each.key == key), None)

"""A rollback as people decide about it: what is named, what goes along and why, what is at stake, what is done.

`RollbackAnalysis` and `RollbackDecision` have the user's field names, in camelCase in JSON.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.capture import Direction
    from coordinator.model.names import RevisionKey


class ErrorType(enum.Enum):
    """What went wrong in the application, as far as it decides how much is taken back."""

    UI_BUG = "UI_BUG"
    API_BREAKING = "API_BREAKING"
    DATABASE_CORRUPTION = "DATABASE_CORRUPTION"


class RollbackAction(enum.Enum):
    """How far a rollback reaches."""

    MODULE_ONLY = "MODULE_ONLY"
    DEPENDENCY_CHAIN = "DEPENDENCY_CHAIN"
    FULL_SYSTEM = "FULL_SYSTEM"


class Risk(enum.Enum):
    """How much can be lost or go wrong."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dragged:
    """A revision that goes along: it stands on `needs`, which goes too; `why` goes on from its name and names `needs`."""

    key: RevisionKey
    needs: RevisionKey
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The revisions to reverse, newest first; `dragged` are those that were not named, each with its reason."""

    keys: tuple[RevisionKey, ...]
    named: frozenset[RevisionKey]
    dragged: tuple[Dragged, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules that have revisions in it, sorted."""
        return tuple(sorted({each.module for each in self.keys}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """Something of another module, or of nobody, that reads what the rollback changes.

    `breaks`: it stands on what goes away, so that it must go too; else it only reads a table that changes.
    """

    name: str
    what: str  # a sentence without its subject: "view, reads crm.customers.phone"
    module: str | None = None
    breaks: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """Rows whose data a downgrade destroys, counted on the target.

    `rows` None: it could not be counted without reading too much, `about` is the server's estimate; or a policy may
    hide rows from the role (`hidden`), and nothing is known. `at_most`: the downgrade changes or deletes rows, and only
    running it tells which of them.
    `not_kept` says why no copy is made from which a later upgrade would get them back; empty: it is made.
    """

    key: RevisionKey
    table: str  # schema.table
    column: str | None
    rows: int | None
    about: int = 0
    at_most: bool = False
    hidden: bool = False
    not_kept: str = ""

    @property
    def kept(self) -> bool:
        return not self.not_kept

    @property
    def empty(self) -> bool:
        return self.rows == 0

    @property
    def shown(self) -> str:
        """What of it is lost, such as "12 values of crm.customers.phone"."""
        if self.hidden:
            what = f"values of {self.table}.{self.column}" if self.column else f"rows of {self.table}"
            return f"{what}, not counted: a policy may hide some from this role"
        count = f"{self.rows:,}" if self.rows is not None else f"about {self.about:,}"
        count = f"up to {count}" if self.at_most else count
        if self.column:
            return f"{count} {'value' if self.rows == 1 else 'values'} of {self.table}.{self.column}"
        return f"{count} {'row' if self.rows == 1 else 'rows'} of {self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSteps:
    """What the ledger tells of steps: applied revisions as they came in, and how long each function took last."""

    order: tuple[RevisionKey, ...] = ()
    seconds: Mapping[tuple[RevisionKey, Direction], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackAnalysis:
    """What a rollback would mean."""

    failed_module: str
    current_version: str
    last_stable_version: str
    affected_integrations: tuple[Integration, ...]
    scope: Scope
    estimated_downtime: float  # seconds, as far as the ledger has times
    downtime_evidence: str
    risk: Risk
    risk_reasons: tuple[str, ...]
    stakes: tuple[Stake, ...] = ()
    sessions: tuple[tuple[str, int], ...] = ()  # roles that are connected now, and how often

    def as_json(self) -> dict[str, object]:
        """The analysis with the user's field names, and the evidence behind them."""
        return {
            "failedModule": self.failed_module,
            "currentVersion": self.current_version,
            "lastStableVersion": self.last_stable_version,
            "affectedIntegrations": [str(each) for each in self.affected_integrations],
            "minimumRollbackScope": [str(key) for key in self.scope.keys],
            "estimatedDowntime": round(self.estimated_downtime, 3),
            "riskAssessment": self.risk.value,
            "riskReasons": list(self.risk_reasons),
            "downtimeEvidence": self.downtime_evidence,
            "connectedRoles": [{"role": role, "sessions": count} for role, count in self.sessions],
            "dragged": [
                {"revision": str(each.key), "needs": str(each.needs), "why": each.why}
                for each in self.scope.dragged
            ],
            "rowsAtStake": [
                {
                    "revision": str(each.key),
                    "table": each.table,
                    "column": each.column,
                    "rows": each.rows if each.rows is not None or each.hidden else each.about,
                    "exact": each.rows is not None and not each.at_most,
                    "kept": each.kept,
                    "notKept": each.not_kept or None,
                }
                for each in self.stakes
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackDecision:
    """What is done about it. `confidence` is between 0 and 1; `evidence` says what took from it, or what it rests on."""

    action: RollbackAction
    modules: tuple[str, ...]
    reason: str
    confidence: float
    evidence: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The decision with the user's field names."""
        return {
            "action": self.action.value,
            "modules": list(self.modules),
            "reason": self.reason,
            "confidence": round(self.confidence, 2),
            "evidence": list(self.evidence),
        }

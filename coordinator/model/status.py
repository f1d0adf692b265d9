"""What is in a database compared with this checkout."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.names import Place, RevisionKey
    from coordinator.model.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRevision:
    """A revision in a file that is not in the database."""

    key: RevisionKey
    message: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleStatus:
    """One module. An absent one (`present` is false) is known from the ledger only: it has no file here.

    `heads` are the rows of its version table that are its own; `ahead` are applied revisions that the ledger
    knows and this checkout does not; `unknown` are heads that neither knows.
    """

    name: str
    present: bool
    heads: tuple[str, ...]
    applied: int
    total: int
    pending: tuple[PendingRevision, ...] = ()
    ahead: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


class OpenState(enum.Enum):
    """What an unfinished run is doing."""

    AT_WORK = "at work"  #: it holds the lock
    CUT_OFF = "cut off"  #: it was never finished, and nobody works on it
    UNSETTLED = "unsettled"  #: it failed, and something of it may still be in


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that is not over."""

    run: Run
    state: OpenState


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """Everything that `migrate status` tells."""

    target: str
    environment: str
    server_version: int  # server_version_num
    ledger: int  # version of the ledger's tables; 0: there is none
    modules: tuple[ModuleStatus, ...]
    open_runs: tuple[OpenRun, ...] = ()
    holder: str | None = None  # who holds the lock now
    findings: tuple[Finding, ...] = ()
    may_be_taken_out: bool = False  # who is at work may take out a revision of this checkout

    @property
    def at_heads(self) -> bool:
        """Whether every revision of this checkout is in, and nobody at work may take one out."""
        return not self.may_be_taken_out and not any(
            module.pending or module.unknown for module in self.modules
        )

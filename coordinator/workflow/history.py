"""`migrate history`: past runs, or one of them step by step. Only reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.execution.events import TargetNamed
from coordinator.ledger.kept import read_kept
from coordinator.ledger.store import LedgerReader
from coordinator.workflow.named import no_such_run
from coordinator.workflow.reading import reader
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.model.run import Run
    from coordinator.settings.values import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The latest runs, newest first. `exists` is false while the target has no ledger."""

    target: str
    environment: str
    exists: bool
    runs: tuple[Run, ...]


def read_history(settings: Settings, tell: Listener, *, limit: int) -> History:
    """The latest runs without their steps."""
    with open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with reader(target, "history") as session, session.snapshot():
            ledger = LedgerReader(session)
            return History(
                target=target.shown,
                environment=target.environment,
                exists=ledger.exists,
                runs=ledger.runs(limit=limit),
            )


def read_run(settings: Settings, tell: Listener, number: int) -> Run:
    """One run with all its steps. Raises UsageError when the ledger knows no such run."""
    with open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with reader(target, "history") as session, session.snapshot():
            ledger = LedgerReader(session)
            run = ledger.run(number)
            if run is not None:
                return replace(run, kept=read_kept(session, run=number))
            raise no_such_run(ledger, number)

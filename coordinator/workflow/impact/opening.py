"""Opens what an impact report is made from: a snapshot, the target where one can be had, or nothing but files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.execution.events import TargetNamed
from coordinator.postgres.live_statements import LiveStatements, read_live_statements
from coordinator.settings.values import EmbeddedTarget
from coordinator.snapshots.file import read_snapshot
from coordinator.workflow.baseline.open import names_a_target
from coordinator.workflow.baseline.snapshot import SnapshotBaseline
from coordinator.workflow.baseline.target import TargetBaseline
from coordinator.workflow.impact.view import view_impact
from coordinator.workflow.reading import reader
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.execution.events import Listener
    from coordinator.model.impact import ImpactReport
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.baseline.interface import Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for. `offline`: no database; `named`: the target was typed, so it must be reachable."""

    since: str | None = None
    snapshot: Path | None = None
    live: bool = False
    offline: bool = False
    named: bool = False


def impact(settings: Settings, module: str, wish: Wish, tell: Listener) -> ImpactReport:
    """The report, from the best that can be had.

    A target that the settings name and that does not answer is told and done without, unless it was typed or
    `live` needs it. Raises what `view_impact` raises, SnapshotError for a file that is none, UnreachableError.
    """
    settings.module(module)
    with ExitStack() as stack:
        session, problem = _session(settings, wish, stack, tell)
        baseline: Baseline | None = None
        if wish.snapshot is not None:
            baseline = SnapshotBaseline(snapshot=read_snapshot(wish.snapshot))
            tell(TargetNamed(target=baseline.shown, environment=baseline.snapshot.environment))
        elif session is not None:
            baseline = session
        live = None
        if wish.live:
            live = _statements(session)
        report = view_impact(settings, module, since=wish.since, baseline=baseline, tell=tell, live=live)
    return replace(report, not_known=(problem, *report.not_known)) if problem else report


def _session(
    settings: Settings, wish: Wish, stack: ExitStack, tell: Listener
) -> tuple[TargetBaseline | None, str | None]:
    """The open target; else None, with a sentence about why there is none where one is named."""
    wanted = wish.live or (wish.snapshot is None and not wish.offline)
    if not wanted or not names_a_target(settings):
        return None, None
    chosen = settings.target
    if isinstance(chosen, EmbeddedTarget) and not chosen.directory.exists() and not wish.live:
        return None, None  # it was never started, so there is nothing in it
    try:
        target = stack.enter_context(open_target(settings))
        session: Session = stack.enter_context(reader(target, "impact"))
    except UnreachableError as error:
        if wish.named or wish.live:
            raise
        return (
            None,
            f"the target of environment {settings.environment or 'default'} could not be asked: {error.message}",
        )
    tell(TargetNamed(target=target.shown, environment=target.environment))
    return TargetBaseline(target=target, session=session), None


def _statements(baseline: TargetBaseline | None) -> LiveStatements:
    if baseline is None:
        return LiveStatements(
            problem="which statements are sent: no target is named, so --live has nothing to ask"
        )
    return read_live_statements(baseline.session)

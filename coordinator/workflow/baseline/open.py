"""Chooses the baseline of a command: a snapshot that was named, else the target that the settings name, else a replay."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coordinator.execution.events import Listener, TargetNamed
from coordinator.settings.values import NoTarget
from coordinator.snapshots.file import read_snapshot
from coordinator.staging.choose import AUTO
from coordinator.workflow.baseline.replay import open_replay
from coordinator.workflow.baseline.snapshot import SnapshotBaseline
from coordinator.workflow.baseline.target import target_baseline
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.settings.values import Settings
    from coordinator.workflow.baseline.interface import Baseline


@contextmanager
def open_baseline(
    settings: Settings,
    tell: Listener,
    *,
    snapshot: Path | None = None,
    since: str | None = None,
    replay: bool = False,
    staging: str = AUTO,
) -> Iterator[Baseline]:
    """The snapshot in that file; without one the target that the settings name; with neither, or when asked, a replay.

    What is in by a replay are the revisions at the git ref `since`; None: nothing is. `staging` is where it is built.
    Raises SnapshotError, SettingsError, UnreachableError, GitError.
    """
    if snapshot is not None:
        held = SnapshotBaseline(snapshot=read_snapshot(snapshot))
        tell(TargetNamed(target=held.shown, environment=held.snapshot.environment))
        yield held
    elif replay or not names_a_target(settings):
        with open_replay(settings, tell, since=since, staging=staging) as replayed:
            tell(TargetNamed(target=replayed.shown, environment=settings.environment or "default"))
            yield replayed
    else:
        with open_target(settings) as target:
            tell(TargetNamed(target=target.shown, environment=target.environment))
            with target_baseline(target) as live:
                yield live


def names_a_target(settings: Settings) -> bool:
    """Whether the settings say which database to act upon."""
    return not isinstance(settings.chosen_target, NoTarget)

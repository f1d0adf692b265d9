"""Chooses the baseline of a command: a snapshot that was named, else the target that the settings name, else a replay."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coordinator.execution.events import Listener, TargetNamed
from coordinator.settings.values import NoTarget
from coordinator.snapshots.file import read_snapshot
from coordinator.workflow.baseline.snapshot import SnapshotBaseline
from coordinator.workflow.baseline.target import target_baseline
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.settings.values import Settings
    from coordinator.workflow.baseline.interface import Baseline


@contextmanager
def open_file_or_target(settings: Settings, snapshot: Path | None, tell: Listener) -> Iterator[Baseline]:
    """The snapshot, or the target on a connection of its own. Raises SnapshotError, SettingsError, UnreachableError."""
    if snapshot is not None:
        baseline = SnapshotBaseline(snapshot=read_snapshot(snapshot))
        tell(TargetNamed(target=baseline.shown, environment=baseline.snapshot.environment))
        yield baseline
        return
    with open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with target_baseline(target) as live:
            yield live


def names_a_target(settings: Settings) -> bool:
    """Whether the settings say which database to act upon."""
    return not isinstance(settings.chosen_target, NoTarget)

"""The lock of a run from beginning to end: taken, watched over, and given back whatever happens."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coordinator.execution.events import Listener, LockAwaited
from coordinator.execution.monitor import WatchedLock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.settings.values import Settings
    from coordinator.workflow.target import Target


@contextmanager
def locked(settings: Settings, target: Target, tell: Listener) -> Iterator[WatchedLock]:
    """Hold the lock during the block. Raises LockHeldError when another run still holds it after `settings.wait`."""
    with target.connect("waiting") as session:
        # Often enough to see who blocks before a short lock_wait is over.
        lock = WatchedLock(session, tell=tell, look_every=min(0.5, max(0.05, settings.lock_wait / 4)))
        lock.acquire(
            wait=settings.wait,
            waiting=lambda holder, seconds: tell(LockAwaited(holder=holder, seconds=seconds)),
        )
        try:
            with lock.watched():
                yield lock
        finally:
            lock.let_go()

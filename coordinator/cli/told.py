"""Events about waiting and stopping as the one line that each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from coordinator.execution.events import CancelAsked, CancelSent, StepByStepChosen, TriedAgainSoon
from coordinator.model.staging import StagingAwaited, StagingLeft
from coordinator.model.waiting import span

if TYPE_CHECKING:
    from coordinator.execution.events import TableLockAwaited

Told: TypeAlias = CancelAsked | CancelSent | StagingLeft | StepByStepChosen | TriedAgainSoon
_TOLD_EVERY = 10.0  # seconds
_FIRST_TOLD_AFTER = 1.0


def line_of(event: Told) -> str:
    """What to write."""
    match event:
        case StepByStepChosen():
            return event.why
        case StagingLeft():
            return (
                f"warning: the staging database {event.name} stays, since it could not be dropped ({event.why});"
                " `migrate gc --staging URL` drops it later"
            )
        case CancelAsked():
            then = "it is taking back what it did already" if event.ignored else "stopping"
            return f"{event.by} asks this run to stop: {then}"
        case CancelSent():
            if event.taking_back:
                return f"{event.holder} is taking back what it did already; waiting until it has ended"
            return f"asked {event.holder} to stop; waiting until it has ended"
        case TriedAgainSoon():
            return (
                f"in the way: {event.why}; {_given_back(len(event.steps))}trying again in {event.pause:.1f} s"
            )


def _given_back(count: int) -> str:
    if not count:
        return ""
    return "1 step was given back, " if count == 1 else f"{count} steps were given back, "


class WaitLines:
    """Says of a long wait for somebody that it lasts: after a second, and then every ten."""

    def __init__(self) -> None:
        self._told: float | None = None

    def line_of(self, event: TableLockAwaited | StagingAwaited) -> str | None:
        """What to write now, if anything."""
        if self._told is not None and event.seconds < self._told:
            self._told = None  # another wait
        if event.seconds < _FIRST_TOLD_AFTER:
            return None
        if self._told is not None and event.seconds - self._told < _TOLD_EVERY:
            return None
        self._told = event.seconds
        wait = (
            f"the staging server, held by {event.holder}" if isinstance(event, StagingAwaited) else event.wait
        )
        return f"waiting for {span(event.seconds)} for {wait}"

"""What a run writes down about its steps: inside their transaction when they are in, beside it when they are not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from coordinator.ledger.applied import erase_applied, write_applied
from coordinator.ledger.effects_json import KnownEffects, effects_text
from coordinator.ledger.holds import erase_hold, write_hold
from coordinator.ledger.store import Ledger, write_step
from coordinator.ledger.touched import write_touched
from coordinator.model.capture import Direction
from coordinator.model.run import AppliedRevision, StepRecord, StepStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.model.revision import Revision
    from coordinator.model.touched import Touched
    from coordinator.postgres.session import Session


@dataclass(slots=True)
class Journal:
    """Numbers the rows of one run. Rows of a transaction that is rolled back are written again as what they became.

    `holds`: what the run reverses was to be reversed, so it goes on hold; else a reversal only takes a failed run back.
    """

    ledger: Ledger
    run: int
    rehearsal: Rehearsal | None
    holds: bool = False
    effects: Mapping[RevisionKey, KnownEffects] = field(default_factory=dict)  # of its steps, as far as known
    _sequence: int = 0
    _open: list[StepRecord] = field(default_factory=list)  # rows of the transaction that is open

    def step_done(
        self, main: Session, step: Step, revision: Revision, seconds: float, touched: Touched
    ) -> None:
        """Write a step and what it makes of its revision, on the connection and in the transaction of its change."""
        upgrade = step.direction is Direction.UPGRADE
        record = self._record(step, StepStatus.APPLIED if upgrade else StepStatus.REVERSED, seconds)
        write_step(main, record)
        if upgrade:
            write_applied(main, self._applied(step, revision, seconds))
            write_touched(main, step.key, touched)
            erase_hold(main, step.key)
        else:
            erase_applied(main, step.key)
            if self.holds:
                write_hold(main, step.key, self.run)
        self._open.append(record)

    def committed(self) -> None:
        """The open transaction is in, and its rows with it."""
        self._open.clear()

    def given_back(self) -> None:
        """The open transaction is gone, and the same steps will run again in another one: there is nothing to tell of it."""
        self._open.clear()

    def rolled_back(self, failed: Step | None, error: str | None) -> None:
        """The open transaction is gone: say which steps had run in it, and which one failed."""
        lost = tuple(
            StepRecord(
                run=each.run,
                sequence=each.sequence,
                key=each.key,
                direction=each.direction,
                status=StepStatus.ROLLED_BACK,
                seconds=each.seconds,
            )
            for each in self._open
        )
        self._open.clear()
        if failed is not None:
            lost = (*lost, self._record(failed, StepStatus.FAILED, 0.0, error))
        self.ledger.note_steps(lost)

    def _record(self, step: Step, status: StepStatus, seconds: float, error: str | None = None) -> StepRecord:
        self._sequence += 1
        return StepRecord(
            run=self.run,
            sequence=self._sequence,
            key=step.key,
            direction=step.direction,
            status=status,
            seconds=seconds,
            error=error,
        )

    def _applied(self, step: Step, revision: Revision, seconds: float) -> AppliedRevision:
        rehearsed = self.rehearsal.step(step.key) if self.rehearsal is not None else None
        return AppliedRevision(
            key=step.key,
            run=self.run,
            digest=revision.digest,
            source=revision.source,
            parents=revision.parents,
            file=PurePath(revision.place.file).name,
            changes=json.dumps([change.as_json() for change in step.changes]),
            grade=rehearsed.grade.value if rehearsed is not None else "",
            requires=revision.requires,
            effects=effects_text(self.effects.get(step.key, KnownEffects())),
            seconds=seconds,
        )

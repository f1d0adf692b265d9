"""Listens to a rehearsal and notes how far it came, so that one that fails is told step by step too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.execution.events import Phase, PhaseStarted, StepFailed, StepFinished
from coordinator.execution.words import kept_message
from coordinator.model.gate import GateOutcome, GateRehearsal, GateStep
from coordinator.workflow.gate.failing import rehearsed_words

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.execution.events import Event, Listener
    from coordinator.execution.project import Project
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.rehearsal import Rehearsal


class Watching:
    """A listener that hands everything on. Of several plans that are tried it remembers the last."""

    def __init__(self, tell: Listener, project: Project) -> None:
        self._tell = tell
        self._project = project
        self._plan: RunPlan | None = None
        self._where = ""
        self._steps: dict[RevisionKey, GateStep] = {}

    def __call__(self, event: Event) -> None:
        """Note what concerns a step of the rehearsal."""
        match event:
            case PhaseStarted(phase=Phase.REHEARSE):
                self._plan, self._where = event.plan, event.where
                self._steps.clear()
            case StepFinished(phase=Phase.REHEARSE):
                self._steps[event.step.key] = GateStep(
                    key=event.step.key,
                    outcome=GateOutcome.PASSED,
                    seconds=event.seconds,
                    grade=event.grade,
                    findings=event.findings,
                )
            case StepFailed(phase=Phase.REHEARSE):
                key = event.failure.step.key
                words = rehearsed_words(event.failure, self._project)
                self._steps[key] = GateStep(
                    key=key, outcome=GateOutcome.FAILED, told=kept_message(event.failure, words)
                )
        self._tell(event)

    @property
    def began(self) -> bool:
        """Whether a rehearsal has begun at all."""
        return self._plan is not None

    def seen(
        self,
        start: str,
        rehearsal: Rehearsal | None,
        *,
        judged: Collection[RevisionKey] | None = None,
    ) -> GateRehearsal:
        """What is known of it. `judged` are the steps that were taken back too; None: all."""
        assert self._plan is not None, "nothing was rehearsed"
        graded = {} if rehearsal is None else {each.key: each for each in rehearsal.steps}
        steps = []
        for step in self._plan.steps:
            seen = self._steps.get(step.key) or GateStep(key=step.key, outcome=GateOutcome.NOT_RUN)
            grade = graded[step.key].grade if step.key in graded else seen.grade
            if judged is not None and step.key not in judged:
                grade = None
            steps.append(
                GateStep(
                    key=seen.key,
                    outcome=seen.outcome,
                    seconds=seen.seconds,
                    grade=grade,
                    findings=seen.findings,
                    told=seen.told,
                )
            )
        return GateRehearsal(
            start=start,
            where=self._where,
            steps=tuple(steps),
            seconds=0.0 if rehearsal is None else rehearsal.seconds,
            reversed_whole=None if rehearsal is None or judged is not None else rehearsal.reversed_whole,
        )

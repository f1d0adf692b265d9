"""What the gate's checks share while it runs: what was asked, what they found out, and what is cleared away at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import ExitStack

    from coordinator.execution.events import Listener
    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.model.built_schema import BuiltSchema
    from coordinator.model.forecast import Forecast
    from coordinator.model.gate import GateCheck, GateRehearsal
    from coordinator.model.impact import ImpactReport
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.sameness import Difference
    from coordinator.model.target import DatabaseUrl
    from coordinator.settings.values import Settings
    from coordinator.workflow.baseline.interface import Baseline
    from coordinator.workflow.gate.floor import Floor
    from coordinator.workflow.gate.request import GateRequest
    from coordinator.workflow.gate.secrets import Secrets
    from coordinator.workflow.map_view import MapView
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.rehearse import Rehearsed
    from coordinator.workflow.state import TargetState


@dataclass(slots=True, kw_only=True)
class Bench:
    """The workpiece that goes from check to check. What a check needs of another's work is there when it runs.

    `stack` is closed when the gate ends, however it ends: the staging and its databases go with it.
    """

    settings: Settings
    request: GateRequest
    tell: Listener
    workers: Workers
    stack: ExitStack
    secrets: Secrets
    done: list[GateCheck] = field(default_factory=list)
    rehearsals: list[GateRehearsal] = field(default_factory=list)
    plans: tuple[RunPlan, ...] = ()
    plan: RunPlan | None = None  # the one that ran in rehearsal; before that the likeliest
    rehearsed: Rehearsed | None = None  # from the baseline
    impacts: tuple[ImpactReport, ...] = ()  # one a module with something pending
    forecasts: tuple[Forecast, ...] = ()  # those that others may notice
    differences: tuple[Difference, ...] = ()  # of the staging's server from the baseline's
    built: BuiltSchema | None = None  # what all modules' revisions make
    migrated: DatabaseUrl | None = None  # the staging database in which everything pending is in
    certificate: str | None = None
    mistake: Exception | None = None  # the first of our own that a check met
    known_project: Project | None = None
    _baseline: Baseline | None = None
    _state: TargetState | None = None
    _captured: Captured | None = None
    _map_view: MapView | None = None
    _floor: Floor | None = None

    @property
    def project(self) -> Project:
        """The modules' trees, once they were read."""
        assert self.known_project is not None, "asked for before the revisions were read"
        return self.known_project

    @property
    def baseline(self) -> Baseline:
        """Where the pending revisions start from, once it is open."""
        assert self._baseline is not None, "asked for before the baseline was opened"
        return self._baseline

    @property
    def known_baseline(self) -> Baseline | None:
        """The same for who tells of a gate that may not have come so far."""
        return self._baseline

    @property
    def state(self) -> TargetState:
        """What is in there."""
        assert self._state is not None, "asked for before the baseline was looked at"
        return self._state

    @property
    def known_state(self) -> TargetState | None:
        """The same for who tells of a gate that may not have come so far."""
        return self._state

    @property
    def captured(self) -> Captured:
        """What revisions send, once they were run with nobody behind the pipe."""
        assert self._captured is not None, "asked for before the revisions were captured"
        return self._captured

    @property
    def map_view(self) -> MapView:
        """What a plan takes from the map, once it was read."""
        assert self._map_view is not None, "asked for before the map was read"
        return self._map_view

    @property
    def floor(self) -> Floor:
        """The staging, once its first database is built."""
        assert self._floor is not None, "asked for before the staging was prepared"
        return self._floor

    @property
    def known_floor(self) -> Floor | None:
        """The same for who tells of a gate that may not have come so far."""
        return self._floor

    @property
    def pending(self) -> tuple[RevisionKey, ...]:
        """The revisions that are judged, parents first in each module."""
        return self.state.pending(self.project)

    def opened(self, baseline: Baseline, state: TargetState) -> None:
        """The baseline is open, and was looked at."""
        self._baseline, self._state = baseline, state

    def read(self, captured: Captured) -> None:
        """The revisions were captured."""
        self._captured = captured

    def mapped(self, map_view: MapView) -> None:
        """The map was read."""
        self._map_view = map_view

    def planned(self, plans: tuple[RunPlan, ...]) -> None:
        """There is an order, or several."""
        self.plans, self.plan = plans, plans[0]

    def prepared(self, floor: Floor) -> None:
        """The staging runs, and its first database starts at the baseline."""
        self._floor = floor

"""What applied revisions send, captured when a rollback asks for it, and never twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.capture import Direction
from coordinator.revisions.capture import capture
from coordinator.revisions.effects import effects_of
from coordinator.workflow.planned import Captured, learn_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.model.capture import Capture
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey


@dataclass(slots=True, kw_only=True)
class Captures:
    """Captures of revisions that have files; of those without, `upgrades` and `downgrades` are what the ledger knows."""

    workers: Workers
    server_version: int
    upgrades: dict[RevisionKey, RevisionEffects]
    downgrades: dict[RevisionKey, RevisionEffects]
    findings: list[Finding] = field(default_factory=list)
    _captured: dict[tuple[RevisionKey, Direction], Capture] = field(default_factory=dict)
    _learned: set[str] = field(default_factory=set)

    def take(self, project: Project, keys: Iterable[RevisionKey], *directions: Direction) -> None:
        """Capture these revisions, where the project has their files."""
        for key in keys:
            for direction in directions:
                if (key, direction) not in self._captured:
                    self._take(project, key, direction)
        self.workers.forget_all()  # Alembic must not believe that the types it was seen to make are there

    def _take(self, project: Project, key: RevisionKey, direction: Direction) -> None:
        try:
            revision = project.revision(key)
        except KeyError:
            return
        module = project.module(key.module)
        if module.name not in self._learned:
            self._learned.add(module.name)
            self.findings.extend(learn_environment(module, self.workers, self.server_version))
        worker = self.workers.for_module(module, self.server_version)
        found = capture(worker, module, revision, direction)
        self._captured[key, direction] = found
        effects = self.upgrades if direction is Direction.UPGRADE else self.downgrades
        effects[key] = effects_of(found, schema=module.schema)

    def of(self, key: RevisionKey, direction: Direction) -> Capture | None:
        """What a function sent, or None where it was not captured."""
        return self._captured.get((key, direction))

    def captured(self) -> Captured:
        """All of it, as the carrying out of a plan takes it."""
        ways: Mapping[Direction, dict[RevisionKey, Capture]] = {each: {} for each in Direction}
        for (key, direction), found in self._captured.items():
            ways[direction][key] = found
        return Captured(
            upgrades=ways[Direction.UPGRADE],
            downgrades=ways[Direction.DOWNGRADE],
            effects=self.upgrades,
            back=self.downgrades,
            findings=tuple(self.findings),
        )

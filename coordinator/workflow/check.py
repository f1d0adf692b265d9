"""`migrate check`: everything that is wrong with the modules, the map and the plan, all at once. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.finding import Severity
from coordinator.reports.finding_text import gravest_first
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.plan import view_plan

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.execution.events import Listener
    from coordinator.model.finding import Finding
    from coordinator.settings.values import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at and what was found, the gravest first."""

    target: str
    environment: str
    modules: int
    revisions: int
    pending: int
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether one of the findings is an error."""
        return any(each.severity is Severity.ERROR for each in self.findings)


def check(
    settings: Settings,
    tell: Listener,
    *,
    linted: bool = False,
    snapshot: Path | None = None,
    since: str | None = None,
) -> Checked:
    """Run the preflight checks over every module, plan what is pending, read the map, and lint if that is wanted.

    What is pending: what the target lacks, or the snapshot in that file, or the git ref `since`. Raises RevisionError
    for trees that cannot be loaded, MapError for a map that cannot be read, SnapshotError, GitError.
    """
    view = view_plan(
        settings, tell, atomicity=settings.atomic, only=None, linted=linted, snapshot=snapshot, since=since
    )
    findings = (*view.findings, *read_map_view(settings).findings)
    return Checked(
        target=view.target,
        environment=view.environment,
        modules=len(view.project.modules),
        revisions=sum(len(tree.revisions) for tree in view.project.trees),
        pending=view.pending,
        findings=gravest_first(findings),
    )

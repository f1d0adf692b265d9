"""The trees of this checkout can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.gate.interface import Check, Said
from coordinator.workflow.project import load_project

if TYPE_CHECKING:
    from coordinator.workflow.gate.bench import Bench


def _read(bench: Bench) -> Said:
    project = load_project(bench.settings, bench.workers)
    bench.known_project = project
    count = sum(len(tree.revisions) for tree in project.trees)
    return Said(told=f"{counted(count, 'revision')} of {counted(len(project.trees), 'module')}")


REVISIONS = Check(
    name="revisions",
    stage=GateStage.SETUP,
    title="the modules' revisions can be read",
    run=_read,
)

"""The database map says what the modules build."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import GateStage
from coordinator.postgres.built_schema import read_built_schema
from coordinator.reports.wording import counted
from coordinator.workflow.built_schema import module_uses, read_names
from coordinator.workflow.gate.branch import deletes
from coordinator.workflow.gate.interface import Check, Said, skipped
from coordinator.workflow.map import check_map
from coordinator.workflow.planned import capture_all

if TYPE_CHECKING:
    from coordinator.model.built_schema import BuiltSchema
    from coordinator.workflow.gate.bench import Bench
    from coordinator.workflow.planned import Captured


def _compare(bench: Bench) -> Said:
    path = bench.settings.map
    if not path.exists():
        return _no_map(bench)
    found = check_map(path, bench.settings.modules, lambda: _built(bench))
    told = counted(len(found.findings), "finding") if found.findings else "it says what the modules build"
    return Said(told=told, findings=found.findings)


def _no_map(bench: Bench) -> Said:
    """A map that there should be: without it nothing is held against what the modules build."""
    path, why = bench.settings.map, None
    if bench.settings.map_named:
        why = "the settings name it"
    elif deletes(bench, path):
        why = "it was there where the branch began"
    finding = Finding(
        rule="no-map",
        severity=Severity.WARNING if why is None else Severity.ERROR,
        message=f"there is no database map at {path}" + (f", and {why}" if why else ""),
        help="`migrate map write` makes one from the modules",
    )
    return replace(skipped("there is no map") if why is None else Said(told=why), findings=(finding,))


def _built(bench: Bench) -> BuiltSchema:
    """What the revisions make, from the pass from empty; else what is in the migrated staging database."""
    if bench.built is not None:
        return bench.built
    assert bench.migrated is not None, "the check needs 'migrated'"
    with bench.floor.session(bench.migrated) as session:
        uses = module_uses(bench.project, _effects(bench).effects, read_names(session))
        return read_built_schema(session, bench.project.modules, uses=tuple(uses))


def _effects(bench: Bench) -> Captured:
    """What all revisions do; with nothing pending nothing was captured yet."""
    if bench.pending:
        return bench.captured
    keys = tuple(each.key for tree in bench.project.trees for each in tree.revisions)
    return capture_all(bench.project, keys, bench.workers, bench.state.server_version)


MAP = Check(
    name="map",
    stage=GateStage.CROSS_MODULE,
    title="the database map says what the modules build",
    run=_compare,
    needs=("migrated",),
)

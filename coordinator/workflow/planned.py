"""From trees and a target's state to plans: capture what pending revisions do, look for what is wrong, order them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.errors import RevisionError
from coordinator.ledger.effects_json import KnownEffects
from coordinator.model.capture import Capture, Direction
from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place
from coordinator.planning.planner import plan_run
from coordinator.revisions.capture import capture
from coordinator.revisions.effects import effects_of
from coordinator.worker.process import WorkerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.model.effect import LastingUse, RevisionEffects
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Atomicity, RunPlan
    from coordinator.workflow.map_view import MapView
    from coordinator.workflow.state import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What revisions send, both ways, and what it means. `findings` are about modules that could not be asked.

    `options` are those of each module's env.py that shape names, `tools` the versions that its revisions run with.
    """

    upgrades: Mapping[RevisionKey, Capture]
    downgrades: Mapping[RevisionKey, Capture]
    effects: Mapping[RevisionKey, RevisionEffects]  # of the upgrades
    back: Mapping[RevisionKey, RevisionEffects]  # of the downgrades that were captured
    findings: tuple[Finding, ...] = ()
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tools: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def known_effects(self) -> Mapping[RevisionKey, KnownEffects]:
        """Both directions of each revision, as the ledger keeps them."""
        return {
            key: KnownEffects(upgrade=each, downgrade=self.back.get(key))
            for key, each in self.effects.items()
        }

    def pending(self, keys: tuple[RevisionKey, ...]) -> tuple[Capture, ...]:
        """Both captures of each of these revisions, in that order."""
        return tuple(each for key in keys for each in (self.upgrades[key], self.downgrades[key]))


def capture_all(
    project: Project,
    pending: tuple[RevisionKey, ...],
    workers: Workers,
    server_version: int,
    *,
    noted: tuple[RevisionKey, ...] = (),
) -> Captured:
    """Capture the pending revisions both ways, and the upgrades of the applied ones, whose objects have versions too.

    `noted` are applied revisions that are captured both ways all the same: the ledger is about to learn of them.
    """
    waiting = frozenset(pending)
    upgrades: dict[RevisionKey, Capture] = {}
    downgrades: dict[RevisionKey, Capture] = {}
    findings: list[Finding] = []
    for tree in project.trees if waiting or noted else ():
        findings.extend(learn_environment(tree.module, workers, server_version))
        for revision in tree.revisions:
            worker = workers.for_module(tree.module, server_version)
            upgrades[revision.key] = capture(worker, tree.module, revision, Direction.UPGRADE)
            if revision.key in waiting or revision.key in noted:
                worker = workers.for_module(tree.module, server_version)
                downgrades[revision.key] = capture(worker, tree.module, revision, Direction.DOWNGRADE)
    _refuse_unloadable(project, [upgrades[key] for key in pending if not upgrades[key].loaded])

    def effects(captures: Mapping[RevisionKey, Capture]) -> Mapping[RevisionKey, RevisionEffects]:
        return {
            key: effects_of(each, schema=project.module(key.module).schema) for key, each in captures.items()
        }

    workers.forget_all()  # Alembic must not believe that the types it was seen to make are there
    return Captured(
        upgrades=upgrades,
        downgrades=downgrades,
        effects=effects(upgrades),
        back=effects(downgrades),
        findings=tuple(findings),
        **_surroundings(project, workers, server_version),
    )


def _surroundings(
    project: Project, workers: Workers, server_version: int
) -> dict[str, Mapping[str, Mapping[str, str]]]:
    """What the workers were seen to run the modules' revisions with."""
    asked = {
        module.name: workers.for_module(module, server_version)
        for module in project.modules
        if workers.is_running(module)
    }
    return {
        "options": {name: worker.options.get(name, {}) for name, worker in asked.items()},
        "tools": {name: worker.versions for name, worker in asked.items()},
    }


def _refuse_unloadable(project: Project, captures: list[Capture]) -> None:
    """Raise RevisionError when a pending revision's file cannot be imported."""
    findings = tuple(
        Finding(
            rule="not-loadable",
            message=f"revision {each.key} cannot be loaded: {each.error}",
            module=each.key.module,
            revision=each.key,
            place=Place(project.revision(each.key).place.file, each.error_line),
            help="correct the file, or make what it imports importable:"
            f" [tool.migrate.modules.{each.key.module}] import_paths, interpreter",
        )
        for each in captures
    )
    if findings:
        count = "1 revision" if len(findings) == 1 else f"{len(findings)} revisions"
        raise RevisionError(f"{count} cannot be loaded", findings)


def learn_environment(module: Module, workers: Workers, server_version: int) -> tuple[Finding, ...]:
    """Learn from env.py what results need of it; an env.py that does not run is a warning, since it is not needed."""
    try:
        said = workers.read_environment(module, server_version)
    except WorkerError as error:
        return (
            Finding(
                rule="env-not-read",
                severity=Severity.WARNING,
                message=f"the env.py of module {module.name!r} does not run here: {error.message}",
                module=module.name,
                help='if it sets a naming convention, name it in the settings: naming_convention = "package.module:metadata"',
            ),
        )
    schema, table = module.qualified_version_table
    named = (said.get("version_table_schema") or schema, said.get("version_table") or table)
    if named != (schema, table):
        return (
            Finding(
                rule="other-version-table",
                message=f"env.py of module {module.name!r} keeps its heads in {'.'.join(named)},"
                f" the settings say {schema}.{table}",
                module=module.name,
                help=f'write version_table = "{".".join(named)}" in [tool.migrate.modules.{module.name}]',
            ),
        )
    return ()


def make_plans(
    project: Project,
    state: TargetState,
    captured: Captured,
    map_view: MapView,
    *,
    atomicity: Atomicity,
    only: str | None = None,
    lasting: tuple[LastingUse, ...] = (),
) -> tuple[RunPlan, ...]:
    """The plans to try, the likeliest first. Raises RefusedError for a cycle or a plan that cannot be as asked."""
    candidates = plan_run(
        trees=state.absent.all_trees(project),
        applied={**state.applied, **state.absent.applied},
        effects={**state.absent.upgrades, **captured.effects},
        absent=state.absent.applied.keys(),
        downgrades=captured.downgrades,
        lasting=lasting,
        map_order=map_view.order,
        map_edges=map_view.edges,
        atomicity=atomicity,
        only=only,
        lock_table=state.lock_table,
    )
    return candidates.plans

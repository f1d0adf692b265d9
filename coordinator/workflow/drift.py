"""What a target or a snapshot has that its applied revisions do not make: these are run again, and the catalogs compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.project import Project
from coordinator.execution.workers import Workers
from coordinator.model.baseline import BaselineKind
from coordinator.model.effect import Verb
from coordinator.model.finding import Finding, Severity
from coordinator.planning.drift import drift
from coordinator.postgres.catalog import read_catalog
from coordinator.workflow.baseline.replay import ReplayBaseline
from coordinator.workflow.rehearse import built

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from coordinator.execution.events import Listener
    from coordinator.model.revision import ModuleTree
    from coordinator.settings.values import Settings
    from coordinator.staging.interface import Staging
    from coordinator.workflow.baseline.interface import Baseline
    from coordinator.workflow.state import TargetState

NOT_CHECKED = "drift-not-checked"


def find_drift(
    settings: Settings,
    project: Project,
    state: TargetState,
    baseline: Baseline,
    *,
    staging: Staging,
    tell: Listener,
    touched: Collection[tuple[str, str]] | None = None,
) -> tuple[Finding, ...]:
    """Run the applied revisions of each module on an entered staging, and say what the baseline has otherwise.

    `state` is the baseline's. A replay has no drift, since it is made that way. What cannot be compared is a warning.
    `touched` are the objects (schema, name) whose drift matters; None: all of them.
    """
    if baseline.kind is BaselineKind.REPLAY:
        return ()
    trees, left_out = _applied(project, state)
    trees = tuple(tree for tree in trees if tree.revisions)
    if not trees:
        return left_out
    with Workers(silence=settings.worker_timeout) as workers:
        replay = ReplayBaseline(
            settings=settings,
            tell=tell,
            workers=workers,
            replayed=Project(trees=trees),
            staging="",
            shown="the applied revisions, replayed",
            server_version=staging.server_version,
            embedded=baseline.embedded,
            known=baseline.facts(),
        )
        try:
            with built(replay, staging, project, tell) as session:
                expected = read_catalog(session, ignore=project.version_tables)
        except CoordinatorError as error:
            return (*left_out, _not_checked(f"they do not run: {error.message}", help=error.help))
    found = drift(
        expected,
        baseline.catalog(project),
        [tree.module for tree in trees],
        made_elsewhere=_made_elsewhere(project, state, frozenset(tree.module.name for tree in trees)),
        touched=touched,
    )
    return (*left_out, *found)


def _applied(project: Project, state: TargetState) -> tuple[tuple[ModuleTree, ...], tuple[Finding, ...]]:
    """Of each tree what is in; a module of which more is in than the checkout has is left out, and told."""
    later = {each.key.module for each in state.absent.later}
    trees, findings = [], []
    for tree in project.trees:
        name = tree.module.name
        if state.unknown.get(name) or state.ahead.get(name) or name in later:
            findings.append(_not_checked("revisions are applied of which there is no file here", module=name))
            continue
        inside = state.applied.get(name, frozenset())
        trees.append(
            replace(tree, revisions=tuple(each for each in tree.revisions if each.key.revision in inside))
        )
    return tuple(trees), tuple(findings)


def _made_elsewhere(
    project: Project, state: TargetState, replayed: frozenset[str]
) -> frozenset[tuple[str, str, str]]:
    """What revisions have made that were not replayed: those of absent modules, which may touch others' schemas."""
    return frozenset(_made(project, state, replayed))


def _made(project: Project, state: TargetState, replayed: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    for key, effects in state.absent.upgrades.items():
        if key.module not in replayed:
            for effect in effects.of(Verb.CREATE):
                if project.owners.get(effect.object.schema) in replayed:
                    yield (effect.object.schema, effect.object.name, effect.object.part)


def _not_checked(why: str, *, module: str | None = None, help: str | None = None) -> Finding:  # noqa: A002
    what = "the modules" if module is None else f"module {module!r}"
    return Finding(
        rule=NOT_CHECKED,
        severity=Severity.WARNING,
        module=module,
        message=f"whether {what} drifted from the applied revisions is not known: {why}",
        help=help or "check where every module's files are",
    )

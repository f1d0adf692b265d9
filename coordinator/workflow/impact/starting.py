"""Where the branch starts: what is applied, and what the database, the snapshot or the applied revisions tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, UsageError
from coordinator.impact.branch import Past, Running, run_past
from coordinator.impact.from_catalog import known_in
from coordinator.planning.planner import plan_run
from coordinator.revisions.commands import commands_of, remembered_commands
from coordinator.workflow.impact.added import in_order, is_outside_of_git
from coordinator.workflow.project import ASSUMED_SERVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.model.effect import LastingUse, RevisionEffects
    from coordinator.model.known_objects import KnownObjects
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.revision import ModuleTree
    from coordinator.workflow.baseline.interface import Baseline
    from coordinator.workflow.impact.added import Added
    from coordinator.workflow.map_view import MapView
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.state import TargetState


@dataclass(slots=True, kw_only=True)
class Starting:
    """What is in where the branch starts. `baseline` is None where only the files are known.

    `branch` are the revisions asked about, `pending` all that are to come.
    """

    since: str
    shown: str
    branch: tuple[RevisionKey, ...]
    pending: tuple[RevisionKey, ...]
    applied: Mapping[str, frozenset[str]]
    trees: tuple[ModuleTree, ...]
    absent: tuple[Module, ...] = ()
    remembered: Mapping[RevisionKey, RevisionEffects] = field(default_factory=dict)
    server_version: int = ASSUMED_SERVER
    lasting: tuple[LastingUse, ...] = ()
    notes: list[str] = field(default_factory=list)
    not_known: list[str] = field(default_factory=list)


def start(project: Project, module: str, added: Added, baseline: Baseline | None, *, asked: bool) -> Starting:
    """Decide what counts as the branch. `asked`: a ref was named, so only git decides.

    Raises GitError or UsageError when neither git nor a baseline can tell.
    """
    failure = added.failures.get(module)
    if failure is not None and (asked or (baseline is None and not is_outside_of_git(failure))):
        raise failure
    if baseline is None:
        if failure is not None:
            raise UsageError(
                f"What module {module!r} adds cannot be told: {failure.message.rstrip('.')},"
                " and there is no database to compare with.",
                help="Name a target (--database-url, --env) or a snapshot (--baseline FILE), or work in a git repository.",
            )
        return _from_files(project, module, added)
    return _from_baseline(project, module, added, baseline, asked=asked)


def _from_files(project: Project, module: str, added: Added) -> Starting:
    """Without a database: what was there when the branch began is taken for applied."""
    new = in_order(project, [*added.keys, *added.edited])
    coming = frozenset(new)
    starting = Starting(
        since=str(added.since[module]),
        shown="the revisions that were there when the branch began",
        branch=tuple(key for key in new if key.module == module),
        pending=new,
        applied={
            tree.module.name: frozenset(
                each.key.revision for each in tree.revisions if each.key not in coming
            )
            for tree in project.trees
        },
        trees=project.trees,
    )
    starting.not_known.append(
        "no database was asked: what is applied is taken from git, and what stands in the database from the revisions;"
        " objects that no revision here makes are not seen"
    )
    for name in added.failures:
        starting.not_known.append(
            f"which revisions of module {name} are applied: {added.failures[name].message.rstrip('.')};"
            " all of them are taken to be"
        )
    _tell_edits(starting, added, module, frozenset())
    return starting


def _from_baseline(
    project: Project, module: str, added: Added, baseline: Baseline, *, asked: bool
) -> Starting:
    state = baseline.state(project)
    pending = state.pending(project)
    new = frozenset((*added.keys, *added.edited))
    own = tuple(key for key in pending if key.module == module)
    branch = tuple(key for key in own if key in new)
    since = str(added.since[module]) if module in added.since else ""
    if not branch and not asked:
        # Outside of git, or merged and not deployed yet: what is not applied is what is added.
        branch, since = own, f"what is applied in {baseline.shown}" if own or not since else since
    starting = Starting(
        since=since,
        shown=baseline.shown,
        branch=branch,
        pending=pending,
        applied={**state.applied, **state.absent.applied},
        trees=state.absent.all_trees(project),
        absent=state.absent.modules,
        remembered=state.absent.upgrades,
        server_version=state.server_version,
        lasting=baseline.lasting(),
    )
    failure = added.failures.get(module)
    if failure is not None and not is_outside_of_git(failure):
        starting.not_known.append(f"where the branch began: {failure.message} {failure.help or ''}".rstrip())
    _tell_edits(starting, added, module, _applied_keys(state, project))
    return starting


def _applied_keys(state: TargetState, project: Project) -> frozenset[RevisionKey]:
    return frozenset(
        each.key
        for tree in project.trees
        for each in tree.revisions
        if each.key.revision in state.applied.get(tree.module.name, frozenset())
    )


def _tell_edits(starting: Starting, added: Added, module: str, applied: frozenset[RevisionKey]) -> None:
    for key in (*added.edited, *added.keys):
        if key.module == module and key in applied:
            what = "was edited" if key in added.edited else "is new here"
            starting.notes.append(f"{key} {what}, and is applied already: it is not looked at")
    if not applied:
        for key in added.edited:
            if key.module == module:
                starting.notes.append(f"{key} was edited since; whether it is applied somewhere is not known")
    for file in added.deleted:
        starting.notes.append(f"a revision file is gone since: {file}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything about revisions that judging needs."""

    captured: Captured
    past: Past
    known: KnownObjects
    uses: tuple[LastingUse, ...]
    order: tuple[Running, ...]
    plan: RunPlan | None
    problem: str | None = None


def set_scene(
    project: Project, starting: Starting, baseline: Baseline | None, captured: Captured, map_view: MapView
) -> Scene:
    """Plan the pending revisions by what they do, and read what there is."""
    effects = {**starting.remembered, **captured.effects}
    plan, problem = _plan(starting, effects, captured, map_view)
    written = tuple(each.key for tree in starting.trees for each in tree.revisions)
    running = {key: _running(key, starting, captured, project) for key in written}
    coming = frozenset(starting.pending)
    # Without a database the applied revisions alone tell what there is, so it matters which of them ran first.
    ran = written if baseline is not None else _from_empty(starting, effects, map_view, written)
    past = run_past([running[key] for key in ran if key not in coming])
    steps = tuple(step.key for step in plan.steps) if plan is not None else starting.pending
    return Scene(
        captured=captured,
        past=past,
        known=known_in(baseline.catalog(project)) if baseline is not None else past.known,
        uses=baseline.uses() if baseline is not None else past.uses,
        order=tuple(running[key] for key in steps),
        plan=plan,
        problem=problem,
    )


def _running(key: RevisionKey, starting: Starting, captured: Captured, project: Project) -> Running:
    tree = next(each for each in starting.trees if each.module.name == key.module)
    revision = tree.find(key.revision)
    assert revision is not None
    capture = captured.upgrades.get(key)
    if capture is not None:
        commands = commands_of(capture, schema=tree.module.schema)
    else:
        remembered = starting.remembered.get(key)
        commands = remembered_commands(remembered) if remembered is not None else ()
    return Running(key=key, place=revision.place, schema=tree.module.schema, commands=commands)


def _from_empty(
    starting: Starting,
    effects: Mapping[RevisionKey, RevisionEffects],
    map_view: MapView,
    written: tuple[RevisionKey, ...],
) -> tuple[RevisionKey, ...]:
    """All revisions in the order in which an empty database gets them; as `written` when there is no order."""
    try:
        candidates = plan_run(
            trees=starting.trees,
            applied={},
            effects=effects,
            map_order=map_view.order,
            map_edges=map_view.edges,
        )
    except RefusedError:
        return written
    return tuple(step.key for step in candidates.plans[0].steps)


def _plan(
    starting: Starting,
    effects: Mapping[RevisionKey, RevisionEffects],
    captured: Captured,
    map_view: MapView,
) -> tuple[RunPlan | None, str | None]:
    """The likeliest plan; None with the reason when there is no order."""
    try:
        candidates = plan_run(
            trees=starting.trees,
            applied=starting.applied,
            effects=effects,
            absent={each.name for each in starting.absent},
            downgrades=captured.downgrades,
            lasting=starting.lasting,
            map_order=map_view.order,
            map_edges=map_view.edges,
        )
    except RefusedError as refused:
        return None, refused.message
    return candidates.plans[0], None

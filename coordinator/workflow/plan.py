"""`migrate plan`: the ordered steps that `migrate all-modules` would run now. Only reads: no lock, no rehearsal.

From a snapshot it needs no database; then what only rows can tell is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.execution.events import Listener, TargetNamed, Working
from coordinator.execution.workers import Workers
from coordinator.model.baseline import BaselineKind
from coordinator.model.finding import Finding, Severity
from coordinator.model.run import RunStatus
from coordinator.planning.heads import heads_after
from coordinator.postgres.catalog import read_catalog
from coordinator.reports.plan_sql import ScriptStep
from coordinator.snapshots.file import read_snapshot
from coordinator.workflow.baseline.replay import open_replay
from coordinator.workflow.baseline.snapshot import SnapshotBaseline, incomplete
from coordinator.workflow.baseline.target import TargetBaseline
from coordinator.workflow.lint import lint_pending
from coordinator.workflow.loss import KeepRequest, at_stake, keep_plan, keep_policy
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.planned import Captured, capture_all, make_plans
from coordinator.workflow.preconditions import looked_at_rows
from coordinator.workflow.preflight import preflight
from coordinator.workflow.project import load_project
from coordinator.workflow.reading import reader
from coordinator.workflow.refusals import attempt, failed_findings, held_findings, newer_ledger_findings
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.execution.project import Project
    from coordinator.model.kept import AtStake
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Atomicity, RunPlan
    from coordinator.model.precondition import PreconditionResult
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.baseline.interface import Baseline
    from coordinator.workflow.state import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """The candidate plans, the likeliest first; none when nothing is pending, or when no order could be found.

    `script` is what `--sql` prints of the first plan, `stakes` what each of its steps destroys, as far as that can
    be told without a rehearsal. `findings` hold the plan's own.
    """

    target: str
    environment: str
    project: Project
    state: TargetState
    plans: tuple[RunPlan, ...]
    script: tuple[ScriptStep, ...]
    findings: tuple[Finding, ...]
    stakes: Mapping[RevisionKey, tuple[AtStake, ...]] = field(default_factory=dict)
    preconditions: tuple[
        PreconditionResult, ...
    ] = ()  # what the steps demand of rows, and whether these meet it

    @property
    def pending(self) -> int:
        """How many revisions are pending, planned or not."""
        return len(self.state.pending(self.project))

    @property
    def refused(self) -> bool:
        """Whether `migrate all-modules` would refuse."""
        return any(each.severity is Severity.ERROR for each in self.findings)


def view_plan(
    settings: Settings,
    tell: Listener,
    *,
    atomicity: Atomicity,
    only: str | None,
    linted: bool = False,
    snapshot: Path | None = None,
    since: str | None = None,
) -> PlanView:
    """Plan everything that is pending. A cycle and other refusals of the planner are findings here.

    `linted`: with what the lint says of the pending revisions. `snapshot` is the file of one, to plan from instead of
    the target; with `since` what that git ref holds is taken for applied, by its files alone: only a SQL file that stands
    for revisions is run on a staging. Raises RevisionError and MapError for what cannot be read at all, SnapshotError for
    such a file, GitError for such a ref, UnreachableError when there is no staging for a SQL file.
    """
    with Workers(silence=settings.worker_timeout) as workers:
        if snapshot is not None:
            baseline = SnapshotBaseline(snapshot=read_snapshot(snapshot))
            environment = baseline.snapshot.environment
            tell(TargetNamed(target=baseline.shown, environment=environment))
            planning = _Planning(settings, tell, workers, load_project(settings, workers), baseline, linted)
            view = planning.view(baseline.shown, environment, None, atomicity=atomicity, only=only)
            return replace(view, findings=(*incomplete(baseline.snapshot), *view.findings))
        if since is not None:
            with open_replay(settings, tell, since=since) as files:
                shown, environment = f"the revisions of {since}", settings.environment or "default"
                tell(TargetNamed(target=shown, environment=environment))
                planning = _Planning(settings, tell, workers, load_project(settings, workers), files, linted)
                return planning.view(shown, environment, None, atomicity=atomicity, only=only)
        with open_target(settings) as target:
            tell(TargetNamed(target=target.shown, environment=target.environment))
            project = load_project(settings, workers)
            with reader(target, "plan") as session:
                live = TargetBaseline(target=target, session=session)
                planning = _Planning(settings, tell, workers, project, live, linted)
                return planning.view(
                    target.shown, target.environment, session, atomicity=atomicity, only=only
                )


@dataclass(frozen=True, slots=True)
class _Planning:
    """One plan of one project from one baseline."""

    settings: Settings
    tell: Listener
    workers: Workers
    project: Project
    baseline: Baseline
    linted: bool

    def view(
        self,
        target: str,
        environment: str,
        session: Session | None,
        *,
        atomicity: Atomicity,
        only: str | None,
    ) -> PlanView:
        """The view; `session` asks the rows, where there are any."""
        settings, project = self.settings, self.project
        state = self.baseline.state(project)
        pending = state.pending(project)
        if pending:
            self.tell(Working(what="reading what the pending revisions do"))
        captured = capture_all(project, pending, self.workers, state.server_version)
        plans, findings = _planned(settings, self.baseline, project, state, captured, atomicity, only)
        if pending:
            findings = (*findings, *_refused(session, project, state, plans, only))
        if self.linted:
            findings = (*findings, *_lint(settings, self.baseline, project, state, captured))
        view = PlanView(
            target=target,
            environment=environment,
            project=project,
            state=state,
            plans=plans,
            script=_script(self.baseline, project, state, captured, plans[0]) if plans else (),
            findings=tuple(dict.fromkeys((*_unfinished(state), *findings))),
        )
        if session is None:
            return view
        rows = looked_at_rows(session, plans, captured, project, settings.check_budget, tell=self.tell)
        return replace(
            view,
            findings=tuple(dict.fromkeys((*view.findings, *rows.findings))),
            preconditions=rows.results,
            stakes=_stakes(settings, session, project, captured, plans[0]) if plans else {},
        )


def _planned(
    settings: Settings,
    baseline: Baseline,
    project: Project,
    state: TargetState,
    captured: Captured,
    atomicity: Atomicity,
    only: str | None,
) -> tuple[tuple[RunPlan, ...], tuple[Finding, ...]]:
    findings = (*captured.findings, *preflight(project, state, captured))
    if not state.pending(project):
        return (), findings
    map_view = read_map_view(settings)
    findings = (*findings, *map_view.findings)
    try:
        plans = make_plans(
            project,
            state,
            captured,
            map_view,
            atomicity=atomicity,
            only=only,
            lasting=baseline.lasting(),
        )
    except RefusedError as refused:
        return (), (*findings, *(refused.findings or (_refusal(refused),)))
    return plans, (*findings, *plans[0].findings)


def _lint(
    settings: Settings, baseline: Baseline, project: Project, state: TargetState, captured: Captured
) -> tuple[Finding, ...]:
    map_view = read_map_view(settings)
    # What a git ref holds could tell its uses only by being built, for which there is no time and perhaps no server.
    uses = () if baseline.kind is BaselineKind.REPLAY else baseline.uses()
    sizes = baseline.sizes()
    return lint_pending(settings, project, state, captured, map_view, uses=uses, sizes=sizes)


def _stakes(
    settings: Settings, session: Session, project: Project, captured: Captured, plan: RunPlan
) -> Mapping[RevisionKey, tuple[AtStake, ...]]:
    """What the plan's steps destroy of what the target holds now, and whether it would be kept."""
    catalog = read_catalog(session, ignore=project.version_tables)
    policy = keep_policy(settings, session, KeepRequest(marks=read_map_view(settings).marks))
    return at_stake(session, plan, keep_plan(policy, captured, plan, None), catalog)


def _refused(
    session: Session | None,
    project: Project,
    state: TargetState,
    plans: tuple[RunPlan, ...],
    only: str | None,
) -> tuple[Finding, ...]:
    """What `migrate all-modules` would refuse at its first look."""
    steps = [step.key for step in plans[0].steps] if plans else state.pending(project)
    return (
        *newer_ledger_findings(state),
        *held_findings(state, steps),
        *(() if session is None else failed_findings(session, attempt(project, state, only))),
    )


def _refusal(refused: RefusedError) -> Finding:
    return Finding(rule="no-plan", message=refused.message, help=refused.help)


def _unfinished(state: TargetState) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            rule="run-unsettled",
            message=f"run {run.number} failed and was not taken back whole: {run.error or 'no error was written down'}",
            help="`migrate recover` explains what is in and goes on",
        )
        for run in state.open_runs
        if run.status is RunStatus.UNSETTLED
    )


def _script(
    baseline: Baseline, project: Project, state: TargetState, captured: Captured, plan: RunPlan
) -> tuple[ScriptStep, ...]:
    """What each step of the plan does to its module's version table, step after step."""
    facts = baseline.facts()
    schemas = {each.schema for each in facts.extensions} if facts is not None else set()
    extensions = sorted(schemas - {"pg_catalog"})
    heads: dict[tuple[str, str], frozenset[str]] = {}
    for module in project.modules:  # several may share one table
        if module.name in state.heads:
            table = module.qualified_version_table
            heads[table] = heads.get(table, frozenset()) | state.heads[module.name]
    steps = []
    for step in plan.steps:
        module, tree = project.module(step.key.module), project.tree(step.key.module)
        table = module.qualified_version_table
        before = heads.get(table)
        own = (before or frozenset()) & tree.ids
        after = heads_after(tree, own, project.revision(step.key), step.direction)
        steps.append(
            ScriptStep(
                step=step,
                module=module,
                capture=captured.upgrades[step.key],
                search_path=tuple(dict.fromkeys((*module.schemas, *extensions))),
                heads_before=None if before is None else own,
                heads_after=after,
            )
        )
        heads[table] = ((before or frozenset()) - own) | after
    return tuple(steps)

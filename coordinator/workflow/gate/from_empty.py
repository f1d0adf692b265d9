"""The pass from an empty database, as on a laptop or at a new customer's: all revisions of this checkout in one order."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import GateStage
from coordinator.reports.wording import counted
from coordinator.workflow.absent import AbsentModules
from coordinator.workflow.baseline.stand_in import run_stand_ins, stood_for
from coordinator.workflow.gate.building import note_built, starts_empty
from coordinator.workflow.gate.interface import Check, Said, skipped
from coordinator.workflow.gate.order import read_map
from coordinator.workflow.gate.request import FromEmpty
from coordinator.workflow.gate.watching import Watching
from coordinator.workflow.planned import make_plans
from coordinator.workflow.rehearse import RehearsalFailedError, rehearse_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from coordinator.execution.project import Project
    from coordinator.model.names import RevisionKey
    from coordinator.postgres.session import Session
    from coordinator.workflow.gate.bench import Bench
    from coordinator.workflow.rehearse import Rehearsed
    from coordinator.workflow.state import TargetState


def _pass(bench: Bench) -> Said:
    if not bench.pending:
        if bench.request.from_empty is FromEmpty.PENDING:
            return skipped("nothing is pending")
        read_map(bench)
    if starts_empty(bench) and bench.rehearsed is not None:
        return skipped("the rehearsal has started from nothing already")
    watching = Watching(bench.tell, bench.project)
    judged = frozenset(bench.pending) if bench.request.from_empty is FromEmpty.PENDING else None
    found = None
    try:
        found = _rehearsed(
            bench, watching, bench.project, judged, at_top=lambda session: note_built(bench, session)
        )
    except RefusedError as error:
        return _failed(bench, error)
    finally:
        if watching.began:
            done = None if found is None else found.rehearsal
            bench.rehearsals.append(watching.seen("empty", done, judged=judged))
    only = "" if judged is None else f", {counted(len(judged), 'pending one', 'pending ones')} taken back too"
    findings = tuple(
        each
        for step in found.rehearsal.steps
        if judged is None or step.key in judged
        for each in step.findings
    )
    told = f"{counted(len(found.plan.steps), 'revision')} from nothing{only}"
    return Said(told=told, findings=findings)


def _rehearsed(
    bench: Bench,
    watching: Watching,
    project: Project,
    judged: frozenset[RevisionKey] | None,
    *,
    at_top: Callable[[Session], None] = lambda session: None,
) -> Rehearsed:
    plans = make_plans(
        project,
        _nothing_in(bench.state, stood_for(project.trees)),
        bench.captured,
        bench.map_view,
        atomicity=bench.settings.atomic,
    )
    return rehearse_on(
        lambda: _start(bench, project),
        plans,
        where=bench.floor.staging.label,
        facts=bench.floor.facts,
        settings=bench.settings,
        project=project,
        captured=bench.captured,
        workers=bench.workers,
        tell=watching,
        judged=judged,
        at_top=at_top,
    )


@contextmanager
def _start(bench: Bench, project: Project) -> Iterator[Session]:
    """A session on a database that holds what the SQL files of some trees' first revisions make, and else nothing."""
    with bench.floor.session_on_empty() as session:
        stand_ins = stood_for(project.trees)
        run_stand_ins(session, [tree for tree in project.trees if tree.module.name in stand_ins])
        yield session


def _nothing_in(state: TargetState, applied: Mapping[str, frozenset[str]]) -> TargetState:
    """The same server before anybody has migrated anything but what SQL files stand for."""
    return replace(
        state,
        heads={},
        applied=applied,
        unknown={},
        ahead={},
        widths={},
        lock_table=replace(state.lock_table, trees={}),
        recorded=(),
        open_runs=(),
        holds=(),
        absent=AbsentModules(upgrades={}, downgrades={}),
    )


def _failed(bench: Bench, error: RefusedError) -> Said:
    """A failure is the pending revisions' when without them everything can be built from nothing."""
    why = _not_theirs(bench, error)
    if why is None:
        raise error
    finding = Finding(
        rule="not-from-empty",
        severity=Severity.WARNING,
        message=f"{why}, so the pass from empty says nothing about what is pending: {error.message}",
        help="name a baseline for a tree that cannot be built from its first revision:"
        " [tool.migrate.modules.NAME] baseline = { sql = …, revision = … }",
    )
    return replace(skipped(why), findings=(finding,))


def _not_theirs(bench: Bench, error: RefusedError) -> str | None:
    """Why the failure says nothing about the pending revisions; None when it does."""
    if bench.state.absent.modules:
        names = ", ".join(module.name for module in bench.state.absent.modules)
        return f"this checkout is not all of the database ({names})"
    if isinstance(error, RehearsalFailedError) and error.failure.step.key in frozenset(bench.pending):
        return None
    without = _without_pending(bench)
    if not any(tree.revisions for tree in without.trees):
        return None
    try:
        _rehearsed(bench, Watching(lambda event: None, without), without, frozenset())
    except RefusedError:
        return "what is in already cannot be built from an empty database"
    return None


def _without_pending(bench: Bench) -> Project:
    pending = frozenset(bench.pending)
    trees = tuple(
        replace(tree, revisions=tuple(each for each in tree.revisions if each.key not in pending))
        for tree in bench.project.trees
    )
    return replace(bench.project, trees=trees)


FROM_EMPTY = Check(
    name="from-empty",
    stage=GateStage.MIGRATE,
    title="everything can be built from an empty database too",
    run=_pass,
    needs=("order", "staging"),
)

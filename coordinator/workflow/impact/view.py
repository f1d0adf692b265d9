"""`migrate impact`: what the branch changes, who uses it, what becomes of them. Only reads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.execution.events import Working
from coordinator.execution.workers import Workers
from coordinator.impact.asking import owners_to_ask
from coordinator.impact.branch import run_branch
from coordinator.impact.declared import with_declared
from coordinator.impact.facts import Facts
from coordinator.impact.holders import holders_of, not_known_of
from coordinator.impact.judging import holders_that_break, impacts_of
from coordinator.impact.revisions import revision_consumptions
from coordinator.impact.shipping import ship_first
from coordinator.impact.wanted import looked_up, objects_wanted, stands_on
from coordinator.impact.way_out.around import Around
from coordinator.impact.way_out.choosing import ways_out
from coordinator.model.impact import ConsumerKind, Consumption, ImpactReport
from coordinator.repository.code_owners import read_code_owners
from coordinator.repository.command import GitError
from coordinator.repository.git import toplevel
from coordinator.sources.search import search_sources
from coordinator.sources.texts import statements
from coordinator.sources.usages import compared_in, usages_of
from coordinator.sources.wanted import Wanted
from coordinator.sql.shown import without_values
from coordinator.workflow.impact.added import what_is_added
from coordinator.workflow.impact.declarations import read_declarations
from coordinator.workflow.impact.starting import Scene, Starting, set_scene, start
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.planned import capture_all
from coordinator.workflow.project import load_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from coordinator.execution.events import Listener
    from coordinator.execution.project import Project
    from coordinator.impact.branch import Branch
    from coordinator.model.impact import ChangeImpact
    from coordinator.model.known_objects import KnownObjects
    from coordinator.model.module import Module
    from coordinator.postgres.live_statements import LiveStatements
    from coordinator.settings.values import Settings
    from coordinator.workflow.baseline.interface import Baseline
    from coordinator.workflow.planned import Captured


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a caller has read already: the trees, and what the pending revisions and the applied ones do."""

    project: Project
    captured: Captured


def view_impact(
    settings: Settings,
    module: str,
    *,
    since: str | None,
    baseline: Baseline | None,
    tell: Listener,
    live: LiveStatements | None = None,
    variables: Mapping[str, str] | None = None,
    read: Read | None = None,
) -> ImpactReport:
    """What the branch's revisions of one module change, and everything that uses it.

    `since` is a git ref (None: where the branch left the default one). Without a `baseline` no database is asked.
    `live` are the statements seen at work (None: not asked for). `variables` are the process's. `read` is what the caller
    has read already: with it no revision is run again.

    Raises UsageError for a module that is not there and for a ref that git does not know, RevisionError and MapError
    for what cannot be read.
    """
    settings.module(module)  # raises with the nearest known name
    with Workers(silence=settings.worker_timeout) as workers:
        project = load_project(settings, workers) if read is None else read.project
        added = what_is_added(project, module, since, os.environ if variables is None else variables)
        starting = start(project, module, added, baseline, asked=since is not None)
        if not starting.branch:
            return ImpactReport(
                module=module,
                since=starting.since,
                baseline=starting.shown,
                not_known=tuple(starting.not_known),
                notes=tuple(starting.notes),
            )
        if read is None:
            tell(Working(what="reading what the revisions do"))
            captured = capture_all(project, starting.pending, workers, starting.server_version)
        else:
            captured = read.captured
        scene = set_scene(project, starting, baseline, captured, read_map_view(settings))
    return _Viewing(settings, project, module, starting, scene, tell).report(live)


@dataclass(frozen=True, slots=True)
class _Viewing:
    """One report in the making, once the revisions are known."""

    settings: Settings
    project: Project
    module: str
    starting: Starting
    scene: Scene
    tell: Listener

    @property
    def owners(self) -> Mapping[str, str]:
        """Schema -> module, absent modules too."""
        every = (*self.starting.absent, *self.project.modules)
        return {schema: module.name for module in every for schema in module.schemas}

    def report(self, live: LiveStatements | None) -> ImpactReport:
        """Gather, judge, and say who is to be asked and what is to be done."""
        scene, starting = self.scene, self.starting
        members = frozenset(starting.branch)
        branch = run_branch(scene.known, scene.order, members, owners=self.owners)
        uses = scene.uses
        consumptions = [
            *holders_of(
                uses,
                owners=self.owners,
                makers=scene.past.makers,
                views=scene.known.views | scene.past.known.views,
            ),
            *branch.pending,
            *self._revisions(),
        ]
        facts = Facts(
            start=branch.start,
            final=branch.final,
            steps={} if scene.plan is None else {step.key: step.position for step in scene.plan.steps},
            releases=branch.releases,
            retyped=branch.retyped,
            stands_on=stands_on(uses),
            looked_up=looked_up(branch.alterations),
        )
        self.tell(Working(what="looking through the modules' sources"))
        wanted = objects_wanted(branch.alterations, branch.start, facts.stands_on)
        along = holders_that_break(branch.alterations, consumptions, facts)
        found = search_sources(self.settings.modules, Wanted.of(wanted | along), branch.reading)
        consumptions.extend(found.consumptions)
        consumptions.extend(_live_consumptions(live, branch.reading))
        impacts = impacts_of(branch.alterations, consumptions, facts)
        declarations, named = read_declarations(self.settings, self._modules, branch.reading)
        impacts = with_declared(impacts, branch.alterations, declarations, consumptions, self.owners)
        return ImpactReport(
            module=self.module,
            since=starting.since,
            baseline=starting.shown,
            revisions=starting.branch,
            changes=impacts,
            ship_first=ship_first(scene.plan, members) if scene.plan is not None else (),
            owners=owners_to_ask(self.module, impacts, named, self._code_owners(impacts)),
            way_out=ways_out(branch, impacts, Around(sources=scene.past.sources, uses=uses)),
            not_known=tuple(dict.fromkeys(self._not_known(branch, found.not_read, live))),
            notes=tuple(starting.notes),
        )

    @property
    def _modules(self) -> tuple[Module, ...]:
        return (*self.project.modules, *self.starting.absent)

    def _revisions(self) -> tuple[Consumption, ...]:
        effects = {**self.starting.remembered, **self.scene.captured.effects}
        places = {each.key: each.place for tree in self.starting.trees for each in tree.revisions}
        coming = frozenset(self.starting.pending)
        return revision_consumptions(effects, places, module=self.module, pending=coming)

    def _not_known(
        self, branch: Branch, not_read: Iterable[str], live: LiveStatements | None
    ) -> Iterator[str]:
        starting, scene = self.starting, self.scene
        yield from starting.not_known
        for key in starting.branch:
            effects = scene.captured.effects.get(key)
            yield from (f"what {key} does besides: {each}" for each in (effects.unknown if effects else ()))
        yield from not_known_of(scene.uses)
        yield from branch.not_known
        for absent in starting.absent:
            yield f"the code of module {absent.name}, which is not in this checkout"
        yield from not_read
        if live is not None and live.problem:
            yield live.problem
        if scene.problem is not None:
            yield f"in which order the pending revisions run: {scene.problem} `migrate plan` says why"

    def _code_owners(self, impacts: Sequence[ChangeImpact]) -> Mapping[str, tuple[str, ...]]:
        """By file of a consumer its owners, asked of the repository that the file lies in."""
        files = {each.file for impact in impacts for each in impact.consumers if each.file is not None}
        tops: dict[str, Path | None] = {}
        found: dict[str, tuple[str, ...]] = {}
        for file in sorted(files):
            folder = os.path.dirname(file)
            if folder not in tops:
                try:
                    tops[folder] = toplevel(Path(folder))
                except GitError:
                    tops[folder] = None
            top = tops[folder] or self.settings.root
            path = os.path.relpath(os.path.realpath(file), os.path.realpath(top))
            found[file] = read_code_owners(top).of(path)
        return {file: owners for file, owners in found.items() if owners}


def _live_consumptions(live: LiveStatements | None, known: KnownObjects) -> Iterator[Consumption]:
    """The statements seen at work that use a known object."""
    for each in live.statements if live is not None else ():
        for statement in statements(each.sql) or ():
            usages = usages_of(statement.body, known, each.search_path)
            if usages:
                yield Consumption(
                    kind=ConsumerKind.STATEMENT,
                    name=without_values(each.sql, limit=70),
                    module=None,
                    place="db: pg_stat_statements",
                    usages=usages,
                    constants=statement.body.constants,
                    compared=compared_in(statement.body, known, each.search_path),
                    calls=each.calls,
                    role=each.role,
                )

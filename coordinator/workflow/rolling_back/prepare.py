"""From what was named to a rollback that can be shown and carried out: scope, plan, analysis, decision; only read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.ledger.past import read_past
from coordinator.ledger.touched import read_touched
from coordinator.model.capture import Direction
from coordinator.model.effect import ObjectKind
from coordinator.model.kept import PersonalMarks
from coordinator.planning.applied_order import applied_order
from coordinator.planning.rolling_back.analysis import RollbackFacts, analyse
from coordinator.planning.rolling_back.decision import Doubts, decide, widened
from coordinator.planning.rolling_back.findings import (
    absent_modules,
    cannot_go_back,
    edited,
    held_by_strangers,
    not_here,
)
from coordinator.planning.rolling_back.integrations import Readers, integrations
from coordinator.planning.rolling_back.plan import rollback_plan
from coordinator.planning.scope import rollback_scope
from coordinator.postgres.at_stake import connected_roles, failing_references
from coordinator.postgres.lasting import read_lasting
from coordinator.workflow.gone import gone_findings
from coordinator.workflow.loss import KeepRequest, keep_policy
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.rolling_back.captures import Captures
from coordinator.workflow.rolling_back.sources import kept_sources, with_sources
from coordinator.workflow.rolling_back.stakes import stakes_of
from coordinator.workflow.uses import read_uses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.model.check import MapReference
    from coordinator.model.effect import LastingUse
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.revision import ModuleTree
    from coordinator.model.rollback import (
        ErrorType,
        Integration,
        PastSteps,
        RollbackAnalysis,
        RollbackDecision,
        Scope,
    )
    from coordinator.model.run import AppliedRevision
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.rolling_back.sources import KeptSource
    from coordinator.workflow.state import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A rollback before anything happened; `project` has the files of everything in it."""

    analysis: RollbackAnalysis
    decision: RollbackDecision
    plan: RunPlan
    findings: tuple[Finding, ...]
    project: Project
    state: TargetState
    captured: Captured
    keep: KeepRequest

    @property
    def scope(self) -> Scope:
        """The revisions that go."""
        return self.analysis.scope


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """How far a rollback reaches: what goes, who stands on it, and which references of the map fail already."""

    scope: Scope
    integrations: tuple[Integration, ...]
    failures: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Preparing:
    """The inputs, and the steps from them to `Prepared`. `trusts` shows texts of the ledger and says whether to run them."""

    settings: Settings
    session: Session
    project: Project
    state: TargetState
    workers: Workers
    folder: Path  # for texts from the ledger
    trusts: Callable[[tuple[KeptSource, ...]], bool]
    module: str | None
    error: ErrorType | None
    keep: KeepRequest
    _past: PastSteps = field(init=False)
    _lasting: tuple[LastingUse, ...] = field(init=False)
    _captures: Captures = field(init=False)
    _trees: tuple[ModuleTree, ...] = field(init=False)

    def __post_init__(self) -> None:
        absent = self.state.absent
        self._past = read_past(self.session)
        self._lasting = read_lasting(self.session)
        self._trees = absent.all_trees(self.project)
        self._captures = Captures(
            workers=self.workers,
            server_version=self.state.server_version,
            upgrades=dict(absent.upgrades),
            downgrades=dict(absent.downgrades),
        )

    def prepare(self, named: frozenset[RevisionKey]) -> Prepared:
        """Everything that is known before the first write. Raises RefusedError with all that forbids it."""
        map_view = read_map_view(self.settings)
        # The map of an older checkout takes no mark away.
        keep = replace(self.keep, marks=PersonalMarks(marked=map_view.marks.marked))
        reach = self._reach(named, map_view.references)
        scope = reach.scope
        touched = read_touched(self.session, scope.keys)
        project = replace(self.project, map_references=map_view.references, touched=touched)
        findings = self._findings(scope, project, reach.integrations)
        plan = self._plan(scope, project)
        return Prepared(
            analysis=analyse(self._facts(reach, project, plan, keep)),
            decision=decide(
                scope,
                self.error,
                named=named,
                systems=frozenset(name for name, ids in self._applied().items() if ids),
                integrations=reach.integrations,
                failures=reach.failures,
                doubts=self._doubts(scope),
            ),
            plan=plan,
            findings=(*findings, *plan.findings),
            project=project,
            state=self.state,
            captured=self._captures.captured(),
            keep=keep,
        )

    def _reach(self, named: frozenset[RevisionKey], references: tuple[MapReference, ...]) -> _Reach:
        """What goes with what was named, and with what the kind of error adds to it."""
        order = self._order(named)
        scope = self._scope(named, order)
        readers = Readers(
            lasting=self._lasting,
            references=references,
            functions=[each for each in read_uses(self.session) if each.holder.kind is ObjectKind.FUNCTION],
            owners={schema: tree.module.name for tree in self._trees for schema in tree.module.schemas},
        )
        found = integrations(scope, self._captures.downgrades, readers)
        schemas = [
            s for tree in self._trees if tree.module.name in scope.modules for s in tree.module.schemas
        ]
        failures = failing_references(self.session, schemas, references)
        chosen = widened(named, self.error, order=order, integrations=found, failures=failures)
        if chosen != named:
            order = self._order(chosen)
            scope = self._scope(chosen, order)
            found = integrations(scope, self._captures.downgrades, readers)
        scope = self._with_sources(chosen, scope, order)
        return _Reach(scope=scope, integrations=found, failures=failures)

    def _facts(self, reach: _Reach, project: Project, plan: RunPlan, keep: KeepRequest) -> RollbackFacts:
        """What the analysis is made from; rows at stake are counted on the target."""
        scope = reach.scope
        return RollbackFacts(
            module=self.module,
            scope=scope,
            trees={tree.module.name: tree for tree in self.project.trees},
            heads=self.state.heads,
            downgrades=self._captures.downgrades,
            seconds=self._past.seconds,
            integrations=reach.integrations,
            sessions=connected_roles(self.session),
            stakes=stakes_of(
                self.session,
                project,
                plan,
                self._captures.captured(),
                keep_policy(self.settings, self.session, keep),
            ),
            guarantee=plan.guarantee,
            unproved=frozenset(key for key in scope.keys if key not in project.touched),
            from_ledger=self._gone(scope),
            gone=tuple(each.message for each in gone_findings(self.session, plan.steps)),
        )

    def _applied(self) -> dict[str, frozenset[str]]:
        return {**self.state.applied, **self.state.absent.applied}

    def _order(self, named: frozenset[RevisionKey]) -> tuple[RevisionKey, ...]:
        """The applied revisions as they came in; those from the first named one on are captured both ways."""
        recorded = self._past.order
        present = {
            each.key
            for tree in self._trees
            for each in tree.revisions
            if each.key.revision in self._applied().get(tree.module.name, frozenset())
        }
        loose = sorted(present - set(recorded))
        self._captures.take(self.project, loose, Direction.UPGRADE)
        order = applied_order(
            self._trees, applied=self._applied(), recorded=recorded, upgrades=self._captures.upgrades
        )
        first = next((place for place, key in enumerate(order) if key in named), len(order))
        self._captures.take(self.project, order[first:], Direction.UPGRADE, Direction.DOWNGRADE)
        return order

    def _scope(self, chosen: frozenset[RevisionKey], order: tuple[RevisionKey, ...]) -> Scope:
        first = next((place for place, key in enumerate(order) if key in chosen), len(order))
        scope = rollback_scope(
            chosen,
            # What came in before cannot stand on any of it.
            order=order[first:],
            trees=self._trees,
            upgrades=self._captures.upgrades,
            downgrades=self._captures.downgrades,
            lasting=self._lasting,
        )
        finding = absent_modules(scope, frozenset(each.name for each in self.state.absent.modules))
        if finding is not None:
            raise RefusedError(finding.message, (finding,), help=finding.help)
        return scope

    def _gone(self, scope: Scope) -> frozenset[RevisionKey]:
        """The revisions of the scope whose file is not in this checkout."""
        later = {each.key for each in self.state.absent.later}
        return frozenset(key for key in scope.keys if key in later)

    def _with_sources(
        self, chosen: frozenset[RevisionKey], scope: Scope, order: tuple[RevisionKey, ...]
    ) -> Scope:
        """Take texts from the ledger for what has no file, once somebody trusts them; the scope that they tell of."""
        trusted: frozenset[RevisionKey] = frozenset()
        original = self.project
        while gone := self._gone(scope) - trusted:
            sources = kept_sources([key for key in scope.keys if key in gone | trusted], self.state.recorded)
            if not self.trusts(tuple(each for each in sources if each.key in gone)):
                names = ", ".join(str(key) for key in scope.keys if key in gone)
                raise RefusedError(
                    f"{names} has no file here: only the ledger's copy of its text could take it back",
                    help="take the checkout that has it; or, after reading the text that is shown then, run it with"
                    " --trust-ledger-source",
                )
            trusted |= gone
            self.project = with_sources(original, sources, self.state.absent.later, self.folder)
            self._captures.take(self.project, sorted(gone), Direction.UPGRADE, Direction.DOWNGRADE)
            scope = self._scope(chosen, order)
        return scope

    def _findings(
        self, scope: Scope, project: Project, found: tuple[Integration, ...]
    ) -> tuple[Finding, ...]:
        recorded = {each.key: each for each in self.state.recorded}
        said: list[Finding | None] = [*self._captures.findings, *held_by_strangers(found)]
        for key in scope.keys:
            revision = project.revision(key)
            down = self._captures.of(key, Direction.DOWNGRADE)
            said.append(cannot_go_back(revision, self._captures.upgrades.get(key), down))
            if self._is_edited(key, recorded):
                said.append(edited(revision, recorded[key].run))
        return tuple(each for each in said if each is not None)

    def _is_edited(self, key: RevisionKey, recorded: Mapping[RevisionKey, AppliedRevision]) -> bool:
        """Whether the file says something else than what was applied, and nobody has accepted that."""
        was, now = recorded.get(key), self.project.revision(key).digest
        accepted = {(each.key, each.digest) for each in self.state.acceptances}
        return was is not None and bool(was.digest) and was.digest != now and (key, now) not in accepted

    def _plan(self, scope: Scope, project: Project) -> RunPlan:
        revisions = {key: project.revision(key) for key in scope.keys}
        assert not not_here(scope, revisions)
        return rollback_plan(
            scope,
            revisions=revisions,
            upgrades=self._captures.captured().upgrades,
            downgrades=self._captures.downgrades,
            atomicity=self.settings.atomic,
            lock_table=self.state.lock_table,
        )

    def _doubts(self, scope: Scope) -> Doubts:
        recorded = {each.key: each for each in self.state.recorded}
        absent = self.state.absent
        return Doubts(
            upgrades=self._captures.upgrades,
            downgrades={
                key: self._captures.downgrades[key] for key in scope.keys if key in self._captures.downgrades
            },
            unrecorded=frozenset(scope.keys) - set(self._past.order),
            edited=frozenset(key for key in scope.keys if self._is_edited(key, recorded)),
            from_ledger=self._gone(scope),
            blind=tuple(
                tree.module.name
                for tree in absent.trees
                if any(each.key not in absent.upgrades for each in tree.revisions)
            ),
        )

"""From trees, effects and what is applied to the plans worth trying: the one entry of planning. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.graph.dependency_graph import DependencyGraph
from coordinator.model.capture import Direction
from coordinator.model.names import RevisionKey
from coordinator.model.plan import Atomicity, Dependency, Reason, RunPlan, Step
from coordinator.planning import findings as found
from coordinator.planning.bindings import Edge
from coordinator.planning.choices import choices_of
from coordinator.planning.digest import digest_of
from coordinator.planning.lock_entries import may_be_overfull
from coordinator.planning.narrowing import narrowed
from coordinator.planning.ordering import order_steps
from coordinator.planning.parts import parts_of, with_impact
from coordinator.planning.search import Assignment, Stuck, assignments, settle
from coordinator.planning.segments import Segmenting, segments_of
from coordinator.planning.situation import Situation, situate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from coordinator.model.capture import Capture
    from coordinator.model.effect import LastingUse, RevisionEffects
    from coordinator.model.finding import Finding
    from coordinator.model.lock_table import LockTable
    from coordinator.model.revision import ModuleTree

PLANS = 16  # how many orders a rehearsal is given to try


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCandidates:
    """The plans to try in rehearsal one after the other, those with the earliest versions first.

    `plans` is never empty. More than one plan means that the trees alone do not tell which version a use means:
    the findings with the rule "several-versions" say which, and what to write. Each plan has its own findings.
    """

    plans: tuple[RunPlan, ...]

    @property
    def is_certain(self) -> bool:
        """Whether the order follows from the trees alone, without a rehearsal."""
        return len(self.plans) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """How the plan shall be, apart from what the trees ask."""

    segmenting: Segmenting
    map_order: Sequence[str]
    map_edges: Mapping[str, Collection[str]]
    downgrades: Mapping[RevisionKey, Capture]
    only: str | None


def plan_run(
    *,
    trees: Sequence[ModuleTree],
    applied: Mapping[str, frozenset[str]],
    effects: Mapping[RevisionKey, RevisionEffects],
    downgrades: Mapping[RevisionKey, Capture] | None = None,
    lasting: Sequence[LastingUse] = (),
    map_order: Sequence[str] = (),
    map_edges: Mapping[str, Collection[str]] | None = None,
    atomicity: Atomicity = Atomicity.AUTO,
    only: str | None = None,
    lock_table: LockTable | None = None,
    absent: Collection[str] = (),
) -> PlanCandidates:
    """Order the pending revisions of all modules by the versions of the objects that they make, use and end.

    `trees` are those of all modules, absent ones as the ledger keeps them; the order of this argument does not
    matter. `applied` are the revision ids in the database by module; ids without a file are allowed. `effects`
    are those of upgrades, of applied revisions too: without them their objects have no versions. `lasting` are
    the lasting uses that the catalog shows now. `map_order` names the modules as the map does, `map_edges` says
    which modules each one depends on. `only` takes one module and what its pending revisions need.
    `lock_table` is what the server has room for (None: for as much as is wanted). `absent` are
    the modules of which nothing can be changed here: what they hold can be let go by a newer checkout of theirs only.

    Raises RefusedError when there is no order (the finding prints the shortest cycle and a way to split it) and
    when `atomicity` is RUN and the plan cannot be one transaction.
    """
    situation = situate(trees, applied, effects, absent)
    segmenting = Segmenting(effects=effects, atomicity=atomicity, lock_table=lock_table)
    wish = _Wish(
        segmenting=segmenting,
        map_order=map_order,
        map_edges=map_edges or {},
        downgrades=downgrades or {},
        only=only,
    )
    return PlanCandidates(plans=_plans(situation, lasting, wish))


def _plans(situation: Situation, lasting: Sequence[LastingUse], wish: _Wish) -> tuple[RunPlan, ...]:
    declared, notes = _declared(situation)
    result = choices_of(situation, lasting)
    fixed = [*declared, *result.edges]
    choices = tuple(narrowed(each, situation) for each in result.choices)
    nodes = situation.pending
    choices = settle(nodes, fixed, choices)
    asked = [
        each for choice in choices if len(choice.options) > 1 if (each := found.ambiguous(choice, situation))
    ]
    common = (*notes, *result.findings, *asked)
    plans: dict[tuple[RevisionKey, ...], RunPlan] = {}
    refused: RefusedError | None = None
    for outcome in assignments(nodes, fixed, choices):
        if isinstance(outcome, Stuck):
            raise _no_order(outcome)
        if len(plans) == PLANS:
            return tuple(
                replace(each, findings=(*each.findings, found.cut(PLANS))) for each in plans.values()
            )
        try:
            plan = _plan(situation, outcome, wish, common)
        except RefusedError as error:  # this order cannot be one transaction; another may
            refused = refused or error
        else:
            plans.setdefault(tuple(step.key for step in plan.steps), plan)
    if refused is not None and not plans:
        raise refused
    return tuple(plans.values())


def _declared(situation: Situation) -> tuple[list[Edge], list[Finding]]:
    """The edges that authors and Alembic declare, and what is wrong with them."""
    edges: list[Edge] = []
    notes: list[Finding] = []
    say = situation.sentences
    for key in situation.pending:
        revision = situation.revisions[key]
        for parent in revision.parents:
            before = RevisionKey(key.module, parent)
            if situation.is_pending(before):
                depends = parent not in revision.down_revisions
                edges.append(Edge(say.follows(before, key, depends=depends)))
        for wanted in revision.requires:
            if situation.is_applied(wanted):
                notes.append(found.satisfied_requirement(key, wanted))
            elif wanted in situation.revisions:
                edges.append(Edge(say.requires(wanted, key)))
            else:
                known = (str(each) for each in situation.revisions)
                notes.append(found.unknown_requirement(key, wanted, known, say.at(key)))
    return edges, notes


def _no_order(stuck: Stuck) -> RefusedError:
    finding = found.cycle(stuck.cycle)
    return RefusedError(
        "The pending revisions cannot be ordered: they wait for each other.", (finding,), help=finding.help
    )


def _plan(situation: Situation, assignment: Assignment, wish: _Wish, common: Sequence[Finding]) -> RunPlan:
    graph = DependencyGraph(situation.pending, assignment.dependencies)
    if wish.only is not None:
        chosen = graph.with_ancestors(key for key in situation.pending if key.module == wish.only)
        graph = DependencyGraph(chosen, assignment.dependencies)
    order = order_steps(graph, situation, wish.segmenting, wish.map_order, wish.map_edges)
    inside = frozenset(order)
    known = [each for each in assignment.dependencies if each.before in inside and each.after in inside]
    dependencies = _one_of_each(known)
    steps = with_impact(_steps(order, situation, dependencies), known)
    broken = [found.breaks(each, situation) for option in assignment.options for each in option.broken]
    findings = [each for each in (*common, *broken) if each.revision is None or each.revision in inside]
    plan = RunPlan(
        segments=segments_of(steps, wish.segmenting),
        atomicity=wish.segmenting.atomicity,
        modules=parts_of(steps, dependencies, wish.downgrades),
        findings=tuple(dict.fromkeys(findings)),
    )
    plan = replace(plan, findings=(*plan.findings, *may_be_overfull(plan, wish.segmenting.lock_table)))
    contents = {key: revision.digest for key, revision in situation.revisions.items()}
    return replace(plan, digest=digest_of(plan, contents))


def _one_of_each(dependencies: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """Of several dependencies between two revisions, the first of each kind: the others say the same again."""
    kept: dict[tuple[RevisionKey, RevisionKey, Reason], Dependency] = {}
    for each in dependencies:
        kept.setdefault((each.before, each.after, each.reason), each)
    return tuple(kept.values())


def _steps(
    order: Sequence[RevisionKey], situation: Situation, dependencies: Sequence[Dependency]
) -> tuple[Step, ...]:
    because: dict[RevisionKey, list[Dependency]] = {}
    for each in dependencies:
        because.setdefault(each.after, []).append(each)
    steps = []
    for position, key in enumerate(order, start=1):
        revision, known = situation.revisions[key], situation.effects.get(key)
        steps.append(
            Step(
                position=position,
                key=key,
                direction=Direction.UPGRADE,
                message=revision.message,
                place=revision.place,
                transactional=known is None or known.transactional,
                because=tuple(because.get(key, ())),
                changes=known.changes if known else (),
                touches=revision.touches,
                deletes_rows=revision.deletes_rows,
                irreversible=revision.irreversible,
            )
        )
    return tuple(steps)

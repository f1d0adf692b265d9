"""What a run is going to destroy: what of it is kept, and what is refused before the first write."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.preflight.waivers import apply_waivers
from coordinator.errors import MapError, RefusedError
from coordinator.execution.kept.keep_plan import KeepPlan
from coordinator.execution.kept.newer_rows import NEWER_HELP, newer_rows
from coordinator.execution.kept.own_values import Function
from coordinator.ledger.kept import read_open
from coordinator.ledger.personal import read_personal
from coordinator.ledger.store import LedgerReader
from coordinator.model.capture import Direction
from coordinator.model.finding import Finding, Severity
from coordinator.model.kept import NO_MARKS, AtStake, KeepPolicy, LossKind
from coordinator.model.rehearsal import StepGrade
from coordinator.model.sizes import format_size
from coordinator.planning.losses import LossReader
from coordinator.postgres.keeping.estimate import estimate
from coordinator.postgres.keeping.source import find_source
from coordinator.workflow.map_view import read_map_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.model.catalog import Catalog
    from coordinator.model.change import DatabaseChange
    from coordinator.model.kept import KeptData, Loss, PersonalMarks
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan, Step
    from coordinator.model.rehearsal import Rehearsal, RehearsedStep
    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.planned import Captured

_RULE = "loss-before-commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRequest:
    """What was asked for about kept data besides the settings."""

    discard: frozenset[RevisionKey] = frozenset()
    keep_personal: bool = False
    marks: PersonalMarks | None = None  # what the map says; None: not read yet


NOTHING_ASKED = KeepRequest()


def keep_policy(settings: Settings, session: Session, request: KeepRequest = NOTHING_ASKED) -> KeepPolicy:
    """What the settings, the flags, and the marks of this map and of earlier ones say about kept data."""
    marks = _marks(settings) if request.marks is None else request.marks
    return KeepPolicy(
        enabled=settings.keep,
        limit=settings.keep_limit,
        hold=settings.keep_hold,
        keep_for=settings.keep_for,
        without=frozenset(module.name for module in settings.modules if not module.keep),
        discard=request.discard,
        personal=marks.and_remembered(read_personal(session)),
        keep_personal=request.keep_personal,
    )


def _marks(settings: Settings) -> PersonalMarks:
    """What the map marks; where there is none that can be read, only what is remembered counts."""
    try:
        return read_map_view(settings).marks
    except MapError:
        return NO_MARKS


def keep_plan(policy: KeepPolicy, captured: Captured, plan: RunPlan, rehearsal: Rehearsal | None) -> KeepPlan:
    """What is known of the plan's steps and of their ways back."""
    both = captured.known_effects
    effects = {}
    for step in plan.steps:
        known = both.get(step.key)
        if known is not None:
            for direction in (step.direction, step.direction.opposite):
                found = getattr(known, direction.value)
                if found is not None:
                    effects[step.key, direction] = found
    rehearsed = () if rehearsal is None else rehearsal.steps
    return KeepPlan(
        policy=policy,
        forward=plan.direction,
        effects=effects,
        gone={each.key: each.gone for each in rehearsed},
    )


def at_stake(
    session: Session, plan: RunPlan, keeping: KeepPlan, catalog: Catalog
) -> dict[RevisionKey, tuple[AtStake, ...]]:
    """What each of the plan's steps is going to destroy of what the target holds now. Reads no row."""
    reader = LossReader(catalog)
    found: dict[RevisionKey, tuple[AtStake, ...]] = {}
    for step in plan.steps:
        known = keeping.effects.get((step.key, step.direction))
        losses = reader.step(known, keeping.gone.get(step.key, ()))
        found[step.key] = tuple(
            AtStake(
                key=step.key,
                loss=loss,
                size=estimate(session, source, loss.columns),
                not_kept=_not_kept(step, loss, keeping, source),
                partitions=source.parts,
            )
            for loss in losses.losses
            if (source := find_source(session, loss.schema, loss.table)) is not None
        )
    return found


def _not_kept(step: Step, loss: Loss, keeping: KeepPlan, source: Source) -> str:
    """Why a loss is not kept, or could not be put back by itself; empty when it is and could."""
    policy = keeping.policy
    if step.key in policy.discard:
        return f"given up with --discard {step.key}"
    if not policy.keeps(step.key):
        return "keep is off"
    if loss.kind is LossKind.ROWS and not step.transactional:
        return "the step commits statement by statement"
    if loss.kind is not LossKind.TABLE and not source.keys:
        return "the table has no key that tells its rows apart"
    out = policy.left_out(source.lineage, loss.columns or source.stored)
    never = policy.left_out(source.lineage, source.stored)
    if not out and loss.kind is not LossKind.TABLE and not keeping.row_key(step, loss, source, never):
        out = policy.left_out(source.lineage, source.keys[0])
        if not out:
            return "the key that tells its rows apart goes with it"
    return f"{', '.join(out)}: personal data, kept only with --keep-personal" if out else ""


def refuse_too_much(stakes: Mapping[RevisionKey, tuple[AtStake, ...]], policy: KeepPolicy) -> None:
    """Refuse before the first write what would take more room than allowed, as far as statistics tell."""
    for key, found in stakes.items():
        kept = [each for each in found if policy.keeps(key) and each.size]
        size = sum(each.size for each in kept)
        if size > policy.limit:
            what = ", ".join(str(each.loss) for each in kept)
            raise RefusedError(
                f"{key} would destroy {what}, and keeping that takes about {format_size(size)}:"
                f" more than the limit of {format_size(policy.limit)}",
                help=f"--keep-limit {format_size(size * 2).replace(' ', '')} keeps it;"
                f" --discard {key} destroys it without a copy",
            )


def read_held(session: Session, plan: RunPlan) -> dict[RevisionKey, tuple[KeptData, ...]]:
    """The copies that the plan's steps put back; without those steps for which there are none."""
    if LedgerReader(session).version < 2:
        return {}
    held = ((step.key, read_open(session, step.key, step.direction.opposite)) for step in plan.steps)
    return {key: copies for key, copies in held if copies}


def refuse_newer_rows(
    session: Session,
    plan: RunPlan,
    keeping: KeepPlan,
    held: Mapping[RevisionKey, tuple[KeptData, ...]],
    catalog: Catalog,
) -> None:
    """Refuse before the first write a step that makes a column mandatory for which newer rows have no kept value."""
    for step in plan.steps:
        if step.key not in held:
            continue
        function = Function(effects=keeping.effects.get((step.key, step.direction)), catalog=catalog)
        found = newer_rows(session, held[step.key], function)
        if found:
            raise RefusedError(f"{step.key} cannot be run {_WAYS[step.direction]}: {found}", help=NEWER_HELP)


_WAYS = {Direction.UPGRADE: "again", Direction.DOWNGRADE: "backwards"}


def refuse_loss_before_commit(
    plan: RunPlan,
    rehearsal: Rehearsal | None,
    catalog: Catalog,
    project: Project,
    stakes: Mapping[RevisionKey, tuple[AtStake, ...]],
) -> tuple[Finding, ...]:
    """Refuse a plan that commits a step which cannot be taken back whole while other steps are still to come.

    Should a later step fail, the earlier ones are taken back by their downgrades, and what these cannot give
    back would be lost, unless it is kept. Only what the target had before the run counts: the run's own tables were
    empty. A revision may waive it; what was waived is returned, to be told.
    """
    findings = apply_waivers(
        (
            finding
            for segment in plan.segments[:-1]
            for step in segment.steps
            if (finding := _loss(step, rehearsal, catalog, stakes.get(step.key, ()))) is not None
        ),
        project.trees,
        datetime.datetime.now(datetime.UTC).date(),
    )
    if any(each.severity is Severity.ERROR for each in findings):
        raise RefusedError(
            f"this run has {len(plan.segments)} transactions, and a step before the last could not be taken back",
            findings,
            help="apply the revisions up to that step first, so that it is the last; or accept the loss in its file:"
            ' waive = {"loss-before-commit": ("reason", "date until when")}',
        )
    return findings


def _loss(
    step: Step, rehearsal: Rehearsal | None, catalog: Catalog, stakes: tuple[AtStake, ...]
) -> Finding | None:
    rehearsed = None if rehearsal is None else rehearsal.step(step.key)
    severity = Severity.ERROR
    if step.irreversible:
        why = f"says that it is irreversible: {step.irreversible}"
    elif rehearsed is not None and rehearsed.grade is StepGrade.IRREVERSIBLE:
        why = "cannot be taken back: " + "; ".join(each.message for each in rehearsed.findings)
    else:
        lost = _lost(step, rehearsed, catalog, stakes)
        if not lost:
            return None
        why = f"destroys what was there before the run: {'; '.join(lost)}"
        if all(each.endswith(f"--discard {step.key})") for each in lost):
            severity = Severity.WARNING
    return Finding(
        rule=_RULE,
        severity=severity,
        message=f"{step.key} {why}",
        module=step.key.module,
        revision=step.key,
        place=step.place,
    )


def _lost(
    step: Step, rehearsed: RehearsedStep | None, catalog: Catalog, stakes: tuple[AtStake, ...]
) -> tuple[str, ...]:
    """What is at stake and cannot be put back by itself, one phrase each."""
    lost = [f"{each.loss} ({each.not_kept})" for each in stakes if each.not_kept and each.size]
    covered = {name for each in stakes for name in _names(each.loss)}
    if rehearsed is None:
        lost.extend(
            each.description
            for each in step.changes
            if each.loses_data and _is_there(each, catalog) and not covered & _names_of(each)
        )
    else:
        lost.extend(each for each in rehearsed.at_stake if each not in covered)
    return tuple(lost)


def _names(loss: Loss) -> set[str]:
    """What a copy of this covers, in the words of a rehearsal."""
    table = f"{loss.schema}.{loss.table}"
    if loss.kind is LossKind.TABLE:
        return {f"table {table}", f"rows of {table}"}
    if loss.kind is LossKind.ROWS:
        return {f"rows of {table}"}
    return {f"rows of {table}", *(f"column {table}.{each}" for each in loss.columns)}


def _names_of(change: DatabaseChange) -> set[str]:
    table = f"{change.schema}.{change.table}"
    return {f"column {table}.{change.column}"} if change.column else {f"table {table}"}


def _is_there(change: DatabaseChange, catalog: Catalog) -> bool:
    """Whether the target has what a change would destroy; without a rehearsal only its name can tell."""
    return any(
        (each.schema, each.name, each.part) == (change.schema, change.table, change.column or "")
        for each in catalog.definitions
    )

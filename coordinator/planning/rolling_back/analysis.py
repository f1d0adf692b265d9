"""What a rollback would mean: versions, scope, downtime and risk, each with what it rests on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.capture import Direction
from coordinator.model.plan import Guarantee
from coordinator.model.rollback import Risk, RollbackAnalysis
from coordinator.planning.heads import heads_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.effect import RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree
    from coordinator.model.rollback import Integration, Scope, Stake


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackFacts:
    """All that the analysis looks at.

    `seconds` are the last times of each function in the ledger; `unproved` the revisions of which nobody remembers
    how things were before them; `from_ledger` those whose file is gone; `guarantee` what the plan can promise.
    """

    module: str | None  # the one that was named, if one was
    scope: Scope
    trees: Mapping[str, ModuleTree]
    heads: Mapping[str, frozenset[str]]
    downgrades: Mapping[RevisionKey, RevisionEffects]
    seconds: Mapping[tuple[RevisionKey, Direction], float]
    integrations: tuple[Integration, ...] = ()
    stakes: tuple[Stake, ...] = ()
    sessions: tuple[tuple[str, int], ...] = ()
    guarantee: Guarantee = Guarantee.ONE_TRANSACTION
    unproved: frozenset[RevisionKey] = frozenset()
    from_ledger: frozenset[RevisionKey] = frozenset()
    gone: tuple[str, ...] = ()  # what does not come back, in sentences


def analyse(facts: RollbackFacts) -> RollbackAnalysis:
    """The analysis of one rollback."""
    named = (facts.module,) if facts.module else tuple(sorted({key.module for key in facts.scope.named}))
    after = _heads_after(facts)
    downtime, evidence = _downtime(facts)
    risk, reasons = _risk(facts)
    return RollbackAnalysis(
        failed_module=", ".join(named),
        current_version=_versions(named, facts.heads),
        last_stable_version=_versions(named, after),
        affected_integrations=facts.integrations,
        scope=facts.scope,
        estimated_downtime=downtime,
        downtime_evidence=evidence,
        risk=risk,
        risk_reasons=reasons,
        stakes=facts.stakes,
        sessions=facts.sessions,
    )


def _versions(modules: Sequence[str], heads: Mapping[str, frozenset[str]]) -> str:
    """The heads of one module, or of each of several."""
    told = {name: ", ".join(sorted(heads.get(name, ()))) or "base" for name in modules}
    return told[modules[0]] if len(modules) == 1 else "; ".join(f"{name} {told[name]}" for name in modules)


def _heads_after(facts: RollbackFacts) -> dict[str, frozenset[str]]:
    heads = dict(facts.heads)
    for key in facts.scope.keys:
        tree = facts.trees[key.module]
        revision = tree.find(key.revision)
        if revision is not None and key.revision in heads.get(key.module, frozenset()):
            heads[key.module] = heads_after(tree, heads[key.module], revision, Direction.DOWNGRADE)
    return heads


def _downtime(facts: RollbackFacts) -> tuple[float, str]:
    """Seconds that the steps took last, as far as the ledger has them: downgrades, else the upgrades."""
    known: list[float] = []
    by_upgrade = 0
    for key in facts.scope.keys:
        back = facts.seconds.get((key, Direction.DOWNGRADE))
        there = facts.seconds.get((key, Direction.UPGRADE))
        if back is None and there is not None:
            by_upgrade += 1
        if back is not None or there is not None:
            known.append(back if back is not None else there or 0.0)
    unknown = len(facts.scope.keys) - len(known)
    if not known:
        return 0.0, "the ledger has no times of these steps"
    how = []
    if len(known) > by_upgrade:
        how.append(f"{len(known) - by_upgrade} by the last downgrade")
    if by_upgrade:
        how.append(f"{by_upgrade} by the upgrade")
    if unknown:
        # Steps of which nothing is known are taken for average ones: to leave them out would promise too little.
        how.append(f"{unknown} as the average of these")
    return sum(known) * len(facts.scope.keys) / len(known), "from the ledger's times: " + ", ".join(how)


def _risk(facts: RollbackFacts) -> tuple[Risk, tuple[str, ...]]:
    high = [
        f"lost: {each.shown}, since {each.not_kept}"
        for each in facts.stakes
        if not each.empty and not each.kept
    ]
    high += facts.gone
    high += [
        f"{each}, which no revision here made, stands on what goes away"
        for each in facts.integrations
        if each.breaks and each.module is None
    ]
    high += [f"{key} is reversed by code that only the ledger has" for key in _sorted(facts.from_ledger)]
    medium = [
        f"gone from the application, but kept for a later upgrade: {each.shown}"
        for each in facts.stakes
        if not each.empty and each.kept
    ]
    named = {key.module for key in facts.scope.named}
    along = sorted({each.key.module for each in facts.scope.dragged} - named)
    if along:
        medium.append(f"revisions of {', '.join(along)} go along")
    if facts.guarantee is not Guarantee.ONE_TRANSACTION:
        medium.append("it cannot be one transaction")
    for key in facts.scope.keys:
        down = facts.downgrades.get(key)
        if down is not None and down.unknown:
            medium.append(f"what {key}'s downgrade does is not fully known: {down.unknown[0]}")
    if facts.unproved:
        names = ", ".join(str(key) for key in _sorted(facts.unproved))
        medium.append(f"the ledger does not know how things were before {names}")
    if high:
        return Risk.HIGH, (*high, *medium)
    if medium:
        return Risk.MEDIUM, tuple(medium)
    return Risk.LOW, ("no data is at stake, nobody else stands on it, one transaction",)


def _sorted(keys: frozenset[RevisionKey]) -> list[RevisionKey]:
    return sorted(keys)

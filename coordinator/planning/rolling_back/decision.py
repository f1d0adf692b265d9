"""How far a rollback reaches, and why: the kind of error widens what was named, the closure does the rest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.rollback import ErrorType, RollbackAction, RollbackDecision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.effect import RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.rollback import Integration, Scope


def widened(
    named: frozenset[RevisionKey],
    error: ErrorType | None,
    *,
    order: Sequence[RevisionKey],
    integrations: Sequence[Integration],
    failures: Sequence[str],
) -> frozenset[RevisionKey]:
    """What is to be reversed for such an error, before what stands on it is added.

    DATABASE_CORRUPTION: everything that came in with the first named revision or after it. API_BREAKING while
    integrations fail: also what the modules that integrate with it got since then. Else what was named.
    """
    first = next((place for place, key in enumerate(order) if key in named), len(order))
    since = order[first:]
    if error is ErrorType.DATABASE_CORRUPTION:
        return named | set(since)
    if error is ErrorType.API_BREAKING and failures:
        partners = {each.module for each in integrations if each.module}
        return named | {key for key in since if key.module in partners}
    return named


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What makes the scope less than certain."""

    upgrades: Mapping[RevisionKey, RevisionEffects]
    downgrades: Mapping[RevisionKey, RevisionEffects]
    unrecorded: frozenset[RevisionKey] = frozenset()  # applied by plain Alembic: their time is not known
    edited: frozenset[RevisionKey] = frozenset()  # their file says something else than what was applied
    from_ledger: frozenset[RevisionKey] = frozenset()
    blind: tuple[str, ...] = ()  # modules of which neither files nor effects are known


def decide(
    scope: Scope,
    error: ErrorType | None,
    *,
    named: frozenset[RevisionKey],
    systems: frozenset[str],
    integrations: Sequence[Integration],
    failures: Sequence[str],
    doubts: Doubts,
) -> RollbackDecision:
    """The decision. `named` is what a person named, `systems` the modules that have anything applied."""
    action, reason = _action(scope, error, named, systems, integrations, failures)
    confidence, evidence = _confidence(scope, doubts, failures, integrations)
    return RollbackDecision(
        action=action, modules=scope.modules, reason=reason, confidence=confidence, evidence=evidence
    )


def _action(
    scope: Scope,
    error: ErrorType | None,
    named: frozenset[RevisionKey],
    systems: frozenset[str],
    integrations: Sequence[Integration],
    failures: Sequence[str],
) -> tuple[RollbackAction, str]:
    asked = f"{error.value}: " if error is not None else ""
    own = {key.module for key in named}
    if error is ErrorType.DATABASE_CORRUPTION:
        oldest = [key for key in scope.keys if key in named][-1]
        return RollbackAction.FULL_SYSTEM, f"{asked}all that came in with {oldest} or after it goes"
    if len(systems) > 1 and systems <= own:
        return RollbackAction.FULL_SYSTEM, f"{asked}what was named lies in every module"
    others = [name for name in scope.modules if name not in own]
    if not others and len(own) <= 1:
        healthy = "" if failures or error is None else ", and the integrations are healthy"
        return RollbackAction.MODULE_ONLY, f"{asked}nothing of another module stands on what goes{healthy}"
    if others:
        first = next((each for each in reversed(scope.dragged) if each.key.module in others), None)
        if first is not None:
            more = len([each for each in scope.dragged if each.key.module in others]) - 1
            rest = f", and {more} more like it" if more else ""
            return RollbackAction.DEPENDENCY_CHAIN, f"{asked}{first.key} {first.why}{rest}"
        return RollbackAction.DEPENDENCY_CHAIN, f"{asked}integrations fail: {failures[0]}"
    return RollbackAction.DEPENDENCY_CHAIN, f"{asked}what was named lies in {', '.join(sorted(own))}"


def _confidence(
    scope: Scope, doubts: Doubts, failures: Sequence[str], integrations: Sequence[Integration]
) -> tuple[float, tuple[str, ...]]:
    """1 where everything that decides is known; each doubt takes its part, and says so."""
    inside = frozenset(scope.keys)
    weighed: list[tuple[float, str]] = []
    vague = [key for key in scope.keys if key in doubts.downgrades and doubts.downgrades[key].unknown]
    if vague:
        weighed.append((0.2, f"what the downgrade of {_listed(vague)} does is not fully known"))
    outside = [key for key, each in doubts.upgrades.items() if each.unknown and key not in inside]
    if outside:
        weighed.append((0.15, f"what {_listed(outside)} uses is not fully known, and it stays"))
    for weight, keys, text in (
        (0.1, doubts.unrecorded, "when {} came in is not known: plain Alembic applied it"),
        (0.15, doubts.edited & inside, "the file of {} is not what was applied"),
        (0.2, doubts.from_ledger & inside, "{} is known from the ledger's copy only"),
    ):
        if keys:
            weighed.append((weight, text.format(_listed(sorted(keys)))))
    if doubts.blind:
        weighed.append((0.2, f"what {', '.join(doubts.blind)} uses is not known: not in this checkout"))
    count = "1 revision goes" if len(scope.keys) == 1 else f"{len(scope.keys)} revisions go"
    known = [f"{count}, {len(scope.dragged)} of them because others do" if scope.dragged else count]
    if failures:
        known.append(f"failing now: {'; '.join(failures)}")
    elif integrations:
        known.append(f"integrations looked at: {len(integrations)}, none fails")
    return max(0.1, 1.0 - sum(weight for weight, _ in weighed)), (*known, *(text for _, text in weighed))


def _listed(keys: Sequence[RevisionKey]) -> str:
    shown = ", ".join(str(key) for key in keys[:3])
    return f"{shown} and {len(keys) - 3} more" if len(keys) > 3 else shown

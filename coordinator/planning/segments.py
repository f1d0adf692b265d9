"""Cuts ordered steps into segments: the steps that share a transaction, and those that cannot be in one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.model.effect import ObjectKind, RevisionEffects, Verb
from coordinator.model.finding import Finding
from coordinator.model.plan import Atomicity, Segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step

# Locks that one effect takes at most, as measured: a new table has its indexes, its TOAST table and a sequence.
_LOCKS = {ObjectKind.RELATION: 10, ObjectKind.INDEX: 2, ObjectKind.CONSTRAINT: 3, ObjectKind.SEQUENCE: 2}
_SHARE_OF_LOCKS = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmenting:
    """What decides where a segment ends."""

    effects: Mapping[RevisionKey, RevisionEffects]
    atomicity: Atomicity
    lock_capacity: int | None = None
    lock_sessions: int | None = None  # the capacity is that many times max_locks_per_transaction

    def start(self) -> OpenSegment:
        """The state before the first step."""
        return OpenSegment(self)

    def is_alone(self, key: RevisionKey) -> bool:
        """Whether the step cannot share a transaction."""
        known = self.effects.get(key)
        return known is not None and not known.transactional

    def divides(self, key: RevisionKey) -> bool:
        """Whether the step keeps a longer run from being one transaction."""
        known = self.effects.get(key)
        return known is not None and (not known.transactional or known.adds_enum_value)

    def locks(self, key: RevisionKey) -> int:
        """About how many locks the step holds at its end."""
        known = self.effects.get(key)
        made = {effect.object: 1 for effect in known.effects if effect.verb is Verb.CREATE} if known else {}
        touched = {effect.object.relation for effect in known.effects} if known else set()
        return sum(_LOCKS.get(name.kind, 0) for name in made) + 3 * len(touched)


@dataclass(slots=True)
class OpenSegment:
    """The segment being filled while steps are taken one after the other."""

    rules: Segmenting
    is_open: bool = False
    locks: int = 0

    def cost(self, key: RevisionKey) -> int:
        """How little the step fits now: 0 keeps the transaction open, higher ones close it or begin another."""
        if self.rules.is_alone(key):
            return 2 if self.is_open else 0
        if not self.is_open:
            return 2 if self._closes(key) else 1
        return 1 if self._closes(key) else 0

    def take(self, key: RevisionKey) -> bool:
        """Put the step next; true when it begins a new segment."""
        begins = not self.is_open or self.rules.is_alone(key) or self._overflows(key)
        if begins:
            self.locks = 0
        self.locks += self.rules.locks(key) if self.rules.lock_capacity is not None else 0
        self.is_open = not self.rules.is_alone(key) and not self._closes(key)
        return begins

    def _closes(self, key: RevisionKey) -> bool:
        """Whether no step may follow in the same transaction: an added enum value cannot be used in it.

        PostgreSQL 17 and newer make an exception for a type made by the same transaction, but not by a savepoint of
        it, and each of our steps has its own.
        """
        known = self.rules.effects.get(key)
        return known is not None and known.adds_enum_value

    def _overflows(self, key: RevisionKey) -> bool:
        capacity = self.rules.lock_capacity
        return capacity is not None and self.locks + self.rules.locks(key) > capacity * _SHARE_OF_LOCKS


def segments_of(steps: Sequence[Step], rules: Segmenting) -> tuple[Segment, ...]:
    """Cut the steps. Raises RefusedError when all shall be one transaction and cannot."""
    groups: list[list[Step]] = []
    state = rules.start()
    for step in steps:
        begins = state.take(step.key) or rules.atomicity is Atomicity.STEP
        if begins or not groups:
            groups.append([step])
        else:
            groups[-1].append(step)
    if rules.atomicity is Atomicity.RUN:
        _refuse_more_than_one(groups, rules)
    return tuple(
        Segment(position=number, steps=tuple(group), transactional=all(step.transactional for step in group))
        for number, group in enumerate(groups, start=1)
    )


def _refuse_more_than_one(groups: Sequence[Sequence[Step]], rules: Segmenting) -> None:
    alone = [step for group in groups for step in group if not step.transactional]
    closing = [group[-1] for group in groups[:-1] if group[-1].transactional and group[-1] not in alone]
    if len(groups) <= 1 and not alone:
        return
    findings = [_finding(step, "cannot run inside a transaction", rules) for step in alone]
    findings += [
        _finding(step, _why_closed(step, rules), rules) for step in closing if _why_closed(step, rules)
    ]
    overflowing = any(not _adds_enum_value(step, rules) and _why_closed(step, rules) for step in closing)
    raised = _locks_to_allow([step for group in groups for step in group], rules) if overflowing else None
    names = ", ".join(
        f"'{step.key}'"
        for step in dict.fromkeys([*alone, *closing])
        if step in alone or _why_closed(step, rules)
    )
    raise RefusedError(
        f"This run cannot be one transaction because of {names}.",
        tuple(findings),
        help=(f"raise max_locks_per_transaction to {raised} and restart the server, or " if raised else "")
        + "use --atomic auto, which cuts as little as possible, or take these revisions into a run of their own.",
    )


def _locks_to_allow(steps: Sequence[Step], rules: Segmenting) -> int | None:
    """The max_locks_per_transaction with which all these steps fit into one transaction."""
    if rules.lock_sessions is None:
        return None
    return math.ceil(sum(rules.locks(step.key) for step in steps) / (_SHARE_OF_LOCKS * rules.lock_sessions))


def _adds_enum_value(step: Step, rules: Segmenting) -> bool:
    known = rules.effects.get(step.key)
    return known is not None and known.adds_enum_value


def _why_closed(step: Step, rules: Segmenting) -> str:
    known = rules.effects.get(step.key)
    if known is not None and known.adds_enum_value:
        label = known.added_labels[0]
        return f"adds the value '{label.part}' to '{label.schema}.{label.name}', which cannot be used before a commit"
    if rules.lock_capacity is not None:
        return f"would hold more locks than the server's table of {rules.lock_capacity} holds"
    return ""


def _finding(step: Step, why: str, rules: Segmenting) -> Finding:
    known = rules.effects.get(step.key)
    line = known.alone[0] if known and known.alone else 0
    return Finding(
        rule="not-one-transaction",
        message=f"'{step.key}' {why}{f' (line {line})' if line else ''}.",
        module=step.key.module,
        revision=step.key,
        place=step.place,
    )

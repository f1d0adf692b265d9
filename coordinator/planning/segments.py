"""Cuts ordered steps into segments: the steps that share a transaction, and those that cannot be in one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.model.finding import Finding
from coordinator.model.plan import Atomicity, Segment
from coordinator.planning.lock_entries import lock_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from coordinator.model.effect import ObjectName, RevisionEffects
    from coordinator.model.lock_table import LockTable
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmenting:
    """What decides where a segment ends."""

    effects: Mapping[RevisionKey, RevisionEffects]
    atomicity: Atomicity
    lock_table: LockTable | None = None  # None: it holds as many entries as are wanted

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

    def locks(self, *keys: RevisionKey) -> Mapping[ObjectName, int]:
        """About how many entries of the lock table steps take in one transaction, by object; none where any would fit."""
        if self.lock_table is None:
            return {}
        known = (self.effects[key].effects for key in keys if key in self.effects)
        return lock_entries(chain.from_iterable(known), self.lock_table)


@dataclass(slots=True)
class OpenSegment:
    """The segment being filled while steps are taken one after the other."""

    rules: Segmenting
    is_open: bool = False
    locks: dict[ObjectName, int] = field(default_factory=dict)  # entries that its steps take together
    entries: int = 0  # their sum

    def cost(self, key: RevisionKey) -> int:
        """How little the step fits now: 0 keeps the transaction open, higher ones close it or begin another."""
        if self.rules.is_alone(key):
            return 2 if self.is_open else 0
        if not self.is_open:
            return 2 if self._closes(key) else 1
        return 1 if self._closes(key) else 0

    def take(self, key: RevisionKey) -> bool:
        """Put the step next; true when it begins a new segment."""
        wanted = self.rules.locks(key)
        begins = not self.is_open or self.rules.is_alone(key) or self._overflows(wanted)
        if begins:
            self.locks, self.entries = {}, 0
        self.entries += self._more(wanted)
        self.locks.update({name: max(count, self.locks.get(name, 0)) for name, count in wanted.items()})
        self.is_open = not self.rules.is_alone(key) and not self._closes(key)
        return begins

    def _closes(self, key: RevisionKey) -> bool:
        """Whether no step may follow in the same transaction: an added enum value cannot be used in it.

        PostgreSQL 17 and newer make an exception for a type made by the same transaction, but not by a savepoint of
        it, and each of our steps has its own.
        """
        known = self.rules.effects.get(key)
        return known is not None and known.adds_enum_value

    def _more(self, wanted: Mapping[ObjectName, int]) -> int:
        """The entries that are not taken yet: who locks something twice has it once."""
        return sum(max(0, count - self.locks.get(name, 0)) for name, count in wanted.items())

    def _overflows(self, wanted: Mapping[ObjectName, int]) -> bool:
        more, table = self._more(wanted), self.rules.lock_table
        return table is not None and more > 0 and not table.has_room_beside(self.entries + more)


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
    return tuple(_segment(number, group, rules) for number, group in enumerate(groups, start=1))


def _segment(number: int, group: Sequence[Step], rules: Segmenting) -> Segment:
    transactional = all(step.transactional for step in group)
    # What commits statement by statement gives its locks back each time.
    locks = rules.locks(*(step.key for step in group)) if transactional else {}
    return Segment(
        position=number, steps=tuple(group), transactional=transactional, lock_entries=sum(locks.values())
    )


def _refuse_more_than_one(groups: Sequence[Sequence[Step]], rules: Segmenting) -> None:
    alone = [step for group in groups for step in group if not step.transactional]
    if len(groups) <= 1 and not alone:
        return
    borders = [(before[-1], after[0]) for before, after in pairwise(groups)]
    closing = [step for step, _ in borders if step.transactional and _adds_enum_value(step, rules)]
    too_much = [
        after
        for before, after in borders
        if before.transactional and after.transactional and not _adds_enum_value(before, rules)
    ]
    findings = (
        *(_finding(step, "cannot run inside a transaction", rules) for step in alone),
        *(_finding(step, _why_closed(step, rules), rules) for step in closing),
        *(_finding(step, _why_too_much(rules), rules) for step in too_much),
    )
    names = ", ".join(f"'{step.key}'" for step in dict.fromkeys([*alone, *closing, *too_much]))
    raised = _setting_for_all(groups, rules) if too_much else None
    raise RefusedError(
        f"This run cannot be one transaction because of {names}.",
        findings,
        help=(f"raise max_locks_per_transaction to {raised} and restart the server, or " if raised else "")
        + "use --atomic auto, which cuts as little as possible, or take these revisions into a run of their own.",
    )


def _setting_for_all(groups: Iterable[Iterable[Step]], rules: Segmenting) -> int | None:
    """The max_locks_per_transaction with which all these steps fit into one transaction."""
    if rules.lock_table is None:
        return None
    locks = rules.locks(*(step.key for group in groups for step in group))
    return rules.lock_table.setting_for(sum(locks.values()))


def _adds_enum_value(step: Step, rules: Segmenting) -> bool:
    known = rules.effects.get(step.key)
    return known is not None and known.adds_enum_value


def _why_closed(step: Step, rules: Segmenting) -> str:
    label = rules.effects[step.key].added_labels[0]
    return f"adds the value '{label.part}' to '{label.schema}.{label.name}', which cannot be used before a commit"


def _why_too_much(rules: Segmenting) -> str:
    assert rules.lock_table is not None
    return f"would hold more locks than the server's table of {rules.lock_table.capacity} holds"


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

"""How many entries of the server's lock table a transaction takes, and whether so many fit. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.finding import Finding, Severity
from coordinator.model.lock_table import TableTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.model.effect import Effect, ObjectName
    from coordinator.model.lock_table import LockTable
    from coordinator.model.plan import RunPlan, Segment
    from coordinator.model.rehearsal import Rehearsal

# As measured: a new table has a TOAST table with an index, and often a sequence; of what goes or is written anew,
# types and constraints are locked too.
_NEW_TABLE, _NEW_VIEW, _EACH_DROPPED = 4, 2, 3
_BY_ITSELF = TableTree()
_INHERITED = frozenset({ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.DEFAULT, ObjectKind.TRIGGER})
_PER_CONSTRAINT = {"check": 0, "fkey": 2}  # others have an index


def lock_entries(effects: Iterable[Effect], lock_table: LockTable) -> dict[ObjectName, int]:
    """About how many entries each object takes with all that belongs to it; what is used twice takes them once.

    As far as SQL tells: a definition reaches all partitions, and so does an UPDATE, although its condition may spare
    some; which ones an INSERT or a SELECT reaches cannot be known.
    """
    taken: dict[ObjectName, int] = {}
    for effect in effects:
        for name, count in _entries(effect, lock_table.trees).items():
            taken[name] = max(taken.get(name, 0), count)
    return taken


def _entries(effect: Effect, trees: Mapping[tuple[str, str], TableTree]) -> dict[ObjectName, int]:
    name, verb = effect.object, effect.verb
    table = effect.to if name.kind is ObjectKind.INDEX and effect.to is not None else name.relation
    tree = trees.get((table.schema, table.name), _BY_ITSELF)
    if verb is Verb.CREATE and name.kind is ObjectKind.RELATION:
        return {name: _NEW_VIEW if effect.type == "view" else _NEW_TABLE}
    if verb is Verb.CREATE and name.kind in (ObjectKind.INDEX, ObjectKind.CONSTRAINT):
        return {table: tree.relations, name: tree.relations * _PER_CONSTRAINT.get(effect.type or "", 1)}
    if name.kind is ObjectKind.INDEX:
        return {name: 2 * tree.relations if verb is Verb.DROP else 2}
    if verb is Verb.RETYPE or (verb is Verb.DROP and name.kind is ObjectKind.RELATION):
        return {table: _NEW_VIEW if effect.type == "view" else _EACH_DROPPED * tree.all}
    if verb is Verb.WRITE and effect.overwrites:
        return {table: tree.all}
    if verb is Verb.DROP and name.part:  # what stands on a column goes with it
        return {table: tree.relations, name: tree.relations}
    if verb is Verb.TIGHTEN or _is_passed_on(effect):
        return {table: tree.relations}
    return {table: _BY_ITSELF.all if table.kind is ObjectKind.RELATION else 1}


def _is_passed_on(effect: Effect) -> bool:
    """Whether what is done to a table is done to all that inherit from it."""
    if effect.verb is Verb.HOLD:
        return effect.holder is not None and effect.holder.kind is ObjectKind.CONSTRAINT  # a foreign key
    return effect.verb is not Verb.USE and effect.object.kind in _INHERITED


def overfull(
    plan: RunPlan, lock_table: LockTable | None, rehearsal: Rehearsal | None = None
) -> tuple[Finding, ...]:
    """The transactions that take more entries than surely fit: as a rehearsal counted them, else as far as SQL tells."""
    if lock_table is None:
        return ()
    found = []
    for segment in plan.segments:
        seen = None if rehearsal is None else rehearsal.entries_of(segment)
        entries = segment.lock_entries if seen is None else seen
        if entries > lock_table.capacity:
            found.append(_overfull(segment, entries, lock_table, counted=seen is not None))
    return tuple(found)


def may_be_overfull(plan: RunPlan, lock_table: LockTable | None) -> tuple[Finding, ...]:
    """The same before anybody has counted."""
    return tuple(replace(each, severity=Severity.WARNING) for each in overfull(plan, lock_table))


def _overfull(segment: Segment, entries: int, lock_table: LockTable, *, counted: bool) -> Finding:
    first, last = segment.steps[0], segment.steps[-1]
    many = first is not last
    who = f"'{first.key}' to '{last.key}', one transaction, take" if many else f"'{first.key}' takes"
    setting = lock_table.setting_for(entries)
    ways = [
        *([f"raise max_locks_per_transaction to {setting} and restart the server"] if setting else []),
        "let each step commit by itself with --atomic step" if many else "split the revision",
        *([] if counted else ["rehearse it, which counts the entries that it does take"]),
    ]
    return Finding(
        rule="lock-table",
        message=f"{who} {'' if counted else 'about '}{entries:,} entries of the server's lock table,"
        f" which is made for {lock_table.capacity:,}.",
        module=first.key.module,
        revision=first.key,
        place=first.place,
        help=", or ".join(ways),
    )

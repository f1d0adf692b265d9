"""A view is replaced in place, rows are rewritten or removed, rights are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.model.effect import Holding, ObjectKind
from coordinator.model.impact import ConsumerKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.impact import Consumption, Usage
    from coordinator.sql.shaping import Revoked

_READ_BY_ALL = frozenset({ConsumerKind.CODE, ConsumerKind.STATEMENT, ConsumerKind.FUNCTION})


def replace_view(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """CREATE OR REPLACE VIEW keeps every column, in name and type; it may add some at the end."""
    key = (a.object.schema, a.object.name)
    if usage.relation != key or key not in facts.start.columns:
        return None
    before, after = facts.start.columns[key], facts.final.columns.get(key, {})
    more = [name for name in after if name not in before]
    if usage.every and more:
        return Ruling(Verdict.DEGRADES, f"takes all columns of the view and gets more: {', '.join(more)}")
    return Ruling(Verdict.SAFE, "finds the same columns, behind which stands another query")


def write_rows(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """Rows are changed or removed: readers find something else; keys that refer to removed rows refuse."""
    assert a.effect is not None
    key = (a.object.schema, a.object.name)
    if not a.effect.overwrites or usage.relation != key:
        return None
    if a.effect.columns == ():
        is_key = consumption.kind is ConsumerKind.FOREIGN_KEY and usage.object.kind is ObjectKind.RELATION
        if is_key:
            return Ruling(Verdict.DEGRADES, "may hold rows that are to be removed")
        if consumption.kind in _READ_BY_ALL:
            return Ruling(
                Verdict.DEGRADES, f"may miss rows of {'.'.join(key)} that are removed", may_fail=False
            )
        return None
    columns = a.effect.columns
    changed = usage.object.kind is ObjectKind.COLUMN and (columns is None or usage.object.part in columns)
    if changed and consumption.kind in _READ_BY_ALL and facts.start.column(usage.object) is not None:
        return Ruling(Verdict.DEGRADES, f"finds other values in {usage.object.part}", may_fail=False)
    return None


def change_rights(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """Rights are taken from roles; a GRANT takes nothing."""
    adds = any(each.inserts and each.relation == usage.relation for each in consumption.usages)
    for revoked in a.revoked:
        surely = _covers(revoked, usage, adds=adds)
        if surely is None:
            continue
        roles = ", ".join(revoked.roles)
        if consumption.kind is ConsumerKind.STATEMENT and consumption.role is not None:
            if consumption.role in revoked.roles and surely:
                return Ruling(Verdict.BREAKS, f"is run by {consumption.role}, who loses the right to it")
            if consumption.role in revoked.roles:
                return Ruling(Verdict.DEGRADES, f"is run by {consumption.role}, who may lose the right to it")
            if "public" in revoked.roles:
                return Ruling(Verdict.DEGRADES, f"is run by {consumption.role}, perhaps by everybody's right")
        elif consumption.kind in _READ_BY_ALL and usage.holding is not Holding.FIRM:
            return Ruling(Verdict.DEGRADES, f"fails where it is run by {roles}, who loses the right to it")
    return None


def _covers(revoked: Revoked, usage: Usage, *, adds: bool) -> bool | None:
    """Whether the usage needs what is taken: True, False for perhaps, None for no.

    `adds`: the same command adds rows to the relation, so that columns that it names are most likely given a value.
    """
    needs = set(_needs(usage))
    if usage.object in revoked.objects and usage.object.kind is ObjectKind.COLUMN:
        return False if needs & set(revoked.privileges) else None
    named = any(
        (each.kind is ObjectKind.SCHEMA and each.schema == usage.object.schema)
        or (not each.part and (each.schema, each.name) == (usage.object.schema, usage.object.name))
        for each in revoked.objects
    )
    if not named:
        return None
    if not revoked.privileges or "usage" in revoked.privileges:
        return True
    if not needs & set(revoked.privileges):
        return None
    return usage.inserts or not adds


def _needs(usage: Usage) -> Iterator[str]:
    if usage.object.kind is ObjectKind.FUNCTION:
        yield "execute"
    elif usage.inserts:
        yield "insert"
    elif usage.writes and usage.columns == ():
        yield from ("delete", "truncate")
    elif usage.writes:
        yield from ("update", *(("delete", "truncate") if usage.columns is None else ()))
    else:
        yield "select"

"""Something gets another name, or moves to another schema: PostgreSQL follows for its own objects, nobody for texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.impact.rules.dropped import anew, another_type, goes_with
from coordinator.impact.types import same_type
from coordinator.model.effect import Holding, ObjectKind, ObjectName
from coordinator.model.impact import Verdict

if TYPE_CHECKING:
    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.impact import Consumption, Usage

FOLLOWED = Ruling(Verdict.SAFE, "follows the new name: PostgreSQL knows it by itself")


def rename_relation(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A table or view is renamed, or moved between schemas."""
    key = (a.object.schema, a.object.name)
    if usage.relation == _target(a):
        return _already(usage, consumption, facts)
    if usage.relation != key or goes_with(consumption.holder, a.object):
        return None
    if usage.holding is Holding.FIRM:
        return FOLLOWED
    if key in facts.final.columns:
        return anew(usage, facts)
    return Ruling(Verdict.BREAKS, f"asks for {'.'.join(key)} by its old name")


def rename_column(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A column is renamed."""
    name = a.object
    if usage.object.kind is ObjectKind.COLUMN and usage.object == _new_column(a):
        return _already(usage, consumption, facts)
    if usage.object == name:
        if goes_with(consumption.holder, name.relation):
            return None
        if usage.holding is Holding.FIRM:
            return FOLLOWED
        if facts.final.column(name) is not None:
            return Ruling(Verdict.DEGRADES, f"finds another column under the name {name.part}")
        return Ruling(Verdict.BREAKS, f"asks for {name.part} by its old name")
    if usage.every and usage.relation == (name.schema, name.name):
        return Ruling(
            Verdict.DEGRADES, f"takes all columns of {name.schema}.{name.name} and gets this one renamed"
        )
    return None


def _target(a: Alteration) -> tuple[str, str] | None:
    assert a.effect is not None
    return None if a.effect.to is None else (a.effect.to.schema, a.effect.to.name)


def _new_column(a: Alteration) -> ObjectName | None:
    assert a.effect is not None
    to = a.effect.to
    return None if to is None else ObjectName(ObjectKind.COLUMN, a.object.schema, a.object.name, to.part)


def _already(usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A consumer that uses the new name; something else may have had it before."""
    known = facts.start.columns.get(usage.relation or ("", ""))
    had = known is not None and (usage.object.kind is not ObjectKind.COLUMN or usage.object.part in known)
    if had or usage.holding is Holding.FIRM:
        return None
    return Ruling(Verdict.SAFE, "asks for the new name already")


def rename_label(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """An enum label is renamed: rows and PostgreSQL's own objects follow, texts do not."""
    if usage.object == a.object:
        if usage.holding is Holding.FIRM:
            return FOLLOWED
        return Ruling(Verdict.BREAKS, f"asks for the value {a.object.part!r} by its old name")
    shape = facts.start.column(usage.object) if usage.object.kind is ObjectKind.COLUMN else None
    if shape is None or not same_type(shape.type.removesuffix("[]"), f"{a.object.schema}.{a.object.name}"):
        return None
    if usage.holding is Holding.FIRM:
        return FOLLOWED
    if a.object.part in consumption.constants:
        return Ruling(Verdict.BREAKS, f"asks for the value {a.object.part!r} by its old name")
    return Ruling(Verdict.DEGRADES, f"may get the value {a.object.part!r} under its new name")


def rename_other(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A type, sequence, schema, constraint or index is renamed."""
    if a.object.kind is ObjectKind.SCHEMA:
        if usage.object.schema != a.object.schema:
            return None
    elif usage.object != a.object:
        return None
    if usage.holding is Holding.FIRM:
        return FOLLOWED
    if a.object.kind is ObjectKind.TYPE and (a.object.schema, a.object.name) in facts.final.types:
        return another_type(a.object, consumption, facts)
    return Ruling(Verdict.BREAKS, f"asks for {usage.object} by its old name")

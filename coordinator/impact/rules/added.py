"""Something is added: a column, an enum label, a trigger. Nobody asked for it, and some notice all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.impact.types import same_type
from coordinator.model.effect import Holding, ObjectKind
from coordinator.model.impact import ConsumerKind, Verdict

if TYPE_CHECKING:
    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.effect import ObjectName
    from coordinator.model.impact import Consumption, Usage


def add_column(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A column more: for `SELECT *`, for values given by position, for a bare name that means two columns then."""
    name = a.object
    if facts.start.column(name) is not None:
        return None  # IF NOT EXISTS, or it was dropped before
    meant = (usage.object, *usage.others)
    if name in meant and any(facts.start.column(each) is not None for each in meant):
        return Ruling(Verdict.DEGRADES, f"says {name.part} without its table, which may mean two columns now")
    if usage.object == name:
        return use_of_new(a, usage, consumption, facts)
    if usage.relation != (name.schema, name.name) or usage.holding is Holding.FIRM:
        return None
    if usage.every and not usage.inserts:
        return Ruling(Verdict.DEGRADES, f"takes all columns of {name.schema}.{name.name} and gets one more")
    if usage.by_position:
        return Ruling(
            Verdict.DEGRADES, f"gives values of {name.schema}.{name.name} by position, and none for this one"
        )
    return None


def add_label(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """An enum value more: whoever lists all values does not know it."""
    enum = f"{a.object.schema}.{a.object.name}"
    if usage.object.kind is not ObjectKind.COLUMN or usage.holding is Holding.FIRM:
        return None
    shape = facts.start.column(usage.object)
    if shape is None or not same_type(shape.type.removesuffix("[]"), enum):
        return None
    if _only_writes(usage, consumption):
        return None
    return Ruling(
        Verdict.DEGRADES, f"may meet the value {a.object.part!r}, which it does not know", may_fail=False
    )


def _only_writes(usage: Usage, consumption: Consumption) -> bool:
    """Whether the statement gives the column a value and does not look at it otherwise."""
    given = any(usage.object.part in (each.columns or ()) for each in consumption.usages if each.inserts)
    return given and not usage.computed


def add_trigger(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A trigger more: whatever writes the table fires it."""
    if not usage.writes or usage.relation != (a.object.schema, a.object.name):
        return None
    return Ruling(Verdict.DEGRADES, f"fires trigger {a.object.part} by what it writes")


def use_of_new(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """Code of the branch that uses what it adds; in the end it must still be there."""
    if consumption.kind is not ConsumerKind.CODE or _was_there(a.object, facts):
        return None
    key = (a.object.schema, a.object.name)
    if a.object.kind is ObjectKind.RELATION:
        if usage.relation != key:
            return None
        if key not in facts.final.columns or _misses(usage, facts):
            return Ruling(Verdict.BREAKS, f"asks for {usage.object}, which is not there in the end")
        return Ruling(Verdict.SAFE, "uses what is added")
    if usage.object != a.object:
        return None
    if a.object.kind is ObjectKind.COLUMN and facts.final.column(a.object) is None:
        return Ruling(Verdict.BREAKS, f"asks for {a.object}, which is not there in the end")
    return Ruling(Verdict.SAFE, "uses what is added")


def _misses(usage: Usage, facts: Facts) -> bool:
    """Whether it asks a new relation for a column that this does not have; nothing is known of one without columns."""
    assert usage.relation is not None
    columns = facts.final.columns[usage.relation]
    return usage.object.kind is ObjectKind.COLUMN and bool(columns) and usage.object.part not in columns


def _was_there(name: ObjectName, facts: Facts) -> bool:
    if name.kind is ObjectKind.COLUMN:
        return facts.start.column(name) is not None
    key = (name.schema, name.name)
    return key in facts.start.columns or key in facts.start.functions

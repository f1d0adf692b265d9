"""Something is dropped: a column, a relation, a type, an index, a constraint, a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.impact.rules.tightened import forced, made_by_postgresql
from coordinator.impact.types import same_type
from coordinator.model.effect import Holding, ObjectKind
from coordinator.model.impact import ConsumerKind, Verdict

if TYPE_CHECKING:
    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.effect import ObjectName
    from coordinator.model.impact import Consumption, Usage


def drop_column(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """The column goes, with the indexes and constraints of its own table that stand on it."""
    name = a.object
    if usage.object == name:
        if goes_with(consumption.holder, name):
            return None
        if usage.holding is Holding.FIRM:
            return refused(a)
        return _text_column(name, facts)
    if usage.relation != (name.schema, name.name):
        return None
    if usage.writes and name.part in usage.forces and made_by_postgresql(name, facts):
        return forced(name)
    if usage.every:
        return Ruling(Verdict.DEGRADES, f"takes all columns of {_table(name)} and gets one fewer")
    if usage.by_position:
        left = len(facts.final.columns.get((name.schema, name.name), ()))
        if usage.columns is not None and len(usage.columns) > left:
            return Ruling(
                Verdict.BREAKS, f"gives {len(usage.columns)} values by position, and {left} columns are left"
            )
        return Ruling(
            Verdict.DEGRADES, f"gives values of {_table(name)} by position, and the positions change"
        )
    return None


def _text_column(name: ObjectName, facts: Facts) -> Ruling:
    again = facts.final.column(name)
    if again is None:
        return Ruling(Verdict.BREAKS, f"asks for {name.part}, which is no longer there")
    before = facts.start.column(name)
    if before is not None and same_type(before.type, again.type):
        return Ruling(Verdict.DEGRADES, f"finds {name.part} made anew, without the old values")
    return Ruling(
        Verdict.DEGRADES, f"finds another {name.part} ({again.type or 'of another type'}) under its name"
    )


def goes_with(holder: ObjectName | None, dropped: ObjectName) -> bool:
    """Whether PostgreSQL drops the holder silently with the column or table: a part of it that nobody else has."""
    if holder is None:
        return False
    if holder.kind is ObjectKind.INDEX:
        return True
    own = (holder.schema, holder.name) == (dropped.schema, dropped.name)
    if dropped.kind is ObjectKind.RELATION:
        return own
    return own and holder.kind in {ObjectKind.CONSTRAINT, ObjectKind.DEFAULT}


def refused(a: Alteration) -> Ruling:
    """What stands on something by identity: it goes along, or PostgreSQL refuses."""
    if a.effect is not None and a.effect.cascade:
        return Ruling(Verdict.BREAKS, "is dropped with it: CASCADE takes along what stands on it")
    return Ruling(Verdict.BREAKS, "stands on it, so PostgreSQL refuses to drop it", refused=True)


def drop_relation(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """The table or view goes, with all that belongs to it."""
    key = (a.object.schema, a.object.name)
    if usage.relation != key or goes_with(consumption.holder, a.object):
        return None
    if usage.holding is Holding.FIRM:
        return refused(a)
    if key not in facts.final.columns:
        return Ruling(Verdict.BREAKS, f"asks for {'.'.join(key)}, which is no longer there")
    return anew(usage, facts)


def anew(usage: Usage, facts: Facts) -> Ruling:
    """Something of the relation's name is there in the end: does it have what is asked of it?"""
    key = usage.relation
    assert key is not None
    shown = ".".join(key)
    if usage.object.kind is ObjectKind.COLUMN and facts.final.columns[key]:
        now = facts.final.column(usage.object)
        if now is None:
            return Ruling(
                Verdict.BREAKS, f"asks for {usage.object.part}, which the new {shown} does not have"
            )
        before = facts.start.column(usage.object)
        if before is not None and now.type and before.type and not same_type(before.type, now.type):
            return Ruling(
                Verdict.DEGRADES, f"gets {usage.object.part} of {shown} as {now.type}, not as {before.type}"
            )
    if usage.every:
        had, has = facts.start.columns.get(key), facts.final.columns[key]
        if had is not None and has and list(had) != list(has):
            return Ruling(Verdict.DEGRADES, f"takes all columns of {shown}, and these are others now")
    was_view, is_view = key in facts.start.views, key in facts.final.views
    if usage.writes and is_view:
        return Ruling(Verdict.DEGRADES, f"writes {shown}, which is a view now")
    if was_view and is_view:
        return Ruling(Verdict.SAFE, f"finds what it asks for in the new {shown}")
    if is_view:
        return Ruling(Verdict.SAFE, f"finds what it asks for in the view that has the name {shown} now")
    return Ruling(Verdict.DEGRADES, f"finds {shown} made anew, without the old rows")


def drop_index(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """An index goes: what looks rows up by its columns reads more; a key that ON CONFLICT relies on is gone."""
    columns = facts.stands_on.get(a.object, frozenset())
    if usage.object == a.object and usage.holding is Holding.FIRM:
        return refused(a)
    if consumption.kind.in_database and consumption.kind is not ConsumerKind.FUNCTION:
        return None
    if usage.conflict is not None:
        return _conflict(a.object, usage, facts)
    if usage.object in columns and usage.object in facts.looked_up:
        return Ruling(Verdict.SAFE, f"finds another index that begins with {usage.object.part}")
    if usage.object in columns:
        return Ruling(
            Verdict.DEGRADES, f"may read the whole table: no index by {usage.object.part}", may_fail=False
        )
    return None


def drop_constraint(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A constraint goes: keys that refer to it hold it, and ON CONFLICT relies on it."""
    if usage.object == a.object and usage.holding is Holding.FIRM and not _again(a.object, facts):
        return refused(a)
    if usage.object == a.object and not _again(a.object, facts):
        return Ruling(Verdict.BREAKS, f"names constraint {a.object.part}, which is no longer there")
    return None if _again(a.object, facts) else _conflict(a.object, usage, facts)


def _again(name: ObjectName, facts: Facts) -> bool:
    """Nothing is known of constraints in the end but of the relation's: it went with that or stays away."""
    return (name.schema, name.name) not in facts.final.columns


def _conflict(gone: ObjectName, usage: Usage, facts: Facts) -> Ruling | None:
    """ON CONFLICT needs a unique key over just its columns: is there another once this one is gone?"""
    if usage.conflict is None or usage.relation is None:
        return None
    before, after = (
        {
            name: fits
            for name, key in known.keys.get(usage.relation, {}).items()
            if (fits := key.serves(usage.conflict)) is not False
        }
        for known in (facts.start, facts.final)
    )
    if gone not in before:
        return None
    if not after:
        return Ruling(Verdict.BREAKS, "relies on this unique key (ON CONFLICT), which is no longer there")
    if True in after.values():
        return Ruling(
            Verdict.SAFE, "relies on a unique key (ON CONFLICT), and there is another over the same columns"
        )
    return Ruling(
        Verdict.DEGRADES,
        f"relies on a unique key (ON CONFLICT), and {next(iter(after)).shown} may not serve: it has a WHERE or an expression",
    )


def another_type(name: ObjectName, consumption: Consumption, facts: Facts) -> Ruling:
    """There is another type under the name in the end; of an enum the values tell whether it serves."""
    key = (name.schema, name.name)
    gone = frozenset(facts.start.labels.get(key, ())) - frozenset(facts.final.labels.get(key, ()))
    lost = sorted(gone & consumption.constants)
    if lost:
        return Ruling(Verdict.BREAKS, f"asks for the value {lost[0]!r}, which {name} no longer has")
    return Ruling(Verdict.DEGRADES, f"finds another type under the name {name}")


def drop_other(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A type, a sequence, a schema goes."""
    if a.object.kind is ObjectKind.SCHEMA:
        inside = usage.object.schema == a.object.schema
        if not inside or (consumption.holder is not None and consumption.holder.schema == a.object.schema):
            return None
    elif usage.object != a.object or goes_with(consumption.holder, a.object):
        return None
    if usage.holding is Holding.FIRM:
        return refused(a)
    if a.object.kind is ObjectKind.TYPE and (a.object.schema, a.object.name) in facts.final.types:
        return another_type(a.object, consumption, facts)
    return Ruling(Verdict.BREAKS, f"asks for {usage.object}, which is no longer there")


def _table(name: ObjectName) -> str:
    return f"{name.schema}.{name.name}"

"""Rows that were good before may be refused: a mandatory column, a unique key, a check, a foreign key, a default gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.model.change import ChangeType
from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.impact import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.impact import Consumption, Usage

_HOW = {
    ChangeType.ADD_CONSTRAINT: "a constraint is added",
    ChangeType.ADD_INDEX: "values must be unique",
    ChangeType.ALTER_COLUMN: "a value is needed",
    ChangeType.ADD_COLUMN: "a value is needed",
}


def tighten(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """Writers that do not give what is needed break, others may be refused; readers are not concerned."""
    if not usage.writes:
        return None
    relation = a.object
    if usage.relation in a.refers and usage.relation != (relation.schema, relation.name):
        if usage.inserts:
            return None
        return Ruling(Verdict.DEGRADES, f"may not remove or renumber rows that {relation} refers to")
    if usage.relation != (relation.schema, relation.name):
        return None
    assert a.effect is not None
    needed = [name for name in a.effect.columns or () if _is_needed(relation, name, facts)]
    missing = missing_of(usage, needed)
    if missing:
        return Ruling(Verdict.BREAKS, f"adds rows without {', '.join(missing)}, which become mandatory")
    if needed and usage.inserts and usage.columns is None:
        return Ruling(Verdict.DEGRADES, f"adds rows, perhaps without {', '.join(needed)}")
    return _may_be_refused(a, usage, facts)


def _may_be_refused(a: Alteration, usage: Usage, facts: Facts) -> Ruling | None:
    assert a.effect is not None
    if usage.columns == () and not usage.inserts:
        return None  # it removes rows
    columns = set(a.effect.columns or ())
    if columns and usage.columns is not None:
        written = columns.intersection(usage.columns)
        filled = usage.inserts and any(_is_filled(a.object, each, facts) for each in columns)
        if not written and not filled:
            return None
    how = _HOW.get(a.change.type, "rows are checked")
    shown = f" ({', '.join(sorted(columns))})" if columns else ""
    return Ruling(Verdict.DEGRADES, f"writes what may be refused from here on: {how}{shown}")


def change_default(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """Rows that give no value get another one, or none; where PostgreSQL makes it always, no other may be given."""
    name = ObjectName(ObjectKind.COLUMN, a.object.schema, a.object.name, a.object.part)
    if usage.relation != (name.schema, name.name):
        return None
    if made_by_postgresql(name, facts) and name.part in usage.forces:
        return forced(name)
    if not usage.inserts:
        return None
    if made_by_postgresql(name, facts) and usage.columns is None:
        return Ruling(
            Verdict.DEGRADES, f"adds rows, perhaps with a value for {name.part}, which is refused now"
        )
    if usage.columns is not None and name.part in usage.columns:
        return None
    shape = facts.final.column(name)
    if shape is not None and shape.mandatory and not shape.filled:
        if usage.columns is None:
            return Ruling(
                Verdict.DEGRADES, f"adds rows, perhaps without {name.part}, which has no default any more"
            )
        return Ruling(
            Verdict.BREAKS, f"adds rows without {name.part}, which is mandatory and has no default any more"
        )
    before = facts.start.column(name)
    if before is not None and before.mandatory and not before.filled:
        return None  # without a value it would have failed
    return Ruling(
        Verdict.DEGRADES, f"adds rows without {name.part}, which get another default", may_fail=False
    )


def made_by_postgresql(column: ObjectName, facts: Facts) -> bool:
    """Whether the column is GENERATED ALWAYS in the end, and was not so before."""
    before, after = facts.start.column(column), facts.final.column(column)
    return after is not None and after.always and not (before is not None and before.always)


def forced(column: ObjectName) -> Ruling:
    """What becomes of a writer that gives a value to such a column."""
    return Ruling(
        Verdict.BREAKS, f"gives {column.part} a value, which only PostgreSQL may give now (GENERATED ALWAYS)"
    )


def _is_filled(relation: ObjectName, column: str, facts: Facts) -> bool:
    """Whether an added row that gives the column no value gets one."""
    shape = facts.final.column(ObjectName(ObjectKind.COLUMN, relation.schema, relation.name, column))
    return shape is not None and shape.filled


def _is_needed(relation: ObjectName, column: str, facts: Facts) -> bool:
    """Whether the column is mandatory in the end, with nothing that fills it, and was not so before."""
    name = ObjectName(ObjectKind.COLUMN, relation.schema, relation.name, column)
    before, after = facts.start.column(name), facts.final.column(name)
    if after is None or not after.mandatory or after.filled:
        return False
    return before is None or not before.mandatory or before.filled


def missing_of(usage: Usage, needed: list[str]) -> tuple[str, ...]:
    """The needed columns that added rows give no value for, as far as that is known."""
    return tuple(_missing(usage, needed))


def _missing(usage: Usage, needed: list[str]) -> Iterator[str]:
    if usage.inserts and usage.columns is not None:
        yield from (name for name in needed if name not in usage.columns)

"""A function is dropped, renamed, replaced, or gets another of its name beside it: which one does a call mean?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.impact.overloads import goes_on_as, is_one_of, meant_by, takes
from coordinator.impact.rules.added import use_of_new
from coordinator.impact.rules.dropped import refused
from coordinator.impact.rules.renamed import FOLLOWED
from coordinator.model.effect import Holding
from coordinator.model.impact import Verdict

if TYPE_CHECKING:
    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.impact import Consumption, Usage
    from coordinator.model.overload import Overload


def drop_function(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A function goes; it may come again, and others of its name may stay."""
    if usage.object != a.object:
        return None
    if usage.holding is not Holding.FIRM:
        return _without(a, usage, facts, "which is no longer there")
    before, touched, meant = _called(a, usage, facts)
    if before and not set(touched) & set(meant):
        return _another(a) if touched else None
    if set(meant) - set(touched):
        return Ruling(Verdict.DEGRADES, "may stand on it, so that PostgreSQL refuses to drop it")
    return refused(a)


def rename_function(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A function is renamed, or moved to another schema."""
    if usage.object != a.object:
        return None
    if usage.holding is Holding.FIRM:
        return FOLLOWED
    return _without(a, usage, facts, "by its old name")


def replace_function(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """CREATE OR REPLACE FUNCTION keeps the result; with other parameters it makes another function beside it."""
    if usage.object != a.object or (a.object.schema, a.object.name) not in facts.start.functions:
        return None
    before, touched, meant = _called(a, usage, facts)
    if before and not set(touched) & set(meant):
        return None
    return Ruling(Verdict.SAFE, "calls the same function, whose body is another one")


def create_function(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """A function more: a call that so far meant one of its name, and that it takes too, may mean either."""
    if usage.object != a.object:
        return None
    before, touched, meant = _called(a, usage, facts)
    if not before or touched or usage.holding is Holding.FIRM:
        return use_of_new(a, usage, consumption, facts)
    after = facts.final.overloads.get((a.object.schema, a.object.name), ())
    made = [each for each in after if is_one_of(each, a.overloads)]
    if any(each in after for each in meant) and any(takes(each, usage.arguments) for each in made):
        return Ruling(Verdict.DEGRADES, f"calls {a.object}, of which several take these arguments now")
    return None


def _called(
    a: Alteration, usage: Usage, facts: Facts
) -> tuple[tuple[Overload, ...], tuple[Overload, ...], tuple[Overload, ...]]:
    """The functions of that name at the start: all that are known, those that change, those that the call may mean."""
    before = facts.start.overloads.get((a.object.schema, a.object.name), ())
    touched = tuple(each for each in before if not a.overloads or is_one_of(each, a.overloads))
    return before, touched, meant_by(before, usage.arguments)


def _another(a: Alteration) -> Ruling:
    return Ruling(Verdict.SAFE, f"calls another function of the name {a.object}")


def _without(a: Alteration, usage: Usage, facts: Facts, gone: str) -> Ruling | None:
    """What becomes of a call once the functions that change are gone, or have another name."""
    key = (a.object.schema, a.object.name)
    before, touched, meant = _called(a, usage, facts)
    lost = [each for each in touched if each in meant]
    if before and not lost:
        return _another(a) if touched else None
    if key not in facts.final.functions:
        return Ruling(Verdict.BREAKS, f"calls {a.object}, {gone}")
    after = facts.final.overloads.get(key, ())
    left = meant_by(after, usage.arguments)
    if before and after and not left:
        return Ruling(
            Verdict.BREAKS, f"calls {a.object}, and none of that name takes {_counted(usage)} any more"
        )
    if lost and all(any(goes_on_as(each, other) for other in left) for each in lost):
        return Ruling(Verdict.SAFE, f"finds {a.object} again, with the same parameters and result")
    if any(each in before for each in left):
        return Ruling(Verdict.DEGRADES, f"may call another {a.object}: the one that it may mean goes")
    return Ruling(Verdict.DEGRADES, f"finds {a.object} with other parameters or another result")


def _counted(usage: Usage) -> str:
    count = len(usage.arguments or ())
    return "no arguments" if not count else f"{count} argument{'s' if count > 1 else ''}"

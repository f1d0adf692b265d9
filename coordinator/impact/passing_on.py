"""Who breaks because something breaks that it uses: callers of a function, readers of a view that is dropped along. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.impact import ConsumerKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.impact import Consumption, Usage

_PASSES_ON = frozenset({ObjectKind.FUNCTION, ObjectKind.RELATION, ObjectKind.TRIGGER})


@dataclass(frozen=True, slots=True)
class Judged:
    """One consumer with what becomes of it, by the use that decides; `through` what breaks before it."""

    consumption: Consumption
    usage: Usage
    ruling: Ruling
    through: ObjectName | None = None


def broken_holders(judged: Iterable[Judged]) -> frozenset[ObjectName]:
    """The objects that break once the change is made, and that others may use."""
    return frozenset(
        each.consumption.holder for each in judged if _passes_on(each) and each.consumption.holder
    )


def _passes_on(judged: Judged) -> bool:
    """What breaks takes its users along; a function that may fail does so for whoever calls it."""
    holder, ruling = judged.consumption.holder, judged.ruling
    if holder is None or ruling.refused:
        return False
    if ruling.verdict is Verdict.BREAKS:
        return holder.kind in _PASSES_ON
    may_fail = ruling.verdict is Verdict.DEGRADES and ruling.may_fail
    return may_fail and holder.kind is ObjectKind.FUNCTION


def passed_on(
    judged: Sequence[Judged], alteration: Alteration, consumptions: Sequence[Consumption], facts: Facts
) -> tuple[Judged, ...]:
    """Everything that breaks or degrades because one of these breaks, and so on; each once."""
    waiting = [each for each in judged if _passes_on(each)]
    if not waiting:
        return ()
    known = {id(each.consumption): each.ruling.verdict for each in judged}
    found: list[Judged] = []
    while waiting:
        broken = waiting.pop(0)
        for each in _users(broken, consumptions):
            if known.get(id(each.consumption)) is Verdict.BREAKS or _is_spared(each, alteration, facts):
                continue
            if id(each.consumption) in known and each.ruling.verdict is not Verdict.BREAKS:
                continue
            known[id(each.consumption)] = each.ruling.verdict
            found.append(each)
            if _passes_on(each):
                waiting.append(each)
    return tuple(found)


def _is_spared(judged: Judged, alteration: Alteration, facts: Facts) -> bool:
    """Whether it runs later, is over, or lets go first."""
    consumption = judged.consumption
    if consumption.kind in {ConsumerKind.REVISION, ConsumerKind.MAP}:
        return True
    return facts.comes_later(consumption, alteration) or facts.released(consumption, alteration) is not None


def _users(broken: Judged, consumptions: Sequence[Consumption]) -> Iterator[Judged]:
    holder = broken.consumption.holder
    assert holder is not None
    for consumption in consumptions:
        if consumption is broken.consumption:
            continue
        for usage in consumption.usages:
            ruling = _ruling(holder, usage, broken.ruling.verdict)
            if ruling is not None:
                yield Judged(consumption, usage, ruling, holder)
                break


def _ruling(holder: ObjectName, usage: Usage, verdict: Verdict) -> Ruling | None:
    if holder.kind is ObjectKind.FUNCTION:
        if usage.object == holder:
            word = "breaks" if verdict is Verdict.BREAKS else "may fail"
            return Ruling(verdict, f"calls function {holder}, which {word}")
    elif holder.kind is ObjectKind.RELATION:
        if usage.relation == (holder.schema, holder.name):
            return Ruling(Verdict.BREAKS, f"reads view {holder}, which is dropped along")
    elif usage.writes and usage.relation == (holder.schema, holder.name):
        return Ruling(Verdict.DEGRADES, f"may fire trigger {holder.part}, whose function breaks")
    return None

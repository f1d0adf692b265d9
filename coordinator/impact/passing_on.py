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
    holder = judged.consumption.holder
    broken = judged.ruling.verdict is Verdict.BREAKS and not judged.ruling.refused
    return broken and holder is not None and holder.kind in _PASSES_ON


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
        for each in _users(broken.consumption, consumptions):
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


def _users(broken: Consumption, consumptions: Sequence[Consumption]) -> Iterator[Judged]:
    holder = broken.holder
    assert holder is not None
    for consumption in consumptions:
        if consumption is broken:
            continue
        for usage in consumption.usages:
            ruling = _ruling(holder, usage)
            if ruling is not None:
                yield Judged(consumption, usage, ruling, holder)
                break


def _ruling(holder: ObjectName, usage: Usage) -> Ruling | None:
    if holder.kind is ObjectKind.FUNCTION:
        if usage.object == holder:
            return Ruling(Verdict.BREAKS, f"calls function {holder}, which breaks")
    elif holder.kind is ObjectKind.RELATION:
        if usage.relation == (holder.schema, holder.name):
            return Ruling(Verdict.BREAKS, f"reads view {holder}, which is dropped along")
    elif usage.writes and usage.relation == (holder.schema, holder.name):
        return Ruling(Verdict.DEGRADES, f"may fire trigger {holder.part}, whose function breaks")
    return None

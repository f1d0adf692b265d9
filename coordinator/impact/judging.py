"""Every change against everything that uses anything: which rule is asked, and what comes of its answer. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.impact.passing_on import Judged, broken_holders, passed_on
from coordinator.impact.rules import (
    added,
    dropped,
    functions,
    renamed,
    replaced,
    retyped,
    row_security,
    tightened,
)
from coordinator.model.change import ChangeType
from coordinator.model.effect import Holding, ObjectKind, Verb
from coordinator.model.impact import ChangeImpact, Consumer, ConsumerKind, Evidence, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.effect import ObjectName
    from coordinator.model.impact import Consumption, Usage

    Rule = Callable[[Alteration, Usage, Consumption, Facts], Ruling | None]

_RULES: dict[tuple[Verb, ObjectKind], Rule] = {
    (Verb.DROP, ObjectKind.COLUMN): dropped.drop_column,
    (Verb.DROP, ObjectKind.RELATION): dropped.drop_relation,
    (Verb.DROP, ObjectKind.INDEX): dropped.drop_index,
    (Verb.DROP, ObjectKind.CONSTRAINT): dropped.drop_constraint,
    (Verb.DROP, ObjectKind.FUNCTION): functions.drop_function,
    (Verb.DROP, ObjectKind.TYPE): dropped.drop_other,
    (Verb.DROP, ObjectKind.SEQUENCE): dropped.drop_other,
    (Verb.DROP, ObjectKind.SCHEMA): dropped.drop_other,
    (Verb.RENAME, ObjectKind.RELATION): renamed.rename_relation,
    (Verb.RENAME, ObjectKind.COLUMN): renamed.rename_column,
    (Verb.RENAME, ObjectKind.LABEL): renamed.rename_label,
    (Verb.RENAME, ObjectKind.FUNCTION): functions.rename_function,
    (Verb.RENAME, ObjectKind.TYPE): renamed.rename_other,
    (Verb.RENAME, ObjectKind.SEQUENCE): renamed.rename_other,
    (Verb.RENAME, ObjectKind.SCHEMA): renamed.rename_other,
    (Verb.RENAME, ObjectKind.CONSTRAINT): renamed.rename_other,
    (Verb.RENAME, ObjectKind.INDEX): renamed.rename_other,
    (Verb.RETYPE, ObjectKind.COLUMN): retyped.retype,
    (Verb.TIGHTEN, ObjectKind.RELATION): tightened.tighten,
    (Verb.REPLACE, ObjectKind.DEFAULT): tightened.change_default,
    (Verb.REPLACE, ObjectKind.RELATION): replaced.replace_view,
    (Verb.REPLACE, ObjectKind.FUNCTION): functions.replace_function,
    (Verb.CREATE, ObjectKind.COLUMN): added.add_column,
    (Verb.CREATE, ObjectKind.LABEL): added.add_label,
    (Verb.CREATE, ObjectKind.TRIGGER): added.add_trigger,
    (Verb.CREATE, ObjectKind.RELATION): added.use_of_new,
    (Verb.CREATE, ObjectKind.FUNCTION): functions.create_function,
    (Verb.CREATE, ObjectKind.POLICY): row_security.change_rows,
    (Verb.REPLACE, ObjectKind.POLICY): row_security.change_rows,
    (Verb.DROP, ObjectKind.POLICY): row_security.change_rows,
    (Verb.WRITE, ObjectKind.RELATION): replaced.write_rows,
}


def impacts_of(
    alterations: Sequence[Alteration], consumptions: Sequence[Consumption], facts: Facts
) -> tuple[ChangeImpact, ...]:
    """Each change of the branch with its consumers, the worst first; changes in their order, each once."""
    found: dict[tuple[object, ...], dict[tuple[str, str, str], Consumer]] = {}
    heads: dict[tuple[object, ...], Alteration] = {}
    for alteration in alterations:
        key = (alteration.key, alteration.change)
        heads.setdefault(key, alteration)
        consumers = found.setdefault(key, {})
        for consumer in _consumers(alteration, consumptions, facts):
            same = (consumer.kind.value, consumer.name, consumer.place)
            known = consumers.get(same)
            if known is None or known.verdict < consumer.verdict:
                consumers[same] = consumer
    return tuple(
        ChangeImpact(
            change=replace(heads[key].change, impact_analysis=_analysis(consumers.values())),
            revision=heads[key].key,
            place=heads[key].place,
            consumers=tuple(sorted(consumers.values(), key=_worst_first)),
        )
        for key, consumers in found.items()
    )


def _worst_first(consumer: Consumer) -> tuple[int, int, str, str, str]:
    verdicts, kinds = list(Verdict), list(ConsumerKind)
    return (
        -verdicts.index(consumer.verdict),
        kinds.index(consumer.kind),
        consumer.module or "",
        _place_key(consumer.place),
        consumer.name,
    )


def _place_key(place: str) -> str:
    file, colon, line = place.rpartition(":")
    return f"{file}:{line.zfill(9)}" if colon and line.isdigit() else place


def _analysis(consumers: Iterable[Consumer]) -> tuple[str, ...]:
    """What stands in `DatabaseChange.impactAnalysis`: a sentence for each consumer that is not safe."""
    worst = sorted((each for each in consumers if each.verdict is not Verdict.SAFE), key=_worst_first)
    return tuple(
        f"{each.kind.value} '{each.name}' {each.verdict.value}: it {each.why} ({each.place})"
        for each in worst
    )


def _consumers(
    alteration: Alteration, consumptions: Sequence[Consumption], facts: Facts
) -> Iterator[Consumer]:
    yield from (_consumer(each) for each in _judged(alteration, consumptions, facts))


def _judged(alteration: Alteration, consumptions: Sequence[Consumption], facts: Facts) -> tuple[Judged, ...]:
    rule = rule_of(alteration)
    if rule is None or alteration.fresh:
        return ()
    found: list[Judged] = []
    for consumption in consumptions:
        rulings = [
            (ruling, usage)
            for usage in consumption.usages
            if (ruling := rule(alteration, usage, consumption, facts)) is not None
        ]
        if rulings:
            ruling, usage = max(rulings, key=lambda each: list(Verdict).index(each[0].verdict))
            told = tempered(ruling, usage, alteration, consumption, facts)
            if told is not None:
                found.append(Judged(consumption, usage, told))
    return (*found, *passed_on(found, alteration, consumptions, facts))


def holders_that_break(
    alterations: Sequence[Alteration], consumptions: Sequence[Consumption], facts: Facts
) -> frozenset[ObjectName]:
    """Functions, views and triggers that break or are dropped along: who uses them is to be looked for as well."""
    found: set[ObjectName] = set()
    for alteration in alterations:
        consumers = _judged(alteration, consumptions, facts)
        found |= broken_holders(consumers)
    return frozenset(found)


def rule_of(alteration: Alteration) -> Rule | None:
    """The rule for an alteration; None when nobody is concerned by it."""
    if alteration.effect is None:
        return replaced.change_rights if alteration.change.type is ChangeType.CHANGE_RIGHTS else None
    return _RULES.get((alteration.effect.verb, alteration.effect.object.kind))


def tempered(
    ruling: Ruling, usage: Usage, alteration: Alteration, consumption: Consumption, facts: Facts
) -> Ruling | None:
    """The ruling, once it is known when the consumer runs, who releases it first, and how sure its use is."""
    if facts.comes_later(consumption, alteration):
        return None
    if consumption.kind is ConsumerKind.REVISION:
        return _of_revision(consumption, facts)
    released = facts.released(consumption, alteration, late=usage.holding is not Holding.FIRM)
    if released is not None and ruling.verdict is not Verdict.SAFE:
        return Ruling(Verdict.SAFE, f"is dropped or replaced first, by {released}")
    retyped = facts.retyped_first(consumption, alteration)
    if retyped is not None and ruling.verdict is not Verdict.SAFE:
        return Ruling(Verdict.SAFE, f"gets another type first, by {retyped}")
    if consumption.evidence is Evidence.NAME and ruling.verdict is not Verdict.SAFE:
        return Ruling(
            Verdict.DEGRADES, f"names {usage.object} or something like it; whether it uses it cannot be told"
        )
    return ruling


def _of_revision(consumption: Consumption, facts: Facts) -> Ruling:
    """What a revision does for a moment is over, or goes first."""
    if consumption.since is None:
        return Ruling(Verdict.SAFE, "has run; on an empty database it goes first")
    step = facts.steps.get(consumption.since)
    if step is None:
        return Ruling(Verdict.DEGRADES, "is pending too, and no order could be planned")
    return Ruling(Verdict.SAFE, f"is pending too, and goes first (step {step})")


def _consumer(judged: Judged) -> Consumer:
    consumption = judged.consumption
    return Consumer(
        kind=consumption.kind,
        name=consumption.name,
        module=consumption.module,
        place=consumption.place,
        uses=str(judged.usage.object),
        verdict=judged.ruling.verdict,
        why=judged.ruling.why,
        evidence=consumption.evidence,
        through=None if judged.through is None else str(judged.through),
        calls=consumption.calls,
        role=consumption.role,
        file=consumption.file,
    )

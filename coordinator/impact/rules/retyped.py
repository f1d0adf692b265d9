"""A column gets another type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.impact.types import (
    comparable,
    reads,
    same_name,
    same_type,
    sql_type,
    takes_text_operators,
    widens,
)
from coordinator.model.beside import Beside, BesideKind
from coordinator.model.effect import Holding, ObjectKind
from coordinator.model.impact import ConsumerKind, Verdict

if TYPE_CHECKING:
    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.effect import ObjectName
    from coordinator.model.impact import Consumption, Usage
    from coordinator.model.known_objects import Key

_REFUSES = frozenset(
    {
        ConsumerKind.VIEW,
        ConsumerKind.RULE,
        ConsumerKind.TRIGGER,
        ConsumerKind.POLICY,
        ConsumerKind.GENERATED,
        ConsumerKind.FUNCTION,
    }
)


def retype(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """Views and the like hold it as it is, keys must still fit, texts get what they did not expect."""
    name = a.object
    if usage.every and usage.relation == (name.schema, name.name):
        return _given_out(a, consumption, facts)
    if usage.object != name:
        return None
    if usage.holding is not Holding.FIRM:
        return _text(a, usage, consumption, facts)
    if consumption.kind in _REFUSES:
        return Ruling(Verdict.BREAKS, "stands on it, so PostgreSQL refuses to change its type", refused=True)
    if consumption.kind in {ConsumerKind.FOREIGN_KEY, ConsumerKind.CONSTRAINT}:
        return _key(a, consumption, facts)
    return None


def _types(a: Alteration) -> tuple[str, str]:
    return (a.before.type if a.before else ""), (a.after.type if a.after else "")


def _key(a: Alteration, consumption: Consumption, facts: Facts) -> Ruling | None:
    """Both sides of a foreign key must compare, at the moment of this command."""
    here = (a.object.schema, a.object.name)
    others = [
        each.object
        for each in consumption.usages
        if each.object.kind is ObjectKind.COLUMN and each.relation != here
    ]
    if not others:
        return None  # a check or a key inside its own table: it is made anew
    _, after = _types(a)
    fits = []
    for other in others:
        shape = facts.start.column(other)
        fit = comparable(after, shape.type, facts.enums) if shape else None
        fits.append((other, shape.type if shape else "", fit))
    if all(fit is False for _, _, fit in fits):
        other, words, _ = fits[0]
        return Ruling(
            Verdict.BREAKS,
            f"cannot be kept: {other} is {words}, and that does not compare with {after}",
            refused=True,
        )
    final = [facts.final.column(other) for other, _, _ in fits]
    if any(shape is not None and same_type(shape.type, after) for shape in final):
        return Ruling(Verdict.SAFE, "has the same type on both sides in the end")
    other, words, _ = fits[0]
    return Ruling(Verdict.DEGRADES, f"joins {after} with {words or 'another type'}: {other} stays as it is")


def _text(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    before, after = _types(a)
    if same_type(before, after):
        return _same(a, consumption, facts)
    clash = _clash(a, consumption, facts)
    if clash is not None:
        return clash
    shown = f"{a.object.part} is {after or 'of another type'} now" + (f", not {before}" if before else "")
    is_code = consumption.kind in {ConsumerKind.CODE, ConsumerKind.STATEMENT}
    if widens(before, after):
        if is_code and not usage.computed:
            return Ruling(Verdict.SAFE, f"only reads, writes or compares it, and every {before} is a {after}")
        return Ruling(Verdict.DEGRADES, f"computes with it: {shown}")
    return Ruling(Verdict.DEGRADES, f"may not fit any more: {shown}")


def _clash(a: Alteration, consumption: Consumption, facts: Facts) -> Ruling | None:
    """What is compared with it, or takes it, must go with the new type too."""
    _, after = _types(a)
    for one, other in consumption.compared:
        if isinstance(other, Beside):
            why = _unfit(other, after, facts) if one == a.object else None
        else:
            mate = other if one == a.object else one if other == a.object else None
            why = _unlike(mate, after, facts) if mate is not None else None
        if why is not None:
            return Ruling(Verdict.BREAKS, why)
    return None


def _unlike(mate: ObjectName, after: str, facts: Facts) -> str | None:
    """Why a column that it is compared with does not go with the new type; None: it goes, or that is not known."""
    shape = facts.final.column(mate)
    if shape is None or comparable(after, shape.type, facts.enums) is not False:
        return None
    return f"compares it with {mate} ({shape.type}), which {after} does not compare with"


def _unfit(beside: Beside, after: str, facts: Facts) -> str | None:
    """Why what stands beside the column does not go with its new type; None: it goes, or that is not known."""
    match beside.kind:
        case BesideKind.NUMBER:
            if comparable(after, "numeric", facts.enums) is False:
                return f"compares it with a number, and {after} does not compare with one"
        case BesideKind.TEXT:
            if takes_text_operators(after) is False:
                return f"takes it for a text ({_in_words(beside.words)}), which {after} is not"
        case BesideKind.LITERAL:
            if reads(after, beside.words) is False:
                return f"compares it with {beside.words!r}, which is no {after}"
    return None


def _in_words(operator: str) -> str:
    """An operator as people write it."""
    kept = operator.removeprefix("!")
    return {"~~": "LIKE", "~~*": "ILIKE"}.get(kept, "a regular expression" if kept in {"~", "~*"} else kept)


def _same(a: Alteration, consumption: Consumption, facts: Facts) -> Ruling | None:
    """The type has the same name: an enum made anew with other labels, or values that are computed."""
    _, after = _types(a)
    found = sql_type(after)
    if found is not None:
        schema, _, name = found.name.rpartition(".")
        gone, come = _labels((schema or a.object.schema, name), facts)
        lost = sorted(gone & consumption.constants)
        if lost:
            return Ruling(Verdict.BREAKS, f"asks for the value {lost[0]!r}, which its type no longer has")
        if gone or come:
            told = ", ".join(repr(each) for each in sorted(gone | come))
            return Ruling(Verdict.DEGRADES, f"may not expect the values of the new type: {told}")
    if a.effect is not None and a.effect.overwrites:
        return Ruling(Verdict.DEGRADES, f"finds {a.object.part} computed anew (USING)")
    return None


def _labels(enum: Key, facts: Facts) -> tuple[frozenset[str], frozenset[str]]:
    """The labels that a type loses and gets."""
    before, after = (frozenset(each.labels.get(enum, ())) for each in (facts.start, facts.final))
    return before - after, after - before


def _given_out(a: Alteration, consumption: Consumption, facts: Facts) -> Ruling | None:
    before, after = _types(a)
    if same_type(before, after):
        return None
    is_code = consumption.kind in {ConsumerKind.CODE, ConsumerKind.STATEMENT}
    # What a function gives back is of a type without the length that stands behind it.
    is_kept = consumption.kind is ConsumerKind.FUNCTION and same_name(before, after)
    if (is_code or is_kept) and widens(before, after):
        return Ruling(Verdict.SAFE, f"takes all columns, and every {before} is a {after}")
    return Ruling(Verdict.DEGRADES, f"takes all columns: {a.object.part} is {after or 'of another type'} now")

"""How a step that commits statement by statement can be brought to one side after it stopped half way. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.planning.hidden_writes import called_functions, writes_besides, written_tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.model.capture import Capture
    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import Effect, RevisionEffects
    from coordinator.model.plan import Step

# What holds rows, or goes with them.
_WITH_DATA = frozenset({ObjectKind.SCHEMA, ObjectKind.RELATION, ObjectKind.COLUMN, ObjectKind.SEQUENCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What a half done step may have left, and what may be run to take that away.

    `made` are the objects that it makes, as far as its SQL tells. `writes`: it may have changed rows, which no catalog
    shows. `back` is its opposite function as a step, None when that must not be tried; `why_not` says why.
    """

    made: tuple[ObjectName, ...]
    writes: bool
    back: Step | None
    why_not: str = ""


def way_back(
    step: Step,
    back: Step,
    forth: RevisionEffects,
    effects: RevisionEffects,
    capture: Capture,
    *,
    catalog: Catalog,
    harmless: Collection[str],
) -> WayBack:
    """The way back from a half done `step`: `forth` is what it does, `effects` and `capture` are its opposite's.

    The opposite is tried only when it can destroy nothing that was there before the step: all of it is known, it
    changes no rows and no types, and of what holds data it only drops what the step itself makes. `harmless` are
    the names of functions that cannot write rows, `catalog` tells what else runs when tables are written.
    """
    made = tuple(dict.fromkeys(each.object for each in forth.of(Verb.CREATE)))
    function = f"{back.direction.value}()"
    why_not = ""
    if step.irreversible:
        why_not = f"the revision says that it is irreversible: {step.irreversible}"
    elif not capture.loaded or capture.error is not None:
        why_not = f"its {function} does not run by itself"
    elif capture.empty or not effects.effects:
        why_not = f"its {function} does nothing"
    elif effects.unknown:
        why_not = f"what its {function} does is not all known: {effects.unknown[0]}"
    else:
        risky = next((each for each in effects.effects if _may_destroy(each, made)), None)
        calls = sorted(called_functions(effects).difference(harmless))
        if risky is not None:
            why_not = f"its {function} {risky.verb.value} {risky.object.shown}, which may be as it was before"
        elif calls:
            why_not = f"its {function} calls function '{calls[0]}', which may change rows"
    return WayBack(
        made=made,
        writes=bool(forth.unknown)
        or any(_writes(each, made) for each in forth.of(Verb.WRITE))
        or not called_functions(forth).issubset(harmless)
        or writes_besides(catalog, written_tables(forth)),
        back=None if why_not else back,
        why_not=why_not,
    )


def _writes(effect: Effect, made: tuple[ObjectName, ...]) -> bool:
    """Whether rows that were there before are written, other than columns that the step itself makes."""
    table = effect.object
    parts = tuple(
        ObjectName(ObjectKind.COLUMN, table.schema, table.name, each) for each in effect.columns or ()
    )
    return table not in made and not (parts and all(each in made for each in parts))


def _may_destroy(effect: Effect, made: tuple[ObjectName, ...]) -> bool:
    match effect.verb:
        case Verb.WRITE | Verb.RETYPE:
            return True
        case Verb.DROP if effect.object.kind in _WITH_DATA or effect.cascade:
            return effect.object not in made and effect.object.relation not in made
        case Verb.CREATE:
            # The step has dropped it, with its rows; made anew it would be empty.
            return effect.object.kind in _WITH_DATA
    return False

"""Revisions of other modules as consumers: what they read and write while they run. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.effect import Holding, Verb
from coordinator.model.impact import ConsumerKind, Consumption, Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from coordinator.model.effect import Effect, RevisionEffects
    from coordinator.model.names import Place, RevisionKey


def revision_consumptions(
    effects: Mapping[RevisionKey, RevisionEffects],
    places: Mapping[RevisionKey, Place],
    *,
    module: str,
    pending: Collection[RevisionKey],
) -> tuple[Consumption, ...]:
    """One consumer for each line of a revision of another module that uses something for the moment."""
    found = []
    for key in sorted(effects, key=str):
        if key.module == module or key not in places:
            continue
        lines: dict[int, list[Usage]] = {}
        for effect in effects[key].of(Verb.USE, Verb.WRITE):
            lines.setdefault(effect.line, []).append(_usage(effect))
        for line, usages in lines.items():
            place = replace(places[key], line=line) if line else places[key]
            found.append(
                Consumption(
                    kind=ConsumerKind.REVISION,
                    name=str(key),
                    module=key.module,
                    place=str(place),
                    usages=tuple(dict.fromkeys(usages)),
                    since=key if key in pending else None,
                    file=place.file,
                )
            )
    return tuple(found)


def _usage(effect: Effect) -> Usage:
    return Usage(
        object=effect.object,
        holding=Holding.LATE,
        every=effect.every,
        writes=effect.verb is Verb.WRITE,
        columns=effect.columns if effect.verb is Verb.WRITE else None,
    )

"""Which way out fits which change. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.way_out import ways
from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.impact import Verdict, WayOut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coordinator.impact.branch import Branch
    from coordinator.impact.way_out.around import Around
    from coordinator.impact.world import Alteration
    from coordinator.model.impact import ChangeImpact, WayOutStep

    Way = Callable[[Alteration, ChangeImpact, Branch, Around], list[WayOutStep]]

_WAYS: dict[tuple[Verb, ObjectKind], Way] = {
    (Verb.DROP, ObjectKind.COLUMN): ways.drop,
    (Verb.DROP, ObjectKind.RELATION): ways.drop,
    (Verb.DROP, ObjectKind.FUNCTION): ways.drop,
    (Verb.DROP, ObjectKind.CONSTRAINT): ways.drop,
    (Verb.DROP, ObjectKind.TYPE): ways.drop,
    (Verb.RENAME, ObjectKind.COLUMN): ways.rename_column,
    (Verb.RENAME, ObjectKind.RELATION): ways.rename_relation,
    (Verb.RENAME, ObjectKind.LABEL): ways.rename_label,
    (Verb.RETYPE, ObjectKind.COLUMN): ways.retype,
    (Verb.TIGHTEN, ObjectKind.RELATION): ways.tighten,
    (Verb.REPLACE, ObjectKind.DEFAULT): ways.drop_default,
}


def ways_out(branch: Branch, impacts: Sequence[ChangeImpact], around: Around) -> tuple[WayOut, ...]:
    """One way out for each change that breaks somebody."""
    found: list[WayOut] = []
    for impact in impacts:
        if impact.verdict is not Verdict.BREAKS:
            continue
        alteration = _alteration(branch, impact)
        if alteration is None or alteration.effect is None:
            continue
        way = _WAYS.get((alteration.effect.verb, alteration.effect.object.kind))
        if way is None or alteration.effect.type == "always":
            continue  # under GENERATED ALWAYS writers give no value: there is no other end
        steps = way(alteration, impact, branch, around)
        found.append(WayOut(change=impact.change.description, steps=tuple(steps)))
    return tuple(found)


def _alteration(branch: Branch, impact: ChangeImpact) -> Alteration | None:
    """The alteration behind a change: of several the one that takes something away."""
    same = [
        each
        for each in branch.alterations
        if each.key == impact.revision
        and each.change.description == impact.change.description
        and each.change.line == impact.change.line
    ]
    endings = [each for each in same if each.verb in {Verb.DROP, Verb.RENAME, Verb.RETYPE, Verb.TIGHTEN}]
    return next(iter(endings or same), None)

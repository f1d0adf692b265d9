"""What authors said about the time they wrote for: `requires` and `seen` choose among a revision's options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.names import RevisionKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.planning.bindings import Choice
    from coordinator.planning.situation import Situation


def narrowed(choice: Choice, situation: Situation) -> Choice:
    """The choice with the options that agree with what the revision requires, or else with what it has seen."""
    tree = situation.trees.get(choice.toward)
    revision = situation.revisions[choice.key]
    if tree is None or len(choice.options) < 2:
        return choice
    required = [each.revision for each in revision.requires if each.module == choice.toward]
    seen = [head for module, head in revision.seen if module == choice.toward]
    for named in (required, seen):
        moment = _moment(named, choice.toward, situation)
        if moment is None:
            continue
        there = tuple(each for each in choice.options if each.first <= moment <= each.last)
        later = there or tuple(each for each in choice.options if each.last >= moment)
        if later:
            return replace(choice, options=later)
    return choice


def _moment(named: Iterable[str], module: str, situation: Situation) -> int | None:
    """The moment right after the last of these revisions; None when none of them is known."""

    keys = (RevisionKey(module, each) for each in named)
    positions = [situation.positions[key] for key in keys if key in situation.positions]
    return max(positions) + 1 if positions else None

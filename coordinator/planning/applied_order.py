"""The order in which applied revisions came in, as far as ledger, trees and effects can tell. Pure."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from coordinator.model.effect import Verb
from coordinator.model.names import RevisionKey
from coordinator.planning.alive import MAKES, USES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.effect import ObjectName, RevisionEffects
    from coordinator.model.revision import ModuleTree


def applied_order(
    trees: Sequence[ModuleTree],
    *,
    applied: Mapping[str, frozenset[str]],
    recorded: Sequence[RevisionKey],
    upgrades: Mapping[RevisionKey, RevisionEffects],
) -> tuple[RevisionKey, ...]:
    """All applied revisions, oldest first.

    `recorded` are those that runs applied, in that order. What plain Alembic applied has no time: it stands as early
    as its tree, what it requires, and the makers of what it uses allow.
    """
    known = {
        each.key: each
        for tree in trees
        for each in tree.revisions
        if each.key.revision in applied.get(tree.module.name, frozenset())
    }
    edges = _Edges(followers={key: set() for key in known})
    for key, revision in known.items():
        for parent in revision.parents:
            edges.add(RevisionKey(key.module, parent), key)
        for wanted in revision.requires:
            edges.add(wanted, key)
    firm = [key for key in recorded if key in known]
    for earlier, later in pairwise(firm):
        edges.add(earlier, later)
    ranks = {key: (1, place) for place, key in enumerate(firm)}
    _place_loose([key for key in known if key not in ranks], known, upgrades, edges)
    for place, key in enumerate(known):
        ranks.setdefault(key, (0, place))
    return edges.sorted(ranks)


def _place_loose(
    loose: Sequence[RevisionKey],
    known: Mapping[RevisionKey, object],
    upgrades: Mapping[RevisionKey, RevisionEffects],
    edges: _Edges,
) -> None:
    """Put each loose revision behind the only maker of what it uses, and before what ends that."""
    makers: dict[ObjectName, list[RevisionKey]] = {}
    for key in known:
        if key in upgrades:
            for effect in upgrades[key].of(*MAKES):
                made = effect.to if effect.verb is Verb.RENAME and effect.to else effect.object
                makers.setdefault(made, []).append(key)
    for key in loose:
        if key not in upgrades:
            continue
        own = {effect.object for effect in upgrades[key].of(Verb.CREATE)}
        for effect in upgrades[key].of(*USES):
            for name in (effect.object, effect.object.relation):
                found = makers.get(name, [])
                if len(found) == 1 and found[0] != key and name not in own:
                    edges.add_if_free(found[0], key)


@dataclass(slots=True)
class _Edges:
    """Who comes after whom."""

    followers: dict[RevisionKey, set[RevisionKey]] = field(default_factory=dict)

    def add(self, before: RevisionKey, after: RevisionKey) -> None:
        if before in self.followers and before != after:
            self.followers[before].add(after)

    def add_if_free(self, before: RevisionKey, after: RevisionKey) -> None:
        """Add it unless `before` comes after `after` already."""
        waiting, seen = [after], {after}
        while waiting:
            for each in self.followers[waiting.pop()]:
                if each == before:
                    return
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        self.add(before, after)

    def sorted(self, ranks: Mapping[RevisionKey, tuple[int, int]]) -> tuple[RevisionKey, ...]:
        """Everything in order, the lowest rank first among those that are free.

        A ledger that contradicts a tree makes a cycle: what is in one comes at the end, by rank.
        """
        open_before = dict.fromkeys(self.followers, 0)
        for followers in self.followers.values():
            for each in followers:
                open_before[each] += 1
        ready = [(ranks[key], key) for key, count in open_before.items() if not count]
        heapq.heapify(ready)
        order: list[RevisionKey] = []
        while ready:
            _, key = heapq.heappop(ready)
            order.append(key)
            for each in self.followers[key]:
                open_before[each] -= 1
                if not open_before[each]:
                    heapq.heappush(ready, (ranks[each], each))
        rest = sorted((key for key, count in open_before.items() if count), key=lambda each: ranks[each])
        return (*order, *rest)

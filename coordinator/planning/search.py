"""Finds the assignments of versions that have no cycle: the earliest first, then the others."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.graph.dependency_graph import DependencyGraph
from coordinator.graph.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency
    from coordinator.planning.bindings import Choice, Edge, Option

TRIES = 400  # assignments looked at before giving up; each costs one look at the whole graph


@dataclass(frozen=True, slots=True)
class Assignment:
    """One option for every choice, and the dependencies that follow from it. They have no cycle."""

    options: tuple[Option, ...]
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """No assignment is possible: the shortest cycle of the likeliest one."""

    cycle: tuple[Dependency, ...]


def settle(
    nodes: Sequence[RevisionKey], fixed: Sequence[Edge], choices: Sequence[Choice]
) -> tuple[Choice, ...]:
    """Take away the options that would contradict what is certain, until nothing changes any more."""
    remaining = list(choices)
    certain = [_pair(edge) for edge in fixed if not edge.soft]
    certain += [
        pair for choice in remaining if len(choice.options) == 1 for pair in _pairs(choice.options[0])
    ]
    open_choices = [number for number, choice in enumerate(remaining) if len(choice.options) > 1]
    while open_choices:
        reach = Reach(nodes, certain)
        still_open = []
        for number in open_choices:
            choice = remaining[number]
            possible = tuple(each for each in choice.options if not _contradicts(each, reach))
            if possible and len(possible) < len(choice.options):
                remaining[number] = choice = replace(choice, options=possible)
            if len(choice.options) == 1:
                certain.extend(_pairs(choice.options[0]))
            else:
                still_open.append(number)
        if len(still_open) == len(open_choices):
            break
        open_choices = still_open
    return tuple(remaining)


def _pair(edge: Edge) -> tuple[RevisionKey, RevisionKey]:
    return edge.dependency.before, edge.dependency.after


def _pairs(option: Option) -> Iterator[tuple[RevisionKey, RevisionKey]]:
    return (_pair(edge) for edge in option.edges if not edge.soft)


def _contradicts(option: Option, reach: Reach) -> bool:
    return any(reach.is_before(after, before) for before, after in _pairs(option))


def assignments(
    nodes: Sequence[RevisionKey], fixed: Sequence[Edge], choices: Sequence[Choice]
) -> Iterator[Assignment | Stuck]:
    """Assignments without a cycle, those with earlier versions first; one Stuck when there is none at all.

    Where an assignment has a cycle, only the choices on that cycle are moved on; so it does not matter how many
    others there are. Gives up after TRIES assignments.
    """
    open_choices = [number for number, choice in enumerate(choices) if len(choice.options) > 1]
    start = (0,) * len(open_choices)
    queue: list[tuple[int, tuple[int, ...]]] = [(0, start)]
    seen = {start}
    stuck: Stuck | None = None
    found = False
    for _ in range(TRIES):
        if not queue:
            break
        total, picks = heapq.heappop(queue)
        chosen = dict(zip(open_choices, picks, strict=True))
        options = tuple(choice.options[chosen.get(number, 0)] for number, choice in enumerate(choices))
        outcome = _try(nodes, fixed, options)
        if isinstance(outcome, Stuck):
            stuck = stuck or outcome
            movable = _on_cycle(outcome.cycle, open_choices, options)
        else:
            found = True
            yield outcome
            movable = list(range(len(open_choices)))
        for index in movable:
            later = (*picks[:index], picks[index] + 1, *picks[index + 1 :])
            if later[index] < len(choices[open_choices[index]].options) and later not in seen:
                seen.add(later)
                heapq.heappush(queue, (total + 1, later))
    if not found and stuck is not None:
        yield stuck


def _try(
    nodes: Sequence[RevisionKey], fixed: Sequence[Edge], options: Sequence[Option]
) -> Assignment | Stuck:
    edges = [*fixed, *(edge for option in options for edge in option.edges)]
    firm = [edge.dependency for edge in edges if not edge.soft]
    graph = DependencyGraph(nodes, firm)
    if not graph.is_acyclic():
        return Stuck(graph.shortest_cycle())
    soft = _harmless(nodes, firm, [edge.dependency for edge in edges if edge.soft])
    return Assignment(tuple(options), (*firm, *soft))


def _harmless(
    nodes: Sequence[RevisionKey], firm: Sequence[Dependency], soft: Sequence[Dependency]
) -> list[Dependency]:
    """The soft dependencies that close no cycle; of those on a cycle one gives way, and we look again."""
    kept = list(soft)
    while kept:
        graph = DependencyGraph(nodes, (*firm, *kept))
        if graph.is_acyclic():
            break
        guilty = next(each for each in graph.shortest_cycle() if each in kept)
        kept = [each for each in kept if (each.before, each.after) != (guilty.before, guilty.after)]
    return kept


def _on_cycle(
    cycle: Iterable[Dependency], open_choices: Sequence[int], options: Sequence[Option]
) -> list[int]:
    """The open choices one of whose edges is on the cycle."""
    pairs = {(each.before, each.after) for each in cycle}
    return [
        index
        for index, number in enumerate(open_choices)
        if any(_pair(edge) in pairs for edge in options[number].edges)
    ]

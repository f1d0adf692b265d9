"""Revisions and the dependencies between them: order, cycles, ancestors."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from coordinator.graph.library import networkx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency


class DependencyGraph:
    """Nodes and edges in a fixed order, so that the same input always gives the same answers.

    Edges whose ends are not both nodes are left out; of several edges between two revisions the first is kept
    for explanations.
    """

    def __init__(self, nodes: Iterable[RevisionKey], dependencies: Iterable[Dependency]) -> None:
        self._graph = networkx().DiGraph()
        self._graph.add_nodes_from(sorted(nodes))
        for each in dependencies:
            self._add(each)

    def _add(self, each: Dependency) -> None:
        graph = self._graph
        if each.before in graph and each.after in graph and not graph.has_edge(each.before, each.after):
            graph.add_edge(each.before, each.after, dependency=each)

    def order(self, choose: Callable[[Sequence[RevisionKey]], RevisionKey]) -> tuple[RevisionKey, ...]:
        """A topological order; among the revisions that are free, `choose` says which comes next.

        `choose` gets them sorted. Raises ValueError when there is a cycle.
        """
        waiting = dict(self._graph.in_degree())
        free = {key for key, count in waiting.items() if not count}
        ordered: list[RevisionKey] = []
        while free:
            key = choose(sorted(free))
            free.remove(key)
            ordered.append(key)
            for after in self._graph.successors(key):
                waiting[after] -= 1
                if not waiting[after]:
                    free.add(after)
        if len(ordered) < len(waiting):
            raise ValueError("the dependencies have a cycle")
        return tuple(ordered)

    def is_acyclic(self) -> bool:
        """Whether there is an order at all."""
        return bool(networkx().is_directed_acyclic_graph(self._graph))

    def shortest_cycle(self) -> tuple[Dependency, ...]:
        """The dependencies of a shortest cycle, in order round it; () when there is none."""
        best: tuple[RevisionKey, ...] = ()
        for component in networkx().strongly_connected_components(self._graph):
            if len(component) > 1:
                for start in sorted(component):
                    found = self._cycle_through(start, component, len(best))
                    if found and (not best or (len(found), found) < (len(best), best)):
                        best = found
        return tuple(
            self._graph.edges[before, after]["dependency"]
            for before, after in zip(best, (*best[1:], *best[:1]), strict=True)
        )

    def _cycle_through(
        self, start: RevisionKey, component: set[RevisionKey], limit: int
    ) -> tuple[RevisionKey, ...]:
        """The shortest way from a revision back to itself; () when it is longer than the limit."""
        came_from: dict[RevisionKey, tuple[RevisionKey, int]] = {}
        waiting = deque([(start, 1)])
        while waiting:
            key, length = waiting.popleft()
            if limit and length > limit:
                return ()
            for after in sorted(self._graph.successors(key)):
                if after == start:
                    return self._way(start, key, came_from)
                if after in component and after not in came_from:
                    came_from[after] = (key, length)
                    waiting.append((after, length + 1))
        return ()

    @staticmethod
    def _way(
        start: RevisionKey, end: RevisionKey, came_from: dict[RevisionKey, tuple[RevisionKey, int]]
    ) -> tuple[RevisionKey, ...]:
        way = [end]
        while way[-1] != start:
            way.append(came_from[way[-1]][0])
        return tuple(reversed(way))

    def with_ancestors(self, keys: Iterable[RevisionKey]) -> frozenset[RevisionKey]:
        """These revisions and all that must go before them."""
        found: set[RevisionKey] = set()
        for key in keys:
            if key in self._graph and key not in found:
                found |= {key} | networkx().ancestors(self._graph, key)
        return frozenset(found)

"""The order of modules: what others depend on first, cycles between modules condensed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.graph.library import networkx

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def module_ranks(
    modules: Collection[str], map_order: Sequence[str], needs: Mapping[str, Collection[str]]
) -> dict[str, int]:
    """A rank for each module; a lower one goes first where edges leave it open.

    `needs` says which modules each one depends on. Modules that need each other in turn are taken together, at
    the place of the first of them in the map. Modules that the map does not name come last, by name.
    """
    nx = networkx()
    place = {name: number for number, name in enumerate(map_order)}
    names = sorted(modules, key=lambda name: (place.get(name, len(place)), name))
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    for name in names:
        graph.add_edges_from(
            (need, name) for need in sorted(needs.get(name, ())) if need in place or need in graph
        )
    position = {name: number for number, name in enumerate(names)}
    condensed = nx.condensation(graph)
    first = {
        node: min(position.get(name, len(names)) for name in condensed.nodes[node]["members"])
        for node in condensed
    }
    ranks: dict[str, int] = {}
    for node in nx.lexicographical_topological_sort(condensed, key=lambda each: first[each]):
        for name in sorted(condensed.nodes[node]["members"], key=lambda each: position.get(each, len(names))):
            ranks[name] = len(ranks)
    return ranks

"""Which of the free steps comes next: what keeps the open transaction going first, then the map, then names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.graph.ranks import module_ranks
from coordinator.planning.stakes import stakes_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from coordinator.graph.dependency_graph import DependencyGraph
    from coordinator.model.names import RevisionKey
    from coordinator.planning.segments import Segmenting
    from coordinator.planning.situation import Situation


def order_steps(
    graph: DependencyGraph,
    situation: Situation,
    segmenting: Segmenting,
    map_order: Sequence[str],
    map_edges: Mapping[str, Collection[str]],
) -> tuple[RevisionKey, ...]:
    """The order of all steps in the graph.

    What destroys data in a run of several transactions waits until nothing else is free (see `stakes_of`).
    Among the other free ones: while a transaction is open, what can join it and leave it open; then what can join but
    closes it; else what cannot be in one, as long as there is any, before the next transaction begins. So a plan
    has as few transactions as its edges allow. Then the map's order, the module's name, the place in the tree.
    """
    ranks = module_ranks(situation.trees, map_order, map_edges)
    fit = segmenting.start()
    at_stake = stakes_of(situation, segmenting)

    def choose(free: Sequence[RevisionKey]) -> RevisionKey:
        key = min(
            free,
            key=lambda each: (
                each in at_stake,
                fit.cost(each),
                ranks[each.module],
                each.module,
                situation.positions[each],
            ),
        )
        fit.take(key)
        return key

    return graph.order(choose)

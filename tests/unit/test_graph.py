"""Order, cycles, ancestors and module ranks of small drawn graphs."""

from __future__ import annotations

import pytest

from coordinator.graph.dependency_graph import DependencyGraph
from coordinator.graph.ranks import module_ranks
from coordinator.graph.reach import Reach
from coordinator.model.names import RevisionKey
from coordinator.model.plan import Dependency, Reason


def key(name: str) -> RevisionKey:
    return RevisionKey("m", name)


def edges(drawing: str) -> list[Dependency]:
    """`"a>b b>c"`: a before b, b before c."""
    pairs = (each.split(">") for each in drawing.split())
    return [
        Dependency(before=key(first), after=key(second), reason=Reason.USES, why=f"{first}>{second}")
        for first, second in pairs
    ]


def graph(nodes: str, drawing: str) -> DependencyGraph:
    return DependencyGraph((key(each) for each in nodes), edges(drawing))


def names(keys: object) -> str:
    return "".join(each.revision for each in keys)  # type: ignore[attr-defined]  # an iterable of keys


def test_the_order_is_topological_and_the_choice_among_free_ones_is_the_callers() -> None:
    """
    a -- c
    b -- d
    """
    made = graph("dcba", "a>c b>d")
    assert names(made.order(lambda free: free[0])) == "abcd"
    assert names(made.order(lambda free: free[-1])) == "bdac"


def test_the_order_of_edges_and_nodes_does_not_matter() -> None:
    first, second = graph("abcd", "a>c b>d a>d"), graph("dbca", "a>d b>d a>c")
    assert first.order(lambda free: free[0]) == second.order(lambda free: free[0])


def test_an_edge_to_something_that_is_no_node_is_left_out() -> None:
    assert names(graph("ab", "x>a a>y").order(lambda free: free[0])) == "ab"


def test_the_shortest_cycle_is_told_edge_by_edge() -> None:
    """
    a -> b -> c -> a        c -> d -> c is shorter
    """
    made = graph("abcd", "a>b b>c c>a c>d d>c")
    assert not made.is_acyclic()
    assert [each.why for each in made.shortest_cycle()] == ["c>d", "d>c"]
    with pytest.raises(ValueError, match="cycle"):
        made.order(lambda free: free[0])


def test_of_two_cycles_of_one_length_the_first_by_name_is_told() -> None:
    assert [each.why for each in graph("abcd", "c>d d>c b>a a>b").shortest_cycle()] == ["a>b", "b>a"]


def test_without_a_cycle_there_is_none_to_tell() -> None:
    assert graph("abc", "a>b b>c a>c").shortest_cycle() == ()


def test_ancestors_are_all_that_must_go_before() -> None:
    assert sorted(names(graph("abcde", "a>b b>c d>e").with_ancestors([key("c")]))) == ["a", "b", "c"]


def test_reach_knows_what_comes_before_what() -> None:
    reach = Reach([key(each) for each in "abcd"], [(key("a"), key("b")), (key("b"), key("c"))])
    assert reach.complete
    assert reach.is_before(key("a"), key("c"))
    assert not reach.is_before(key("c"), key("a"))
    assert not reach.is_before(key("a"), key("d"))


def test_reach_says_that_a_cycle_leaves_it_incomplete() -> None:
    assert not Reach([key("a"), key("b")], [(key("a"), key("b")), (key("b"), key("a"))]).complete


def test_modules_rank_by_need_then_by_the_map_then_by_name() -> None:
    ranks = module_ranks(["c", "a", "b", "z"], ["b", "a"], {"b": {"z"}})
    assert sorted(ranks, key=ranks.__getitem__) == ["a", "c", "z", "b"]


def test_modules_that_need_each_other_rank_together_in_the_maps_order() -> None:
    ranks = module_ranks(["a", "b", "c"], ["c", "b", "a"], {"a": {"c"}, "b": {"c"}, "c": {"b"}})
    assert sorted(ranks, key=ranks.__getitem__) == ["c", "b", "a"]

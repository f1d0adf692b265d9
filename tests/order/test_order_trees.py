"""Fourteen pairs of trees with one right order each, or a few: the planner against every order that runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import RefusedError
from tests.order.forest import Forest, Oracle, orders_of, plan_of, swapped

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES: dict[str, Forest] = {
    case["name"]: {
        name: [(each["revision"], each["upgrade"]) for each in chain] for name, chain in case["trees"].items()
    }
    for case in json.loads(Path(__file__).with_name("order_trees.json").read_text(encoding="utf-8"))["cases"]
}
CYCLE = "true cycle"


def both_ways() -> Iterator[object]:
    """Each pair of trees as it stands and with the module names exchanged, so that no name can help."""
    for name, forest in CASES.items():
        if name != CYCLE:
            yield pytest.param(forest, id=name)
            yield pytest.param(swapped(forest), id=f"{name}, names exchanged")


def test_there_are_fourteen_pairs() -> None:
    assert len(CASES) == 14


@pytest.mark.postgres
@pytest.mark.parametrize("forest", tuple(both_ways()))
@pytest.mark.parametrize("map_order", [("one", "two"), ("two", "one")])
def test_an_order_that_runs_is_among_the_first_that_a_rehearsal_tries(
    oracle: Oracle, forest: Forest, map_order: tuple[str, str]
) -> None:
    right = oracle.orders(forest)
    tried = orders_of(plan_of(forest, map_order=map_order))
    found = next((order for order in tried[:4] if oracle.runs(forest, order)), None)
    assert right, "the oracle knows an order"
    assert found in right, f"{tried} against {right}"


@pytest.mark.postgres
@pytest.mark.parametrize("forest", [CASES[CYCLE], swapped(CASES[CYCLE])], ids=["as it stands", "exchanged"])
def test_a_true_cycle_is_refused_with_the_reason_and_place_of_each_edge(
    oracle: Oracle, forest: Forest
) -> None:
    assert oracle.orders(forest) == set()
    with pytest.raises(RefusedError, match="cannot be ordered") as caught:
        plan_of(forest)
    (finding,) = caught.value.findings
    assert finding.rule == "cycle"
    assert "one:" in finding.message
    assert "two:" in finding.message
    assert finding.message.count(".py:") >= 2
    assert finding.help is not None
    assert finding.help.startswith("split '")

"""For random trees: where any order runs on PostgreSQL, one of the planned ones does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings

from coordinator.errors import RefusedError
from tests.order.forest import Forest, Oracle, orders_of, plan_of, swapped
from tests.order.strategies import forests

if TYPE_CHECKING:
    from coordinator.planning.planner import PlanCandidates


def planned(forest: Forest) -> PlanCandidates | RefusedError:
    """The plans, or the refusal."""
    try:
        return plan_of(forest)
    except RefusedError as error:
        return error


@pytest.mark.postgres
@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,  # the same trees every time: a run of the tests is bounded in time and can be repeated
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(forest=forests())
def test_where_any_order_runs_one_of_the_planned_orders_runs(oracle: Oracle, forest: Forest) -> None:
    right = oracle.orders(forest)
    outcome = planned(forest)
    if isinstance(outcome, RefusedError):
        event("refused")
        assert right == set(), f"{sorted(right)} run: {[each.message for each in outcome.findings]}"
        return
    tried = orders_of(outcome)
    found = next((number for number, order in enumerate(tried, start=1) if order in right), None)
    event(f"right at try {found}" if found else "no order runs")
    assert found is not None or not right, f"tried {tried}, but {sorted(right)} run"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(forest=forests())
def test_the_same_trees_in_any_order_of_input_give_the_same_plans(forest: Forest) -> None:
    outcome, turned = planned(forest), planned(dict(reversed(list(forest.items()))))
    if isinstance(outcome, RefusedError):
        assert isinstance(turned, RefusedError)
        assert turned.findings == outcome.findings
    else:
        assert turned == outcome


@settings(max_examples=40, deadline=None, derandomize=True)
@given(forest=forests())
def test_every_plan_keeps_each_trees_own_order_and_its_own_reasons(forest: Forest) -> None:
    for each in (forest, swapped(forest)):
        outcome = planned(each)
        for plan in () if isinstance(outcome, RefusedError) else outcome.plans:
            position = {step.key: step.position for step in plan.steps}
            for name, chain in each.items():
                own = [step.key.revision for step in plan.steps if step.key.module == name]
                assert own == [revision for revision, _ in chain]
            assert all(position[why.before] < step.position for step in plan.steps for why in step.because)

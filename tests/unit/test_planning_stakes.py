"""What destroys data is committed last, where a run has more than one transaction."""

from __future__ import annotations

from coordinator.model.plan import Atomicity
from tests.planning_builders import Forest, Rev, order, plan

INDEX = "create index concurrently i on t(id)"


def forest(*, index: bool) -> Forest:
    """
    one:  a1 -- a2 (drops c)
    two:  b1 -- b2 (an index, perhaps concurrently)
    """
    return {
        "one": [Rev("a1", "create table t(id int, c int)"), Rev("a2", "alter table t drop c")],
        "two": [
            Rev("b1", "create table t(id int)"),
            Rev("b2", INDEX if index else "create index i on t(id)", autocommit=index),
        ],
    }


def test_a_dropped_column_waits_for_the_index_that_cannot_share_its_transaction() -> None:
    made = plan(forest(index=True), applied="one:a1 two:b1")
    assert order(made) == "two:b2 | one:a2"


def test_in_one_transaction_nothing_has_to_wait() -> None:
    made = plan(forest(index=False), applied="one:a1 two:b1")
    assert order(made) == "one:a2 two:b2"


def test_what_the_run_itself_makes_is_not_at_stake() -> None:
    assert order(plan(forest(index=True))) == "one:a1 one:a2 two:b1 | two:b2"


def test_step_by_step_it_is_last_too() -> None:
    made = plan(forest(index=False), applied="one:a1 two:b1", atomicity=Atomicity.STEP)
    assert order(made) == "two:b2 | one:a2"

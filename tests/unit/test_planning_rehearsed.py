"""What only the rehearsal could decide is recorded as its finding."""

from __future__ import annotations

from coordinator.model.plan import Reason
from coordinator.planning.rehearsed import found_by_rehearsal
from tests.planning_builders import Forest, Rev, candidates, order

# The reader may mean the column before its type changed, or after.
AMBIGUOUS: Forest = {
    "one": [Rev("a1", "create table t(id int, c int)"), Rev("a2", "alter table t alter c type text")],
    "two": [Rev("b1", "create table r as select c from one.t")],
}


def test_the_edges_that_decided_are_marked_and_the_others_are_not() -> None:
    first, second = candidates(AMBIGUOUS).plans
    chosen = found_by_rehearsal(second, (first, second))
    assert order(chosen) == order(second)
    reasons = {
        (str(edge.before), str(edge.after)): edge.reason for step in chosen.steps for edge in step.because
    }
    assert reasons["one:a1", "one:a2"] is Reason.FOLLOWS
    assert reasons["one:a2", "two:b1"] is Reason.REHEARSED
    assert (
        chosen.findings[-1].message == "2 orders were possible; number 2 is the first that ran in rehearsal"
    )


def test_a_plan_without_a_rival_comes_back_as_it_is() -> None:
    (only,) = candidates({"one": AMBIGUOUS["one"]}).plans
    assert found_by_rehearsal(only, (only,)) is only

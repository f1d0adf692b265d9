"""Each module's part of a run, the way back, and what a rollback must take along."""

from __future__ import annotations

from coordinator.model.capture import Direction
from coordinator.model.effect import RevisionEffects
from coordinator.model.names import RevisionKey
from coordinator.planning.reverse import opposite_step, reverse_plan
from coordinator.planning.scope import rollback_scope
from coordinator.revisions.effects import effects_of
from tests.planning_builders import Forest, Rev, captured, effects, key, order, plan, tree

FOREST: Forest = {
    "one": [Rev("a1", "create table t(id int, c int)"), Rev("a2", "alter table t drop c")],
    "two": [Rev("b1", "create table r as select c from one.t"), Rev("b2", "create index i on r(c)")],
    "three": [Rev("c1", "create view v as select id from one.t")],
}
BACK: Forest = {
    "one": [Rev("a1", "drop table t"), Rev("a2", "alter table t add c int;")],
    "two": [Rev("b1", "drop table r"), Rev("b2", "drop index concurrently i", autocommit=True)],
}
UPGRADES = {
    RevisionKey(name, each.name): captured(name, each) for name, chain in FOREST.items() for each in chain
}
DOWNGRADES = {
    RevisionKey(name, each.name): captured(name, each, Direction.DOWNGRADE)
    for name, chain in BACK.items()
    for each in chain
}


def test_a_modules_part_names_its_changes_whom_they_affect_and_what_they_need() -> None:
    parts = {part.module: part for part in plan(FOREST, downgrades=DOWNGRADES).modules}
    assert [change.description for change in parts["one"].changes] == [
        "creates table 'one.t'",
        "drops column 'one.t.c'",
    ]
    assert parts["one"].affected_modules == ("three", "two")
    assert parts["one"].dependencies == (
        "'one:a2' drops column 'one.t.c', which 'two:b1' uses (two/b1.py:11)",
    )
    assert parts["two"].affected_modules == ()
    assert parts["two"].dependencies[0].startswith("'two:b1' uses column 'one.t.c', which 'one:a1' creates")


def test_the_rollback_script_is_the_downgrades_newest_first_and_says_what_is_not_known() -> None:
    parts = {part.module: part for part in plan(FOREST, downgrades=DOWNGRADES).modules}
    assert parts["one"].rollback_script.splitlines() == [
        "-- one:a2 message of a2",
        "alter table t add c int;",
        "-- one:a1 message of a1",
        "drop table t;",
    ]
    assert "not captured" in parts["three"].rollback_script


def test_reversing_runs_backwards_by_downgrades_and_cuts_where_a_downgrade_needs_it() -> None:
    made = plan(FOREST)
    assert order(made) == "one:a1 three:c1 two:b1 one:a2 two:b2"
    back = reverse_plan(made.segments, UPGRADES, DOWNGRADES)
    assert order(back) == "two:b2 | one:a2 two:b1 three:c1 one:a1"
    assert {step.direction for step in back.steps} == {Direction.DOWNGRADE}
    assert [segment.transactional for segment in back.segments] == [False, True]
    assert [step.position for step in back.steps] == [1, 2, 3, 4, 5]


def test_reversing_a_reversal_is_the_order_of_the_plan() -> None:
    made = plan(FOREST)
    back = reverse_plan(made.segments, UPGRADES, DOWNGRADES)
    again = reverse_plan(back.segments, UPGRADES, DOWNGRADES)
    assert [step.key for step in again.steps] == [step.key for step in made.steps]
    assert {step.direction for step in again.steps} == {Direction.UPGRADE}


def test_segments_that_were_committed_apart_are_taken_back_apart() -> None:
    from coordinator.model.plan import Atomicity

    made = plan(FOREST, atomicity=Atomicity.STEP)
    assert len(reverse_plan(made.segments, UPGRADES, DOWNGRADES).segments) == 5


def test_the_opposite_of_a_step_asks_the_other_function_whether_it_can_share_a_transaction() -> None:
    step = next(step for step in plan(FOREST).steps if step.key == key("two:b2"))
    back = opposite_step(step, UPGRADES, DOWNGRADES)
    assert (step.transactional, back.transactional) == (True, False)
    assert opposite_step(back, UPGRADES, DOWNGRADES).transactional


def scope(*chosen: str) -> list[str]:
    applied = ["one:a1", "three:c1", "two:b1", "one:a2", "two:b2"]
    found = rollback_scope(
        [key(each) for each in chosen],
        order=[key(each) for each in applied],
        trees=[tree(name, chain) for name, chain in FOREST.items()],
        upgrades=effects(FOREST),
        downgrades={name: effects_of(capture, schema=name.module) for name, capture in DOWNGRADES.items()},
    )
    return [str(each) for each in found.keys]


def test_a_rollback_takes_along_what_follows_in_the_same_tree() -> None:
    assert scope("two:b1") == ["two:b2", "two:b1"]


def test_a_rollback_takes_along_what_uses_what_is_unmade() -> None:
    assert scope("one:a1") == ["two:b2", "one:a2", "two:b1", "three:c1", "one:a1"]


def test_a_rollback_leaves_what_has_nothing_to_do_with_it() -> None:
    assert scope("three:c1") == ["three:c1"]
    assert scope("one:a2") == ["one:a2"]


def test_a_rollback_takes_along_what_ended_what_its_downgrade_uses() -> None:
    """b1's downgrade writes one.t.c, which one:a2 has dropped since: that goes back first."""
    writes = effects_of(
        captured("two", Rev("b1", "update one.t set c = 1"), Direction.DOWNGRADE), schema="two"
    )
    ups = effects(FOREST)
    found = rollback_scope(
        [key("two:b1")],
        order=[key("one:a1"), key("two:b1"), key("one:a2")],
        trees=[tree(name, chain) for name, chain in FOREST.items()],
        upgrades=ups,
        downgrades={key("two:b1"): writes, key("one:a2"): RevisionEffects(key=key("one:a2"))},
    )
    assert [str(each) for each in found.keys] == ["one:a2", "two:b1"]

"""Which steps share a transaction, and what a plan promises."""

from __future__ import annotations

import pytest

from coordinator.errors import RefusedError
from coordinator.model.plan import Atomicity, Guarantee
from tests.planning_builders import Forest, Rev, order, plan

INDEX = "create index concurrently i on t(id)"


def test_everything_that_can_is_one_transaction() -> None:
    made = plan({"one": [Rev("a1", "create table t(id int)")], "two": [Rev("b1")]})
    assert order(made) == "one:a1 two:b1"
    assert made.guarantee is Guarantee.ONE_TRANSACTION


def test_steps_that_cannot_share_a_transaction_come_as_late_as_their_edges_allow() -> None:
    """Six modules of four revisions, each last one concurrent: one transaction and six single steps behind it."""
    forest: Forest = {
        f"m{number}": [
            Rev("r1", "create table t(id int)"),
            Rev("r2", "alter table t add c int"),
            Rev("r3", "alter table t add d int"),
            Rev("r4", INDEX, autocommit=True),
        ]
        for number in range(6)
    }
    made = plan(forest)
    assert [len(segment.steps) for segment in made.segments] == [18, 1, 1, 1, 1, 1, 1]
    assert [segment.transactional for segment in made.segments] == [True] + [False] * 6
    assert made.guarantee is Guarantee.SEGMENTS


def test_once_outside_all_that_must_be_outside_runs_before_the_next_transaction_begins() -> None:
    """
    one:  a1 -- a2 (alone) -- a3
    two:  b1 -- b2 (alone) -- b3
    """
    chain = [
        Rev("r1", "create table t(id int)"),
        Rev("r2", INDEX, autocommit=True),
        Rev("r3", "drop index i"),
    ]
    made = plan({"one": chain, "two": chain})
    assert order(made) == "one:r1 two:r1 | one:r2 | two:r2 | one:r3 two:r3"


def test_a_concurrent_index_is_known_from_its_sql_even_outside_an_autocommit_block() -> None:
    made = plan({"one": [Rev("a1", "create table t(id int)"), Rev("a2", INDEX)]})
    assert [step.transactional for step in made.steps] == [True, False]


def test_the_transaction_ends_after_an_added_enum_value_and_such_a_step_closes_it_as_late_as_it_can() -> None:
    forest: Forest = {
        "one": [
            Rev("a1", "alter type mood add value 'calm'"),
            Rev("a2", "create table t(m mood default 'calm')"),
        ],
        "two": [Rev("b1"), Rev("b2")],
    }
    assert order(plan(forest)) == "two:b1 two:b2 one:a1 | one:a2"


def test_an_added_enum_value_at_the_very_end_cuts_nothing() -> None:
    made = plan({"one": [Rev("a1"), Rev("a2", "alter type mood add value 'calm'")]})
    assert order(made) == "one:a1 one:a2"
    assert made.guarantee is Guarantee.ONE_TRANSACTION


def test_step_by_step_gives_each_step_a_segment_of_its_own() -> None:
    made = plan({"one": [Rev("a1"), Rev("a2")]}, atomicity=Atomicity.STEP)
    assert order(made) == "one:a1 | one:a2"
    assert made.guarantee is Guarantee.STEPS


def test_all_or_nothing_refuses_what_cannot_be_and_names_the_steps() -> None:
    forest: Forest = {
        "one": [Rev("a1", "alter type mood add value 'calm'"), Rev("a2")],
        "two": [Rev("b1", INDEX, autocommit=True)],
    }
    with pytest.raises(RefusedError, match="because of 'two:b1', 'one:a1'") as caught:
        plan(forest, atomicity=Atomicity.RUN)
    assert [finding.message for finding in caught.value.findings] == [
        "'two:b1' cannot run inside a transaction (line 11).",
        "'one:a1' adds the value 'calm' to 'one.mood', which cannot be used before a commit.",
    ]
    assert caught.value.exit_code == 1


def test_all_or_nothing_refuses_a_single_step_that_cannot_be_in_a_transaction() -> None:
    with pytest.raises(RefusedError, match="'one:a1'"):
        plan({"one": [Rev("a1", "vacuum")]}, atomicity=Atomicity.RUN)


def test_all_or_nothing_accepts_a_plan_that_can_be() -> None:
    assert (
        plan({"one": [Rev("a1"), Rev("a2")]}, atomicity=Atomicity.RUN).guarantee is Guarantee.ONE_TRANSACTION
    )


def test_more_locks_than_the_server_has_room_for_cut_the_plan() -> None:
    forest: Forest = {"one": [Rev(f"a{number}", f"create table t{number}(id int)") for number in range(10)]}
    assert len(plan(forest, lock_capacity=6400).segments) == 1
    assert len(plan(forest, lock_capacity=100).segments) == 2
    with pytest.raises(RefusedError, match="one transaction") as caught:
        plan(forest, lock_capacity=100, atomicity=Atomicity.RUN)
    assert "more locks than the server's table of 100 holds" in caught.value.findings[0].message


def test_equal_plans_have_equal_digests_and_other_plans_have_others() -> None:
    forest: Forest = {"one": [Rev("a1"), Rev("a2")], "two": [Rev("b1")]}
    first, again = plan(forest), plan(forest)
    assert first.digest == again.digest
    others = {
        plan(forest, map_order=("two", "one")).digest,
        plan(forest, atomicity=Atomicity.STEP).digest,
        plan(forest, applied="one:a1").digest,
    }
    assert len({first.digest, *others}) == 4

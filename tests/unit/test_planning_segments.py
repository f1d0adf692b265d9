"""Which steps share a transaction, and what a plan promises."""

from __future__ import annotations

import pytest

from coordinator.errors import RefusedError
from coordinator.model.capture import Direction
from coordinator.model.finding import Severity
from coordinator.model.lock_table import LockTable, TableTree
from coordinator.model.locks import SegmentLocks
from coordinator.model.plan import Atomicity, Guarantee, RunPlan
from coordinator.model.rehearsal import Rehearsal
from coordinator.planning.lock_entries import overfull
from tests.planning_builders import Forest, Rev, order, plan, rules

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
    assert len(plan(forest, lock_table=LockTable(capacity=6400)).segments) == 1
    small = LockTable(capacity=50, sessions=5)
    assert len(plan(forest, lock_table=small).segments) == 2
    with pytest.raises(RefusedError, match="one transaction because of 'one:a8'") as caught:
        plan(forest, lock_table=small, atomicity=Atomicity.RUN)
    assert "more locks than the server's table of 50 holds" in caught.value.findings[0].message
    assert "raise max_locks_per_transaction to 12 " in (caught.value.help or "")
    raised = LockTable(capacity=12 * 5, sessions=5)
    assert len(plan(forest, lock_table=raised, atomicity=Atomicity.RUN).segments) == 1


def test_what_is_locked_twice_in_one_transaction_takes_its_place_once() -> None:
    forest: Forest = {"one": [Rev(f"a{number}", f"alter table t add c{number} int") for number in range(50)]}
    [segment] = plan(forest, lock_table=LockTable(capacity=20)).segments
    assert segment.lock_entries == 3


def test_a_change_of_a_partitioned_table_locks_all_its_partitions() -> None:
    forest: Forest = {
        "one": [
            Rev("a1", "alter table small add c int"),
            Rev("a2", "alter table large add c int"),
            Rev("a3", "alter table large add d int"),
            Rev("a4", "alter table small add d int"),
        ]
    }
    trees = {("one", "large"): TableTree(relations=90, indexes=0)}
    made = plan(forest, lock_table=LockTable(capacity=100, trees=trees))
    assert order(made) == "one:a1 | one:a2 one:a3 | one:a4"
    assert (
        order(plan(forest, lock_table=LockTable(capacity=200, trees=trees))) == "one:a1 one:a2 one:a3 one:a4"
    )


@pytest.mark.parametrize(
    ("sql", "entries"),
    [
        ("alter table p add c int", 21),
        ("alter table p alter c set not null", 21),
        ("alter table p drop column c", 42),
        ("alter table p alter c type bigint", 189),
        ("create index i on p (c)", 42),
        ("alter table p add unique (c)", 42),
        ("create table n (k int references p)", 27),
        ("drop index pi", 42),
        ("drop table p", 189),
        ("update p set c = 1", 63),
        ("insert into p values (1)", 3),
        ("select 1 from p where c = 1", 3),
        ("alter table p rename to q", 3),
        ("alter table p enable row level security", 3),
        ("alter table p3 add c int", 3),
    ],
)
def test_what_statements_take_of_the_lock_table_is_about_what_was_measured(sql: str, entries: int) -> None:
    """Twenty partitions with two indexes each; pg_locks tells 22, 22, 43, 202, 43, 43, 24, 43, 167, 61, 3, 4, 2, 2, 2."""
    trees = {
        ("one", "p"): TableTree(relations=21, indexes=42),
        ("one", "pi"): TableTree(relations=21, indexes=0),
    }
    [segment] = plan({"one": [Rev("a1", sql)]}, lock_table=LockTable(capacity=1000, trees=trees)).segments
    assert segment.lock_entries == entries


def test_a_step_that_takes_more_than_there_is_is_named_with_the_number() -> None:
    forest: Forest = {
        "one": [Rev("a1", "\n".join(f"create table t{number}(id int)" for number in range(30)))]
    }
    made = plan(forest, lock_table=LockTable(capacity=100, sessions=10))
    assert rules(made) == ["lock-table"]
    assert made.findings[0].severity is Severity.WARNING
    assert made.findings[0].message == (
        "'one:a1' takes about 120 entries of the server's lock table, which is made for 100."
    )
    assert "raise max_locks_per_transaction to 18 and restart the server" in (made.findings[0].help or "")
    assert not plan(forest, lock_table=LockTable(capacity=120, sessions=10)).findings


def test_a_rehearsal_counts_where_the_text_only_tells_about_how_many() -> None:
    table = LockTable(capacity=100, sessions=10)
    made = plan(
        {"one": [Rev("a1", "\n".join(f"create table t{n}(id int)" for n in range(30)))]}, lock_table=table
    )
    assert overfull(made, table)
    assert not overfull(made, table, _counted(made, 90))
    [found] = overfull(made, table, _counted(made, 101))
    assert found.message == "'one:a1' takes 101 entries of the server's lock table, which is made for 100."


def _counted(of: RunPlan, entries: int) -> Rehearsal:
    [segment] = of.segments
    keys = tuple(step.key for step in segment.steps)
    locks = SegmentLocks(direction=Direction.UPGRADE, steps=keys, tables=(), entries=entries)
    return Rehearsal(
        where="here", server_version=150000, steps=(), seconds=0.0, reversed_whole=True, locks=(locks,)
    )


def test_steps_that_cannot_share_a_transaction_are_not_blamed_on_the_lock_table() -> None:
    forest: Forest = {"one": [Rev("a1"), Rev("a2", INDEX, autocommit=True), Rev("a3")]}
    with pytest.raises(RefusedError, match="because of 'one:a2'") as caught:
        plan(forest, lock_table=LockTable(capacity=100, sessions=10), atomicity=Atomicity.RUN)
    assert len(caught.value.findings) == 1
    assert "max_locks_per_transaction" not in (caught.value.help or "")


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

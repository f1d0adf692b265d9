"""Which order a plan has, and why: versions, declarations, the map and names."""

from __future__ import annotations

import pytest

from coordinator.errors import RefusedError
from coordinator.model.effect import LastingUse, ObjectKind, ObjectName
from coordinator.model.finding import Severity
from coordinator.model.plan import Reason
from tests.planning_builders import Forest, Rev, candidates, key, order, plan, rules


def test_a_reader_goes_between_the_revision_that_adds_its_column_and_the_one_that_drops_it() -> None:
    """
    one:  a1 -- a2 (adds c) ------- a3 (drops c)
    two:               b1 (reads c)
    """
    forest: Forest = {
        "one": [
            Rev("a1", "create table t(id int)"),
            Rev("a2", "alter table t add c int"),
            Rev("a3", "alter table t drop c"),
        ],
        "two": [Rev("b1", "create table r as select c from one.t")],
    }
    made = plan(forest)
    assert order(made) == "one:a1 one:a2 two:b1 one:a3"
    reader, dropper = made.steps[2], made.steps[3]
    assert [(each.before, each.reason) for each in reader.because] == [
        (key("one:a2"), Reason.USES),
        (key("one:a1"), Reason.USES),
    ]
    why = next(each for each in dropper.because if each.reason is Reason.ENDS)
    assert why.why == "'one:a3' drops column 'one.t.c', which 'two:b1' uses (two/b1.py:11)"
    assert str(why.place) == "one/a3.py:11"


def test_a_change_says_which_other_module_uses_what_it_takes_away() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(id int, c int)"), Rev("a2", "alter table t drop c")],
        "two": [Rev("b1", "create table r as select c from one.t")],
    }
    made = plan(forest)
    (change,) = made.steps[-1].changes
    assert change.description == "drops column 'one.t.c'"
    assert change.impact_analysis == ("'one:a2' drops column 'one.t.c', which 'two:b1' uses (two/b1.py:11)",)
    assert change.loses_data


def test_modules_may_need_each_other_in_turn() -> None:
    """
    one:  a1 ---------- a2 (key to two.b)
             \\         /
    two:      b1 (key to one.a) -- b2
    """
    forest: Forest = {
        "one": [
            Rev("a1", "create table a(id int primary key)"),
            Rev("a2", "create table c(i int references two.b(id))"),
        ],
        "two": [
            Rev("b1", "create table b(id int primary key references one.a(id))"),
            Rev("b2", "create table d(i int references one.c)"),
        ],
    }
    assert order(plan(forest)) == "one:a1 two:b1 one:a2 two:b2"


def test_a_foreign_key_without_columns_waits_for_the_primary_key() -> None:
    forest: Forest = {
        "one": [Rev("b1", "create table r(i int references two.t)")],
        "two": [Rev("a1", "create table t(id int)"), Rev("a2", "alter table t add primary key (id)")],
    }
    assert order(plan(forest)) == "two:a1 two:a2 one:b1"


def test_a_function_body_is_a_lasting_use_that_its_replacement_releases() -> None:
    start = "create or replace function f() returns bigint language plpgsql as"
    body = start + " $$ begin return (select sum({c}) from one.t); end $$"
    forest: Forest = {
        "one": [
            Rev("a1", "create table t(c int)"),
            Rev("a2", "alter table t add d int"),
            Rev("a3", "alter table t drop c"),
        ],
        "two": [Rev("b1", body.format(c="c")), Rev("b2", body.format(c="d"))],
    }
    made = plan(forest)
    assert order(made) == "one:a1 one:a2 two:b1 two:b2 one:a3"
    assert any(each.reason is Reason.RELEASES for each in made.steps[-1].because)


def test_a_plpgsql_body_may_name_what_comes_later_since_nobody_checks_it_before() -> None:
    """two.f names one.t; one.t's default calls two.f: only the function can be first."""
    forest: Forest = {
        "one": [Rev("a1", "create table t(c bigint default two.f())")],
        "two": [
            Rev(
                "b1",
                "create function f() returns bigint language plpgsql as $$ begin return (select count(c) from one.t); end $$",
            )
        ],
    }
    assert order(plan(forest)) == "two:b1 one:a1"


def test_a_view_follows_a_rename_but_its_making_does_not() -> None:
    """
    one:  a1 (c) ------------- a2 (c is now d) ---------------- a3 (drops d)
    two:          b1 (view of c) -------------- b2 (drops view)
    """
    forest: Forest = {
        "one": [
            Rev("a1", "create table t(c int, e int)"),
            Rev("a2", "alter table t rename c to d"),
            Rev("a3", "alter table t drop d"),
        ],
        "two": [Rev("b1", "create view v as select c from one.t"), Rev("b2", "drop view v")],
    }
    made = plan(forest)
    steps = order(made).split()
    assert steps.index("two:b1") < steps.index("one:a2")
    assert steps.index("two:b2") < steps.index("one:a3")
    assert rules(made) == []


def test_renaming_a_table_renames_its_columns_and_what_holds_them() -> None:
    forest: Forest = {
        "one": [
            Rev("a1", "create table t(id int primary key, c int)"),
            Rev("a2", "alter table t rename to u"),
            Rev("a3", "alter table u drop c"),
        ],
        "two": [
            Rev("b1", "create view v as select id, c from one.t"),
            Rev("b2", "create or replace view w as select id from one.u"),
            Rev("b3", "drop view v"),
        ],
    }
    assert order(plan(forest)) == "one:a1 two:b1 one:a2 two:b2 two:b3 one:a3"


def test_what_another_module_renames_is_used_by_its_old_name_before_and_by_its_new_name_after() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(id int)"), Rev("a2", "insert into t values (1)")],
        "three": [Rev("c1", "create table r as select id from one.u")],
        "two": [Rev("b1", "alter table one.t rename to u")],
    }
    assert order(plan(forest)) == "one:a1 one:a2 two:b1 three:c1"


def test_dropping_if_exists_first_does_not_make_an_older_version() -> None:
    forest: Forest = {
        "one": [Rev("a1", "drop table if exists t\ncreate table t(id int)")],
        "two": [Rev("b1", "create table r as select id from one.t")],
    }
    assert order(plan(forest, map_order=("two", "one"))) == "one:a1 two:b1"
    assert candidates(forest).is_certain


# -- declared ------------------------------------------------------------------------------------------------------


def test_requires_is_an_edge_and_says_which_version_is_meant() -> None:
    forest: Forest = {
        "one": [
            Rev("a1", "create table t(c int)"),
            Rev("a2", "alter table t alter c type text"),
        ],
        "two": [Rev("b1", "create table r as select c from one.t", requires=("one:a2",))],
    }
    found = candidates(forest)
    assert found.is_certain
    assert order(found.plans[0]) == "one:a1 one:a2 two:b1"


def test_seen_says_which_version_was_meant() -> None:
    retyped = [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t alter c type text")]
    reader = "create table r as select c from one.t"
    old = candidates({"one": retyped, "two": [Rev("b1", reader, seen=(("one", "a1"),))]})
    new = candidates({"one": retyped, "two": [Rev("b1", reader, seen=(("one", "a2"),))]})
    assert [order(each) for each in old.plans] == ["one:a1 two:b1 one:a2"]
    assert [order(each) for each in new.plans] == ["one:a1 one:a2 two:b1"]


def test_without_a_word_the_earliest_version_is_tried_first_and_the_plan_says_what_to_write() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t alter c type text")],
        "two": [Rev("b1", "create table r as select c from one.t")],
    }
    found = candidates(forest)
    assert [order(each) for each in found.plans] == ["one:a1 two:b1 one:a2", "one:a1 one:a2 two:b1"]
    (finding,) = found.plans[0].findings
    assert finding.rule == "several-versions"
    assert finding.severity is Severity.NOTE
    assert "'two:b1' uses column 'one.t.c' (two/b1.py:11)" in finding.message
    assert finding.help is not None
    assert 'requires = ["one:a2"]' in finding.help


def test_a_required_revision_that_nobody_has_is_told_with_the_nearest_name() -> None:
    forest: Forest = {"one": [Rev("9c41aa")], "two": [Rev("b1", requires=("one:9c41ab",))]}
    (finding,) = plan(forest).findings
    assert finding.rule == "unknown-requires"
    assert finding.severity is Severity.ERROR
    assert finding.message.endswith("did you mean 'one:9c41aa'?")
    assert finding.help == 'write requires = ["one:9c41aa"]'


def test_a_required_revision_that_only_the_database_knows_is_satisfied() -> None:
    """Its module is absent from this checkout."""
    made = plan({"two": [Rev("b1", requires=("gone:f00",))]}, applied="gone:f00")
    assert order(made) == "two:b1"
    assert rules(made) == ["requires-satisfied"]
    assert made.findings[0].severity is Severity.NOTE


def test_depends_on_inside_a_tree_with_two_bases_is_an_edge() -> None:
    forest: Forest = {"one": [Rev("a1"), Rev("b1", after=(), depends_on=("a2",)), Rev("a2", after=("a1",))]}
    made = plan(forest)
    assert order(made) == "one:a1 one:a2 one:b1"
    assert made.steps[-1].because[0].why == "'one:b1' depends on 'one:a2' in its own tree"


def test_branches_of_one_tree_are_ordered_by_what_they_use_of_each_other() -> None:
    """a1 -- b1 (uses c)
    \\-- b2 (adds c)     listed b1 first
    """
    forest: Forest = {
        "one": [
            Rev("a1", "create table t(id int)"),
            Rev("b2", "alter table t add c int", after=("a1",)),
            Rev("b1", "update t set c = 1", after=("a1",)),
        ]
    }
    assert order(plan(forest)) == "one:a1 one:b2 one:b1"


# -- what is applied -----------------------------------------------------------------------------------------------


def test_what_is_applied_is_not_planned_but_its_objects_still_have_versions() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t drop c")],
        "two": [Rev("b1", "create table r as select c from one.t")],
    }
    assert order(plan(forest, applied="one:a1")) == "two:b1 one:a2"


def test_a_use_whose_version_an_applied_revision_has_ended_came_too_late() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t drop c")],
        "two": [Rev("b1", "create table r as select c from one.t")],
    }
    (finding,) = plan(forest, applied="one:a1 one:a2").findings
    assert finding.rule == "came-too-late"
    assert finding.severity is Severity.ERROR
    assert finding.message == (
        "'two:b1' uses column 'one.t.c' (two/b1.py:11), but 'one:a2', which is already applied, drops it (one/a2.py:11)."
    )


def test_an_applied_view_is_released_before_its_column_goes() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t drop c")],
        "two": [Rev("b1", "create view v as select c from one.t"), Rev("b2", "drop view v")],
    }
    made = plan(forest, applied="one:a1 two:b1")
    assert order(made) == "two:b2 one:a2"
    assert made.steps[1].because[-1].reason is Reason.RELEASES


def test_a_column_that_a_view_keeps_using_is_a_finding_and_no_edge() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t drop c")],
        "two": [Rev("b1", "create view v as select c from one.t")],
    }
    (finding,) = plan(forest, applied="one:a1 two:b1").findings
    assert (finding.rule, finding.severity) == ("breaks", Severity.ERROR)
    assert finding.message == (
        "'one:a2' drops column 'one.t.c' (one/a2.py:11), which relation 'two.v' of 'two:b1' (two/b1.py:11)"
        " still uses and nothing releases."
    )
    assert finding.help is not None
    assert "module 'two'" in finding.help


def test_a_function_body_that_keeps_naming_a_column_is_a_warning_since_postgresql_does_not_refuse() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t drop c")],
        "two": [
            Rev(
                "b1",
                "create function f() returns bigint language plpgsql as $$ begin return (select sum(c) from one.t); end $$",
            )
        ],
    }
    (finding,) = plan(forest, applied="one:a1 two:b1").findings
    assert (finding.rule, finding.severity) == ("breaks", Severity.WARNING)


def test_an_index_of_another_module_goes_silently_with_its_column_and_breaks_nothing() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t drop c")],
        "two": [Rev("b1", "create index i on one.t(lower(c::text))")],
    }
    assert rules(plan(forest, applied="one:a1 two:b1")) == []


def test_a_lasting_use_that_only_the_catalog_knows_is_released_first_or_is_a_finding() -> None:
    view = ObjectName(ObjectKind.RELATION, "two", "v")
    column = ObjectName(ObjectKind.COLUMN, "one", "t", "c")
    lasting = (LastingUse(holder=view, used=column),)
    ours = [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t drop c")]
    kept = plan({"one": ours, "two": [Rev("b1")]}, applied="one:a1", lasting=lasting)
    assert rules(kept) == ["breaks"]
    assert "relation 'two.v' of the database still uses" in kept.findings[0].message
    released = plan({"one": ours, "two": [Rev("b1", "drop view v")]}, applied="one:a1", lasting=lasting)
    assert order(released) == "two:b1 one:a2"
    assert rules(released) == []


def test_a_trigger_that_only_the_catalog_knows_goes_with_its_table() -> None:
    trigger = ObjectName(ObjectKind.TRIGGER, "two", "t", "g")
    function = ObjectName(ObjectKind.FUNCTION, "one", "f")
    forest: Forest = {"one": [Rev("a1", "drop function f()")], "two": [Rev("b1", "drop table t")]}
    made = plan(forest, lasting=(LastingUse(holder=trigger, used=function),))
    assert order(made) == "two:b1 one:a1"
    assert rules(made) == []


# -- tightening ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tightening",
    [
        "alter table t add d int not null",
        "alter table t alter c set not null",
        "alter table t add constraint k check (c > 0)",
        "create unique index u on t(c)",
    ],
)
def test_rows_are_written_before_their_table_is_tightened(tightening: str) -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(id int, c int)"), Rev("a2", tightening)],
        "two": [Rev("b1", "insert into one.t(id) values (1)")],
    }
    made = plan(forest)
    assert order(made) == "one:a1 two:b1 one:a2"
    assert any(each.reason is Reason.TIGHTENS for each in made.steps[-1].because)


def test_rows_with_the_new_mandatory_column_come_after_it() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(id int)"), Rev("a2", "alter table t add d int not null")],
        "two": [Rev("b1", "insert into one.t(id, d) values (1, 2)")],
    }
    found = candidates(forest)
    assert found.is_certain
    assert order(found.plans[0]) == "one:a1 one:a2 two:b1"


# -- free steps ----------------------------------------------------------------------------------------------------


def test_free_steps_follow_the_map_then_names_then_the_tree() -> None:
    forest: Forest = {name: [Rev(f"{name}1"), Rev(f"{name}2")] for name in ("c", "a", "b", "z")}
    assert order(plan(forest)) == "a:a1 a:a2 b:b1 b:b2 c:c1 c:c2 z:z1 z:z2"
    assert order(plan(forest, map_order=("z", "b"))) == "z:z1 z:z2 b:b1 b:b2 a:a1 a:a2 c:c1 c:c2"


def test_the_maps_dependencies_order_free_steps_and_its_cycles_are_taken_together() -> None:
    """In the map a needs b, b and c need each other, c stands before b."""
    forest: Forest = {name: [Rev(f"{name}1")] for name in "abc"}
    edges = {"a": {"b"}, "b": {"c"}, "c": {"b"}}
    assert order(plan(forest, map_order=("a", "c", "b"), map_edges=edges)) == "c:c1 b:b1 a:a1"


def test_the_order_of_inputs_does_not_matter() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(id int, c int)"), Rev("a2", "alter table t drop c")],
        "two": [Rev("b1", "create table r as select c from one.t")],
        "three": [Rev("c1", "create view v as select id from one.t")],
    }
    turned = dict(reversed(list(forest.items())))
    assert candidates(forest).plans == candidates(turned).plans


def test_only_one_module_brings_what_it_needs_and_nothing_else() -> None:
    forest: Forest = {
        "one": [Rev("a1", "create table t(c int)"), Rev("a2", "alter table t drop c")],
        "two": [Rev("b1", "create table r as select c from one.t"), Rev("b2", "create table q(i int)")],
        "three": [Rev("c1", "create table x(i int)")],
    }
    assert order(plan(forest, only="two")) == "one:a1 two:b1 two:b2"
    assert order(plan(forest, only="one")) == "one:a1 two:b1 one:a2"
    assert order(plan(forest, only="three")) == "three:c1"


def test_nothing_pending_is_a_plan_without_steps() -> None:
    made = plan({"one": [Rev("a1")]}, applied="one:a1")
    assert made.steps == ()
    assert made.segments == ()


# -- cycles --------------------------------------------------------------------------------------------------------


def test_a_cycle_is_told_with_its_shortest_form_the_reasons_and_where_to_split() -> None:
    """
    one:  a1 (makes a) -- a2 (reads two.b, drops a.c)
    two:  b1 (makes b) -- b2 (reads one.a.c, drops b.d)
    """
    forest: Forest = {
        "one": [
            Rev("a1", "create table a(c int)"),
            Rev("a2", "create table z as select d from two.b\nalter table a drop c"),
        ],
        "two": [
            Rev("b1", "create table b(d int)"),
            Rev("b2", "create table z as select c from one.a\nalter table b drop d"),
        ],
    }
    with pytest.raises(RefusedError) as caught:
        plan(forest)
    (finding,) = caught.value.findings
    first, *edges = finding.message.splitlines()
    assert first == "No order is possible: one:a2 -> two:b2 -> one:a2."
    assert edges == [
        "  one:a2 -> two:b2: 'two:b2' drops column 'two.b.d', which 'one:a2' uses (one/a2.py:11) (two/b2.py:12)",
        "  two:b2 -> one:a2: 'one:a2' drops column 'one.a.c', which 'two:b2' uses (two/b2.py:11) (one/a2.py:12)",
    ]
    assert caught.value.help is not None
    assert caught.value.help.startswith("split 'two:b2' in two")


def test_requirements_that_wait_for_each_other_are_a_cycle() -> None:
    forest: Forest = {"one": [Rev("a1", requires=("two:b1",))], "two": [Rev("b1", requires=("one:a1",))]}
    with pytest.raises(RefusedError) as caught:
        plan(forest)
    assert "'one:a1' requires 'two:b1'" in caught.value.findings[0].message


def test_two_columns_that_are_never_there_together_are_a_cycle_with_the_revision_that_swaps_them() -> None:
    forest: Forest = {
        "one": [
            Rev("a1", "create table t(c int)"),
            Rev("a2", "alter table t drop c\nalter table t add d int"),
        ],
        "two": [Rev("b1", "create table r as select c, d from one.t")],
    }
    with pytest.raises(RefusedError) as caught:
        plan(forest)
    assert "one:a2" in caught.value.findings[0].message
    assert "two:b1" in caught.value.findings[0].message


def test_more_orders_than_a_rehearsal_can_try_are_cut_and_it_is_said() -> None:
    ours = [Rev("a1", "\n".join(f"create table t{n}(c int)" for n in range(6)))]
    ours += [Rev(f"r{n}", f"alter table t{n} alter c type text") for n in range(6)]
    theirs = [Rev(f"b{n}", f"create table r{n} as select c from one.t{n}", after=()) for n in range(6)]
    found = candidates({"one": ours, "two": theirs})
    assert len(found.plans) == 16
    assert all("too-many-orders" in rules(each) for each in found.plans)
    assert len({order(each) for each in found.plans}) == 16

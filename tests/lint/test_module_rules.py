"""Each rule that needs modules is seen to find what is wrong, with place and remedy, and is silent on what is right."""

from __future__ import annotations

import pytest

from coordinator.checks.lint.registry import LINT_CHECKS, lint
from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.finding import Severity
from coordinator.model.module_rules import MODULE_RULES
from tests.lint.bench import SKETCH, column, facts, found, holds, one, view
from tests.planning_builders import Forest, Rev

CUSTOMERS = "CREATE TABLE customers (id int PRIMARY KEY, name text, phone text)"


def shop(*billing: Rev, crm: tuple[Rev, ...] = ()) -> Forest:
    """crm with its table, made by c1; what comes after it, and what billing does."""
    return {"crm": (Rev("c1", CUSTOMERS), *crm), "billing": billing}


def test_every_rule_of_the_table_is_asked_and_no_other() -> None:
    asked = {check.name for check in LINT_CHECKS} - {"squawk"}
    assert asked == MODULE_RULES.keys()


class TestAnotherSchema:
    rule = "another-schema"

    def test_a_change_that_nobody_said_is_an_error_at_its_line(self) -> None:
        finding = one(self.rule, facts(shop(Rev("b1", "SELECT 1\nALTER TABLE crm.customers ADD x int"))))
        assert finding.severity is Severity.ERROR
        assert str(finding.place) == "billing/b1.py:12"
        assert "creates column 'crm.customers.x', which belongs to module 'crm'" in finding.message
        assert "touches = ['crm']" in str(finding.help)

    def test_one_that_is_said_is_a_note_for_the_owner(self) -> None:
        forest = shop(Rev("b1", "ALTER TABLE crm.customers ADD x int"))
        finding = one(self.rule, facts(forest, touches={"billing:b1": ("crm",)}))
        assert finding.severity is Severity.NOTE

    def test_a_trigger_on_anothers_table_changes_it(self) -> None:
        forest = shop(
            Rev(
                "b1",
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$\n"
                "CREATE TRIGGER t AFTER INSERT ON crm.customers FOR EACH ROW EXECUTE FUNCTION f()",
            )
        )
        assert "trigger" in one(self.rule, facts(forest)).message

    @pytest.mark.parametrize(
        "sql",
        [
            "CREATE TABLE invoices (id int, customer_id int REFERENCES crm.customers (id))",
            "CREATE VIEW v AS SELECT name FROM crm.customers",
            "INSERT INTO crm.customers (id) VALUES (1)",
            "CREATE SCHEMA IF NOT EXISTS crm",
        ],
    )
    def test_using_anothers_table_changes_nothing_of_it(self, sql: str) -> None:
        assert found(self.rule, facts(shop(Rev("b1", sql)))) == ()

    def test_an_applied_revision_is_not_judged(self) -> None:
        forest = shop(Rev("b1", "ALTER TABLE crm.customers ADD x int"))
        assert found(self.rule, facts(forest, applied="crm:c1 billing:b1")) == ()


class TestUndeclaredDependency:
    rule = "undeclared-dependency"

    def test_a_use_that_the_map_does_not_declare(self) -> None:
        forest = {**shop(), "stock": (Rev("s1", "CREATE VIEW v AS SELECT name FROM crm.customers"),)}
        finding = one(self.rule, facts(forest, database_map=SKETCH))
        assert finding.severity is Severity.ERROR
        assert "of module 'crm', and the map does not declare that module 'stock' needs it" in finding.message
        assert "write 'crm.customers' under Depends on of 'stock'" in str(finding.help)
        assert str(finding.place) == "stock/s1.py:11"

    def test_a_declared_use_is_right(self) -> None:
        forest = shop(Rev("b1", "CREATE VIEW v AS SELECT name FROM crm.customers"))
        assert found(self.rule, facts({**forest, "stock": ()}, database_map=SKETCH)) == ()

    def test_without_a_map_nothing_is_declared_or_not(self) -> None:
        forest = {**shop(), "stock": (Rev("s1", "CREATE VIEW v AS SELECT name FROM crm.customers"),)}
        assert found(self.rule, facts(forest)) == ()


class TestRequiresAgainstMap:
    rule = "requires-against-map"

    def test_a_module_that_needs_this_one_is_not_to_be_waited_for(self) -> None:
        forest = shop(Rev("b1"), crm=(Rev("c2", requires=("billing:b1",)),))
        finding = one(self.rule, facts({**forest, "stock": ()}, database_map=SKETCH))
        assert finding.severity is Severity.ERROR
        assert "the other way round: module 'billing' depends on 'crm'" in finding.message

    def test_a_module_that_the_map_does_not_name_is_a_warning(self) -> None:
        forest = {**shop(), "stock": (Rev("s1", requires=("crm:c1",)),)}
        finding = one(self.rule, facts(forest, database_map=SKETCH))
        assert finding.severity is Severity.WARNING
        assert "write 'crm' under Depends on of 'stock'" in str(finding.help)

    def test_what_the_map_declares_may_be_required(self) -> None:
        forest = {**shop(Rev("b1", requires=("crm:c1",))), "stock": ()}
        assert found(self.rule, facts(forest, database_map=SKETCH)) == ()


class TestNameElsewhere:
    rule = "name-elsewhere"

    def test_a_bare_name_that_only_another_module_has(self) -> None:
        finding = one(self.rule, facts(shop(Rev("b1", "CREATE VIEW v AS SELECT name FROM customers"))))
        assert finding.severity is Severity.WARNING
        assert "there is 'crm.customers'" in finding.message
        assert finding.help == "Write crm.customers."

    def test_a_name_of_ones_own_is_meant_so(self) -> None:
        forest = shop(Rev("b1", "CREATE TABLE customers (name text)\nSELECT name FROM customers"))
        assert found(self.rule, facts(forest)) == ()

    def test_a_table_that_was_there_before_all_revisions_is_ones_own(self) -> None:
        forest = shop(Rev("b1", "SELECT name FROM customers"))
        lasting = (holds(view("billing.v"), view("billing.customers")),)
        assert found(self.rule, facts(forest, lasting=lasting)) == ()

    def test_a_temporary_table_hides_the_name(self) -> None:
        forest = shop(Rev("b1", "CREATE TEMP TABLE customers (name text)\nSELECT name FROM customers"))
        assert found(self.rule, facts(forest)) == ()


class TestCascadeAcrossBorder:
    rule = "cascade-across-border"
    drop = (Rev("c2", "DROP TABLE customers CASCADE"),)

    def test_what_a_drop_would_take_with_it_is_named(self) -> None:
        key = "CREATE TABLE invoices (id int, customer int CONSTRAINT fk REFERENCES crm.customers (id))"
        forest = shop(
            Rev("b1", key), Rev("b2", "CREATE VIEW v AS SELECT name FROM crm.customers"), crm=self.drop
        )
        finding = one(self.rule, facts(forest, applied="crm:c1 billing:b1 billing:b2"))
        assert finding.severity is Severity.ERROR
        assert "constraint 'billing.invoices.fk' of module 'billing'" in finding.message
        assert "relation 'billing.v' of module 'billing'" in finding.message
        assert str(finding.place) == "crm/c2.py:11"

    def test_what_stands_on_ones_own_view_goes_too(self) -> None:
        crm = (Rev("c2", "CREATE VIEW names AS SELECT name FROM customers"), Rev("c3", self.drop[0].sql))
        forest = shop(Rev("b1", "CREATE VIEW v AS SELECT name FROM crm.names"), crm=crm)
        assert "'billing.v'" in one(self.rule, facts(forest, applied="crm:c1 crm:c2 billing:b1")).message

    def test_what_only_the_catalog_knows_counts(self) -> None:
        lasting = (holds(view("billing.by_hand"), column("crm.customers.name")),)
        finding = one(self.rule, facts(shop(crm=self.drop), applied="crm:c1", lasting=lasting))
        assert "'billing.by_hand'" in finding.message

    def test_truncate_empties_the_tables_that_refer_to_it(self) -> None:
        key = "CREATE TABLE invoices (id int, customer int CONSTRAINT fk REFERENCES crm.customers (id))"
        forest = shop(Rev("b1", key), crm=(Rev("c2", "TRUNCATE customers CASCADE"),))
        finding = one(self.rule, facts(forest, applied="crm:c1 billing:b1"))
        assert "empties relation 'billing.invoices' of module 'billing'" in finding.message

    def test_what_a_revision_of_the_owner_releases_is_not_taken(self) -> None:
        forest = shop(
            Rev("b1", "CREATE VIEW v AS SELECT name FROM crm.customers"),
            Rev("b2", "DROP VIEW v"),
            crm=self.drop,
        )
        assert found(self.rule, facts(forest, applied="crm:c1 billing:b1")) == ()

    def test_without_cascade_postgresql_itself_refuses(self) -> None:
        forest = shop(
            Rev("b1", "CREATE VIEW v AS SELECT name FROM crm.customers"),
            crm=(Rev("c2", "DROP TABLE customers"),),
        )
        assert found(self.rule, facts(forest, applied="crm:c1 billing:b1")) == ()


class TestContractWithExpand:
    rule = "contract-with-expand"
    read = Rev("b1", "CREATE VIEW v AS SELECT phone FROM crm.customers")
    both = Rev("c2", "ALTER TABLE customers ADD phones text[]\nALTER TABLE customers DROP phone")

    def test_the_old_goes_in_the_run_that_brings_the_new(self) -> None:
        finding = one(self.rule, facts(shop(self.read, crm=(self.both,)), applied="crm:c1 billing:b1"))
        assert finding.severity is Severity.ERROR
        assert "drops column 'crm.customers.phone' in the run in which 'crm:c2'" in finding.message
        assert "relation 'billing.v' of module 'billing' still uses it" in finding.message
        assert str(finding.place) == "crm/c2.py:12"

    def test_if_exists_takes_it_away_all_the_same(self) -> None:
        crm = (
            Rev("c2", "ALTER TABLE customers ADD phones text[]\nALTER TABLE customers DROP IF EXISTS phone"),
        )
        one(self.rule, facts(shop(self.read, crm=crm), applied="crm:c1 billing:b1"))

    def test_in_two_revisions_of_one_run_it_is_the_same(self) -> None:
        crm = (
            Rev("c2", "ALTER TABLE customers ADD phones text[]"),
            Rev("c3", "ALTER TABLE customers DROP phone"),
        )
        assert (
            one(self.rule, facts(shop(self.read, crm=crm), applied="crm:c1 billing:b1")).revision is not None
        )

    def test_a_reader_that_the_run_moves_makes_it_a_warning(self) -> None:
        moved = Rev("b2", "CREATE OR REPLACE VIEW v AS SELECT name AS phone FROM crm.customers")
        finding = one(self.rule, facts(shop(self.read, moved, crm=(self.both,)), applied="crm:c1 billing:b1"))
        assert finding.severity is Severity.WARNING
        assert "until this run moves it" in finding.message

    def test_a_rename_is_both_at_once(self) -> None:
        crm = (Rev("c2", "ALTER TABLE customers RENAME phone TO telephone"),)
        finding = one(self.rule, facts(shop(self.read, crm=crm), applied="crm:c1 billing:b1"))
        assert "in one step, so that old and new never stand side by side" in finding.message

    def test_values_that_are_computed_anew_are_old_and_new_at_once(self) -> None:
        crm = (Rev("c2", "ALTER TABLE customers ALTER phone TYPE bigint USING phone::bigint"),)
        calls = Rev(
            "b1",
            "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS"
            " $$ BEGIN RETURN (SELECT c.phone FROM crm.customers c LIMIT 1); END $$",
        )
        finding = one(self.rule, facts(shop(calls, crm=crm), applied="crm:c1 billing:b1"))
        assert "retypes column 'crm.customers.phone' in one step" in finding.message
        assert "function 'billing.f' of module 'billing' still uses it" in finding.message

    def test_a_type_that_only_grows_takes_nothing_away(self) -> None:
        crm = (Rev("c2", "ALTER TABLE customers ALTER phone TYPE varchar(80)"),)
        assert found(self.rule, facts(shop(self.read, crm=crm), applied="crm:c1 billing:b1")) == ()

    @pytest.mark.parametrize(
        ("exists", "replaces"), [("", ""), ("IF EXISTS", ""), ("IF EXISTS", "OR REPLACE")]
    )
    def test_what_is_dropped_to_be_made_again_is_replaced(self, exists: str, replaces: str) -> None:
        crm = (
            Rev("c2", "CREATE FUNCTION g(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'"),
            Rev(
                "c3",
                f"CREATE FUNCTION h() RETURNS int LANGUAGE sql AS 'SELECT 2'\nDROP FUNCTION {exists} g\n"
                f"CREATE {replaces} FUNCTION g(a bigint) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            ),
        )
        calls = Rev("b1", "CREATE VIEW v AS SELECT crm.g(1)")
        assert found(self.rule, facts(shop(calls, crm=crm), applied="crm:c1 crm:c2 billing:b1")) == ()

    def test_the_contract_alone_comes_in_time(self) -> None:
        crm = (Rev("c2", "ALTER TABLE customers DROP phone"),)
        assert found(self.rule, facts(shop(self.read, crm=crm), applied="crm:c1 billing:b1")) == ()

    def test_without_a_reader_in_another_module_it_is_nobodys_business(self) -> None:
        assert found(self.rule, facts(shop(crm=(self.both,)), applied="crm:c1")) == ()

    def test_what_the_run_itself_brought_may_go_again(self) -> None:
        assert found(self.rule, facts(shop(self.read, crm=(self.both,)))) == ()


class TestRequiredColumn:
    rule = "required-column"
    add = (Rev("c2", "ALTER TABLE customers ADD email text NOT NULL"),)

    def test_rows_that_are_there_refuse_it(self) -> None:
        finding = one(self.rule, facts(shop(crm=self.add), applied="crm:c1", rows={"crm.customers": 41_000}))
        assert finding.severity is Severity.ERROR
        assert "the table has about 41,000 rows: PostgreSQL will refuse it" in finding.message

    @pytest.mark.parametrize("rows", [{}, {"crm.customers": 0}, {"crm.customers": -1}])
    def test_no_rows_and_an_unknown_number_are_not_told(self, rows: dict[str, int]) -> None:
        assert found(self.rule, facts(shop(crm=self.add), applied="crm:c1", rows=rows)) == ()

    @pytest.mark.parametrize(
        "sql",
        [
            "ALTER TABLE customers ADD email text NOT NULL DEFAULT ''",
            "ALTER TABLE customers ADD email text\nALTER TABLE customers ALTER email SET NOT NULL",
        ],
    )
    def test_a_default_and_a_filled_column_are_right(self, sql: str) -> None:
        of = facts(shop(crm=(Rev("c2", sql),)), applied="crm:c1", rows={"crm.customers": 5})
        assert found(self.rule, of) == ()

    def test_a_table_that_the_run_makes_has_no_rows(self) -> None:
        assert found(self.rule, facts(shop(crm=self.add), rows={"crm.customers": 5})) == ()


class TestKeyWithoutIndex:
    rule = "foreign-key-without-index"
    key = "CREATE TABLE invoices (id int PRIMARY KEY, customer_id int REFERENCES crm.customers (id))"

    def test_a_key_into_another_module_wants_an_index(self) -> None:
        finding = one(self.rule, facts(shop(Rev("b1", self.key))))
        assert finding.severity is Severity.WARNING
        assert "billing.invoices(customer_id)" in finding.message
        assert "['customer_id']" in str(finding.help)

    @pytest.mark.parametrize(
        "sql",
        [
            "CREATE INDEX ON invoices (customer_id)",
            "CREATE INDEX ON invoices (customer_id, id)",
            "ALTER TABLE invoices ADD UNIQUE (customer_id)",
        ],
    )
    def test_an_index_that_begins_with_it_is_enough(self, sql: str) -> None:
        assert found(self.rule, facts(shop(Rev("b1", self.key), Rev("b2", sql)))) == ()

    def test_an_index_made_by_hand_is_known_from_the_catalog(self) -> None:
        index = ObjectName(ObjectKind.INDEX, "billing", "by_hand")
        lasting = (holds(index, column("billing.invoices.customer_id")),)
        assert found(self.rule, facts(shop(Rev("b1", self.key)), lasting=lasting)) == ()

    def test_an_index_that_has_it_later_is_not(self) -> None:
        forest = shop(Rev("b1", f"{self.key}\nCREATE INDEX ON invoices (id, customer_id)"))
        one(self.rule, facts(forest))

    def test_a_key_inside_the_module_is_its_own_affair(self) -> None:
        forest = shop(crm=(Rev("c2", "CREATE TABLE notes (customer_id int REFERENCES customers (id))"),))
        assert found(self.rule, facts(forest)) == ()


class TestMixedDataChange:
    rule = "mixed-data-change"
    write = "UPDATE crm.customers SET name = 'x'"

    def test_anothers_rows_beside_a_change_of_ones_own(self) -> None:
        forest = shop(Rev("b1", f"CREATE TABLE t (id int)\n{self.write}"))
        finding = one(self.rule, facts(forest, applied="crm:c1"))
        assert finding.severity is Severity.WARNING
        assert (
            "writes to relation 'crm.customers' of module 'crm', and creates relation 'billing.t'"
            in finding.message
        )
        assert str(finding.place) == "billing/b1.py:12"

    def test_a_revision_that_writes_rows_alone_is_right(self) -> None:
        assert found(self.rule, facts(shop(Rev("b1", self.write)), applied="crm:c1")) == ()

    def test_rows_of_a_table_that_the_run_makes_are_nobodys_yet(self) -> None:
        forest = shop(Rev("b1", f"CREATE TABLE t (id int)\n{self.write}"))
        assert found(self.rule, facts(forest)) == ()


class TestStarView:
    rule = "star-view"

    @pytest.mark.parametrize(
        "query", ["SELECT * FROM crm.customers", "SELECT c.* FROM crm.customers c JOIN (SELECT 1) x ON true"]
    )
    def test_all_columns_of_anothers_table(self, query: str) -> None:
        finding = one(self.rule, facts(shop(Rev("b1", f"CREATE VIEW v AS {query}"))))
        assert finding.severity is Severity.WARNING
        assert "makes view 'billing.v' with all columns of relation 'crm.customers'" in finding.message

    @pytest.mark.parametrize(
        "sql",
        [
            "CREATE VIEW v AS SELECT id, name FROM crm.customers",
            "CREATE TABLE t (id int)\nCREATE VIEW v AS SELECT * FROM t",
            "SELECT * FROM crm.customers",
        ],
    )
    def test_named_columns_and_ones_own_tables_are_right(self, sql: str) -> None:
        assert found(self.rule, facts(shop(Rev("b1", sql)))) == ()


class TestGrantToPublic:
    rule = "grant-to-public"

    @pytest.mark.parametrize(
        "sql",
        [
            "GRANT SELECT ON customers TO PUBLIC",
            "GRANT USAGE ON SCHEMA crm TO reader, public",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO PUBLIC",
        ],
    )
    def test_everybody_is_told(self, sql: str) -> None:
        finding = one(self.rule, facts(shop(crm=(Rev("c2", sql),))))
        assert finding.severity is Severity.WARNING
        assert finding.help == "Grant them to the roles that need them."

    @pytest.mark.parametrize(
        "sql",
        [
            "GRANT SELECT ON customers TO reader",
            "REVOKE ALL ON customers FROM PUBLIC",
            "CREATE TABLE public.granted (id int)",
        ],
    )
    def test_a_role_and_a_revoke_are_right(self, sql: str) -> None:
        assert found(self.rule, facts(shop(crm=(Rev("c2", sql),)))) == ()


def test_the_order_of_modules_changes_no_finding() -> None:
    forest = shop(
        Rev("b1", "CREATE VIEW v AS SELECT * FROM crm.customers\nALTER TABLE crm.customers ADD y int"),
        crm=(Rev("c2", "DROP TABLE customers CASCADE\nGRANT ALL ON SCHEMA crm TO PUBLIC"),),
    )
    backwards = dict(reversed(forest.items()))
    assert {each.message for each in lint(facts(forest))} == {each.message for each in lint(facts(backwards))}


def test_dynamic_sql_in_the_catalog_is_no_holder_of_anything() -> None:
    """The catalog's reader marks it with an empty name."""
    dynamic = ObjectName(ObjectKind.FUNCTION, "", "")
    lasting = (holds(ObjectName(ObjectKind.FUNCTION, "billing", "f"), dynamic),)
    of = facts(shop(crm=(Rev("c2", "DROP TABLE customers CASCADE"),)), applied="crm:c1", lasting=lasting)
    assert found("cascade-across-border", of) == ()

"""Each integrity check fails on something that is broken for it on a real server, and says what to do."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from coordinator.checks.integrity.registry import INTEGRITY_CHECKS
from coordinator.checks.integrity.waived import with_waivers
from coordinator.model.capture import Direction
from coordinator.model.check import MapReference
from coordinator.model.finding import Severity
from coordinator.model.names import Place
from coordinator.model.revision import ModuleTree, Revision, Waiver
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from tests.integrity import CRM, HEALTHY, KEY, only, step_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl


@pytest.fixture
def session(database: DatabaseUrl) -> Iterator[Session]:
    with Session(connect(database, application_name="tests")) as opened:
        opened.execute(HEALTHY)
        yield opened


HEALTHY_STEPS = {
    "a table with a key": "CREATE TABLE crm.tags (id bigserial PRIMARY KEY, customer_id bigint REFERENCES crm.customers)",
    "a column": "ALTER TABLE crm.customers ADD mail text",
    "a key into another module": "ALTER TABLE crm.visits ADD invoice_id bigint REFERENCES billing.invoices",
    "a renamed column that a foreign view shows": "ALTER TABLE crm.customers RENAME id TO number;"
    "CREATE OR REPLACE VIEW crm.nothing AS SELECT 1 AS one",
    "rows": "INSERT INTO crm.customers (name) VALUES ('x'); UPDATE crm.customers SET phone = '1'",
    "nothing": "SELECT 1",
}


@pytest.mark.parametrize("sql", HEALTHY_STEPS.values(), ids=HEALTHY_STEPS.keys())
def test_a_healthy_step_gives_nothing(session: Session, sql: str) -> None:
    session.execute("DROP FUNCTION billing.phone_of(bigint); DROP FUNCTION billing.greet(bigint)")
    assert [each.message for each in step_of(sql, session)] == []


def test_the_checks_have_the_names_that_messages_and_waivers_use() -> None:
    names = [check.name for check in INTEGRITY_CHECKS]
    assert len(set(names)) == len(names)
    assert all(name == name.lower().replace("_", "-") for name in names)


def test_what_an_author_waived_is_a_note_until_its_day(session: Session) -> None:
    waiver = Waiver(rule="only-own-schemas", reason="agreed with billing", until="2027-03-01")
    revision = Revision(key=KEY, place=Place("a1_step.py"), message="a step", waivers=(waiver,))
    trees = (ModuleTree(module=CRM, revisions=(revision,)),)
    sql = "COMMENT ON TABLE billing.invoices IS '{}'"
    checks = with_waivers(INTEGRITY_CHECKS, trees, datetime.date(2027, 3, 1))
    note = only(step_of(sql.format("one"), session, checks=checks))
    assert note.severity is Severity.NOTE
    assert note.message.endswith("Waived until 2027-03-01: agreed with billing.")
    late = with_waivers(INTEGRITY_CHECKS, trees, datetime.date(2027, 3, 2))
    assert only(step_of(sql.format("two"), session, checks=late)).severity is Severity.ERROR
    assert [check.name for check in late] == [check.name for check in INTEGRITY_CHECKS]


# -- only-own-schemas --


def test_an_object_made_in_another_module_is_a_violation(session: Session) -> None:
    finding = only(step_of("CREATE INDEX by_customer ON billing.invoices (customer_id)", session))
    assert finding.rule == "only-own-schemas"
    assert (finding.module, finding.revision, finding.severity) == ("crm", KEY, Severity.ERROR)
    assert finding.message.startswith(
        "crm:a1 creates index billing.invoices.by_customer, which belongs to module 'billing'"
    )
    assert finding.help is not None
    assert '`touches = ["billing"]`' in finding.help


def test_a_table_made_in_another_module_is_one_violation_not_one_for_each_column(session: Session) -> None:
    finding = only(step_of("CREATE TABLE billing.extra (a integer, b integer CHECK (b > 0))", session))
    assert "creates table billing.extra" in finding.message


def test_a_comment_on_another_modules_column_is_a_change_of_it(session: Session) -> None:
    finding = only(step_of("COMMENT ON COLUMN billing.invoices.customer_id IS 'whose'", session))
    assert "changes column billing.invoices.customer_id" in finding.message


def test_what_a_revision_says_it_touches_is_no_violation(session: Session) -> None:
    assert step_of("ALTER TABLE billing.invoices ADD note text", session, touches=("billing",)) == ()


def test_a_schema_of_nobody_and_the_whole_database_need_to_be_said(session: Session) -> None:
    finding = only(step_of("CREATE TABLE public.stray ()", session))
    assert "creates table public.stray, which lies in a schema of no module" in finding.message
    assert step_of("CREATE TABLE public.meant ()", session, touches=("public",)) == ()
    finding = only(step_of("CREATE PUBLICATION news", session))
    assert "creates publication news, which belongs to the whole database" in finding.message
    assert step_of("DROP PUBLICATION news; CREATE PUBLICATION other", session, touches=("database",)) == ()


def test_a_table_dropped_from_a_schema_of_nobody_is_told(session: Session) -> None:
    session.execute("CREATE TABLE public.settings (name text)")
    assert "drops table public.settings" in only(step_of("DROP TABLE public.settings", session)).message


def test_renaming_what_others_mention_does_not_touch_them(session: Session) -> None:
    session.execute(
        "DROP FUNCTION billing.phone_of(bigint); DROP FUNCTION billing.greet(bigint);"
        "CREATE TYPE crm.status AS ENUM ('new'); CREATE TABLE billing.seen (status crm.status);"
        "CREATE FUNCTION billing.is_new(s crm.status) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true'"
    )
    renames = """ALTER TYPE crm.status RENAME TO state; ALTER TABLE crm.customers RENAME id TO number;
        ALTER TABLE crm.customers RENAME TO clients"""
    assert [each.message for each in step_of(renames, session)] == []


# -- no-view-gone --


def test_a_view_that_cascade_took_from_another_module_is_a_violation(session: Session) -> None:
    findings = step_of("ALTER TABLE crm.customers DROP phone CASCADE", session)
    gone = only(tuple(each for each in findings if each.rule == "no-view-gone"))
    assert gone.message == (
        "crm:a1 removes view billing.phones of module 'billing', whose next query or write will miss it"
    )
    assert gone.help is not None
    assert "without CASCADE" in gone.help


def test_a_foreign_key_that_cascade_took_from_another_module_is_a_violation(session: Session) -> None:
    findings = step_of(
        "DROP VIEW billing.phones; ALTER TABLE crm.customers DROP CONSTRAINT customers_pkey CASCADE", session
    )
    gone = {each.message for each in findings if each.rule == "no-view-gone"}
    assert any("constraint billing.invoices.invoices_customer of module 'billing'" in each for each in gone)


# -- functions-resolve --


def broken_functions(session: Session, sql: str) -> list[str]:
    session.execute("DROP VIEW billing.phones")
    return sorted(each.message for each in step_of(sql, session) if each.rule == "functions-resolve")


def test_functions_of_another_module_that_lose_a_column_are_violations(session: Session) -> None:
    sql, plpgsql = (
        broken_functions(session, "ALTER TABLE crm.customers DROP phone"),
        sorted(
            each.message
            for each in step_of("ALTER TABLE crm.customers RENAME name TO full_name", session)
            if each.rule == "functions-resolve"
        ),
    )
    assert len(sql) == len(plpgsql) == 1
    assert sql[0].startswith("crm:a1 breaks function billing.phone_of(bigint) of module 'billing'")
    assert "column 'crm.customers.phone', which is no longer there" in sql[0]
    assert plpgsql[0].startswith("crm:a1 breaks function billing.greet(bigint) of module 'billing'")
    assert "column 'crm.customers.name'" in plpgsql[0]


def test_a_sql_function_whose_column_has_another_type_is_read_by_the_server(session: Session) -> None:
    session.execute("""CREATE FUNCTION billing.loud() RETURNS text LANGUAGE sql
        AS 'SELECT upper(phone) FROM crm.customers'""")
    (message,) = broken_functions(session, "ALTER TABLE crm.customers ALTER phone TYPE bigint USING 0")
    assert "breaks function billing.loud()" in message
    assert "PostgreSQL says: function upper(bigint) does not exist" in message


def test_plpgsql_check_reads_bodies_where_it_is_installed(session: Session) -> None:
    if not session.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'plpgsql_check'"):
        pytest.skip("this server has no extension plpgsql_check; Debian: postgresql-15-plpgsql-check")
    session.execute("""CREATE SCHEMA extensions; CREATE EXTENSION plpgsql_check SCHEMA extensions;
        CREATE FUNCTION billing.noted() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE NOTICE '%', upper(NEW.phone); RETURN NEW; END $$;
        CREATE TRIGGER noted BEFORE UPDATE ON crm.customers FOR EACH ROW EXECUTE FUNCTION billing.noted()""")
    (message,) = broken_functions(session, "ALTER TABLE crm.customers ALTER phone TYPE bigint USING 0")
    assert "breaks function billing.noted()" in message
    assert "PostgreSQL says: function upper(bigint) does not exist" in message


def test_a_trigger_function_that_loses_a_field_of_new_is_a_violation(session: Session) -> None:
    session.execute("""CREATE FUNCTION billing.noted() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE NOTICE '%', NEW.phone; RETURN NEW; END $$;
        CREATE TRIGGER noted BEFORE UPDATE ON crm.customers FOR EACH ROW EXECUTE FUNCTION billing.noted()""")
    messages = broken_functions(session, "ALTER TABLE crm.customers DROP phone")
    assert any("function billing.noted()" in each and "crm.customers.phone" in each for each in messages)


def test_a_variable_declared_like_a_column_is_looked_up(session: Session) -> None:
    session.execute("""CREATE FUNCTION billing.typed() RETURNS void LANGUAGE plpgsql AS $$
        DECLARE p crm.customers.phone%TYPE; v crm.visits%ROWTYPE; BEGIN NULL; END $$""")
    messages = broken_functions(session, "ALTER TABLE crm.customers DROP phone")
    assert any("function billing.typed()" in each for each in messages)
    messages = [each.message for each in step_of("ALTER TABLE crm.visits RENAME TO calls", session)]
    assert any("function billing.typed()" in each and "relation 'crm.visits'" in each for each in messages)


def test_a_function_that_was_broken_before_is_not_this_steps_fault(session: Session) -> None:
    session.execute("""SET check_function_bodies = off; DROP FUNCTION billing.phone_of(bigint);
        CREATE FUNCTION billing.old() RETURNS text LANGUAGE sql AS 'SELECT nothing FROM crm.customers'""")
    assert broken_functions(session, "ALTER TABLE crm.customers DROP phone") == []


def test_dynamic_sql_is_said_to_be_unknown(session: Session) -> None:
    session.execute("""CREATE FUNCTION billing.any(t text) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN EXECUTE 'SELECT 1 FROM ' || t; END $$""")
    session.execute("DROP VIEW billing.phones; DROP FUNCTION billing.phone_of(bigint)")
    note = only(step_of("ALTER TABLE crm.customers DROP phone", session))
    assert note.severity is Severity.NOTE
    assert "function billing.any(text)" in note.message
    assert "dynamic SQL" in note.message


def test_a_replaced_function_and_one_with_another_search_path_are_fine(session: Session) -> None:
    session.execute("""CREATE FUNCTION billing.elsewhere() RETURNS text SET search_path = crm LANGUAGE sql
        AS 'SELECT name FROM customers LIMIT 1'; DROP VIEW billing.phones""")
    step = """ALTER TABLE crm.customers DROP phone;
        CREATE OR REPLACE FUNCTION billing.phone_of(n bigint) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'"""
    findings = step_of(step, session, touches=("billing",))
    assert [each.message for each in findings] == []
    findings = step_of("ALTER TABLE crm.customers RENAME name TO full_name", session)
    assert any("billing.elsewhere()" in each.message for each in findings)


# -- foreign-keys-hold and nothing-not-valid --


def test_orphans_behind_a_key_that_was_not_validated_are_counted(session: Session) -> None:
    session.execute(
        "CREATE TABLE crm.notes (customer_id bigint); INSERT INTO crm.notes VALUES (1), (98), (99), (NULL)"
    )
    findings = step_of(
        "ALTER TABLE crm.notes ADD CONSTRAINT whose FOREIGN KEY (customer_id) REFERENCES crm.customers NOT VALID",
        session,
    )
    orphans = only(tuple(each for each in findings if each.rule == "foreign-keys-hold"))
    assert orphans.severity is Severity.ERROR
    assert orphans.message == (
        "crm:a1 leaves 2 rows of crm.notes whose customer_id points at no row of crm.customers, against the foreign key"
        " “whose”: joins lose them, and the key cannot be validated"
    )
    warning = only(tuple(each for each in findings if each.rule == "nothing-not-valid"))
    assert warning.severity is Severity.WARNING
    assert "constraint crm.notes.whose not validated" in warning.message
    assert orphans.help is not None
    shown = session.rows(orphans.help.split("; ")[1].removesuffix(" shows them"))
    assert sorted(shown) == [(98,), (99,)]


def test_orphans_behind_a_validated_key_are_found_when_triggers_were_off(session: Session) -> None:
    finding = only(
        step_of(
            "SET LOCAL session_replication_role = replica; INSERT INTO crm.visits (customer_id) VALUES (77);"
            "SET LOCAL session_replication_role = origin",
            session,
        )
    )
    assert finding.rule == "foreign-keys-hold"
    assert "leaves 1 row of crm.visits whose customer_id points at no row of crm.customers" in finding.message


def test_orphans_in_another_modules_table_are_found_from_the_referenced_side(session: Session) -> None:
    findings = step_of(
        "SET LOCAL session_replication_role = replica; DELETE FROM crm.customers WHERE id = 1;"
        "SET LOCAL session_replication_role = origin",
        session,
        deletes_rows=True,
    )
    assert sorted(each.message.split(" whose ")[0] for each in findings) == [
        "crm:a1 leaves 1 row of billing.invoices",
        "crm:a1 leaves 1 row of crm.visits",
    ]


def test_too_many_rows_are_not_counted_and_it_is_said(session: Session) -> None:
    session.execute("CREATE TABLE crm.notes (customer_id bigint); INSERT INTO crm.notes VALUES (99)")
    findings = step_of(
        "ALTER TABLE crm.notes ADD CONSTRAINT whose FOREIGN KEY (customer_id) REFERENCES crm.customers NOT VALID",
        session,
        row_budget=5,
    )
    note = only(tuple(each for each in findings if each.rule == "foreign-keys-hold"))
    assert note.severity is Severity.NOTE
    assert "too many rows to count its orphans here (more than 5)" in note.message


def test_rows_that_break_an_unproved_check_are_counted(session: Session) -> None:
    finding = only(
        step_of(
            "ALTER TABLE crm.customers ADD CONSTRAINT called CHECK (phone IS NOT NULL) NOT VALID", session
        )
    )
    assert (finding.rule, finding.severity) == ("nothing-not-valid", Severity.ERROR)
    assert (
        "constraint crm.customers.called not validated, and 10 rows of crm.customers break it"
        in finding.message
    )


def test_an_unproved_check_that_all_rows_satisfy_is_a_warning(session: Session) -> None:
    finding = only(
        step_of("ALTER TABLE crm.customers ADD CONSTRAINT named CHECK (name <> '') NOT VALID", session)
    )
    assert (finding.rule, finding.severity) == ("nothing-not-valid", Severity.WARNING)
    assert finding.help == "say ALTER TABLE crm.customers VALIDATE CONSTRAINT named in a later revision"


def test_an_unproved_not_null_is_counted(session: Session) -> None:
    if session.server_version < 180000:
        pytest.skip(
            f"NOT NULL can be NOT VALID from PostgreSQL 18 on; this server is {session.server_version}"
        )
    finding = only(
        step_of("ALTER TABLE crm.customers ADD CONSTRAINT there NOT NULL phone NOT VALID", session)
    )
    assert (
        "column crm.customers.phone not validated, and 10 rows of crm.customers break it" in finding.message
    )


def test_an_invalid_index_is_a_violation(session: Session) -> None:
    session.execute("CREATE TABLE crm.doubles AS SELECT 1 AS n FROM generate_series(1, 2)")
    with pytest.raises(Exception, match="could not create unique index"):
        session.execute("CREATE UNIQUE INDEX CONCURRENTLY once ON crm.doubles (n)")
    # What a concurrent build leaves when it fails; the catalog is set back so that the step can bring it about.
    session.execute("UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'crm.once'::regclass")
    finding = only(
        step_of("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'crm.once'::regclass", session)
    )
    assert (finding.rule, finding.severity) == ("nothing-not-valid", Severity.ERROR)
    assert "index crm.doubles.once invalid" in finding.message
    assert finding.help == "run DROP INDEX CONCURRENTLY crm.once and build it again"


def test_names_with_quotes_spaces_and_percent_signs_are_quoted(session: Session) -> None:
    session.execute(
        """CREATE TABLE crm."o'dd {t} %s" ("a ""b" bigint REFERENCES crm.customers, "n %" serial PRIMARY KEY)"""
    )
    findings = step_of(
        """SET LOCAL session_replication_role = replica; INSERT INTO crm."o'dd {t} %s" VALUES (77, 50);
        SET LOCAL session_replication_role = origin;
        ALTER TABLE crm."o'dd {t} %s" ADD CONSTRAINT "c %" CHECK ("n %" > 99) NOT VALID""",
        session,
    )
    assert sorted(each.rule for each in findings) == [
        "foreign-keys-hold",
        "nothing-not-valid",
        "sequences-ahead",
    ]
    remedy = next(each.help for each in findings if each.rule == "sequences-ahead")
    assert remedy is not None
    session.execute(remedy.removeprefix("end the revision with "))


# -- sequences-ahead --


def test_a_sequence_that_is_behind_its_column_is_a_violation(session: Session) -> None:
    finding = only(step_of("INSERT INTO crm.customers (id, name) VALUES (500, 'imported')", session))
    assert finding.rule == "sequences-ahead"
    assert finding.message.startswith(
        "crm:a1 leaves sequence crm.customers_id_seq at 11, but crm.customers.id has got to 500"
    )
    assert finding.help is not None
    session.execute(finding.help.removeprefix("end the revision with "))
    assert session.value("SELECT nextval('crm.customers_id_seq')") == 501
    assert step_of("UPDATE crm.customers SET phone = '1' WHERE id = 500", session) == ()


def test_a_sequence_that_counts_down_is_judged_the_other_way_round(session: Session) -> None:
    step = """CREATE TABLE crm.down (id integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1) PRIMARY KEY);
        INSERT INTO crm.down VALUES ({})"""
    assert step_of(step.format(5), session) == ()
    session.execute("DROP TABLE crm.down")
    assert "has got to -5" in only(step_of(step.format(-5), session)).message


# -- no-rows-lost --


def test_deleted_rows_that_nobody_spoke_of_are_a_violation(session: Session) -> None:
    session.execute("DELETE FROM billing.invoices")
    findings = step_of("DELETE FROM crm.customers WHERE id <= 3", session)
    assert [each.message.split(",")[0] for each in findings] == [
        "crm:a1 deletes 3 rows of crm.customers",
        "crm:a1 deletes 3 rows of crm.visits",  # by ON DELETE CASCADE
    ]
    assert {each.help for each in findings} == {"say `deletes_rows = True` in the revision if that is meant"}
    assert step_of("DELETE FROM crm.customers WHERE id <= 6", session, deletes_rows=True) == ()
    assert step_of("DELETE FROM crm.customers WHERE id <= 7", session, direction=Direction.DOWNGRADE) == ()


def test_rows_of_another_module_are_said_to_be_anothers(session: Session) -> None:
    finding = only(step_of("DELETE FROM billing.invoices WHERE id = 1", session))
    assert "deletes 1 row of billing.invoices of module 'billing'" in finding.message


def test_a_truncated_table_is_a_violation(session: Session) -> None:
    session.execute("ANALYZE crm.visits")
    finding = only(step_of("TRUNCATE crm.visits", session))
    assert (finding.rule, finding.severity) == ("no-rows-lost", Severity.ERROR)
    assert "empties crm.visits, which held about 10 rows" in finding.message


def test_a_rewritten_table_and_rows_moved_between_partitions_are_not_lost(session: Session) -> None:
    assert step_of("ALTER TABLE crm.visits ADD at timestamptz DEFAULT clock_timestamp()", session) == ()
    session.execute("""CREATE TABLE crm.parts (n integer) PARTITION BY LIST (n);
        CREATE TABLE crm.parts_1 PARTITION OF crm.parts FOR VALUES IN (1);
        CREATE TABLE crm.parts_2 PARTITION OF crm.parts FOR VALUES IN (2); INSERT INTO crm.parts VALUES (1), (1)""")
    assert step_of("UPDATE crm.parts SET n = 2", session) == ()
    assert "deletes 2 rows of crm.parts_2" in only(step_of("DELETE FROM crm.parts", session)).message


def test_rows_of_a_table_that_the_step_itself_made_are_nobodys_loss(session: Session) -> None:
    step = "CREATE TABLE crm.scratch AS SELECT 1 AS n; DELETE FROM crm.scratch"
    assert step_of(step, session) == ()


def test_a_step_whose_rows_nobody_counted_says_so(session: Session) -> None:
    note = only(step_of("DELETE FROM crm.visits", session, written=None))
    assert (note.rule, note.severity) == ("no-rows-lost", Severity.NOTE)


# -- owner-and-grants --


@pytest.fixture
def role(session: Session) -> Iterator[str]:
    name = f"app_crm_{session.value('SELECT pg_backend_pid()')}"
    session.execute(f"CREATE ROLE {name}")
    yield name
    session.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def test_a_right_on_all_other_tables_that_the_new_one_lacks_is_named(session: Session, role: str) -> None:
    session.execute(
        f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA crm TO {role}; GRANT UPDATE ON crm.visits TO {role}"
    )
    finding = only(step_of("CREATE TABLE crm.tags (id integer)", session))
    assert (finding.rule, finding.severity) == ("owner-and-grants", Severity.WARNING)
    assert (
        f"role {role} has INSERT, SELECT on 2 of 3 tables of crm; the new one is missing" in finding.message
    )
    assert finding.help is not None
    assert finding.help.startswith(f"say GRANT INSERT, SELECT ON crm.tags TO {role} in the revision")
    session.execute("DROP TABLE crm.tags")
    assert (
        step_of(f"CREATE TABLE crm.tags (id integer); GRANT SELECT, INSERT ON crm.tags TO {role}", session)
        == ()
    )


def test_a_table_of_another_owner_is_a_violation(session: Session, role: str) -> None:
    session.execute(f"GRANT CREATE, USAGE ON SCHEMA crm TO {role}")
    finding = only(step_of(f"SET LOCAL ROLE {role}; CREATE TABLE crm.tags (id integer); RESET ROLE", session))
    assert (finding.rule, finding.severity) == ("owner-and-grants", Severity.ERROR)
    assert (
        f"makes table crm.tags with owner {role}, but the 2 other tables of crm belong to" in finding.message
    )


# -- map-references --

REFERENCE = MapReference(
    schema="billing",
    table="ledger",
    column="customer",
    target_schema="crm",
    target_table="customers",
    target_column="id",
)


def test_orphans_of_a_reference_that_only_the_map_knows_are_counted(session: Session) -> None:
    session.execute(
        "CREATE TABLE billing.ledger (customer bigint); INSERT INTO billing.ledger VALUES (1), (50), (NULL)"
    )
    assert step_of("SELECT 1", session, references=(REFERENCE,)) == ()
    finding = only(step_of("UPDATE crm.customers SET phone = '2'", session, references=(REFERENCE,)))
    assert finding.rule == "map-references"
    assert finding.message == (
        "crm:a1 leaves 1 row of billing.ledger that point at nothing, though the database map says"
        " billing.ledger.customer → crm.customers.id: whoever follows the reference finds no row"
    )


def test_columns_of_a_reference_that_cannot_be_compared_are_told(session: Session) -> None:
    session.execute("CREATE TABLE billing.ledger (customer uuid)")
    finding = only(step_of("UPDATE crm.customers SET phone = '2'", session, references=(REFERENCE,)))
    assert "two columns that cannot be compared" in finding.message


def test_a_reference_whose_table_is_not_there_yet_is_left_alone(session: Session) -> None:
    assert step_of("UPDATE crm.customers SET phone = '2'", session, references=(REFERENCE,)) == ()

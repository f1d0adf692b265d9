"""What the applied revisions tell where no database is asked."""

from __future__ import annotations

from itertools import permutations

import pytest

from coordinator.impact.branch import Past, run_past
from coordinator.impact.holders import holders_of
from coordinator.model.effect import Holding
from tests.impact.bench import running

CRM = """
CREATE TABLE crm.people (id bigint PRIMARY KEY, phone text);
CREATE FUNCTION crm.norm(t text) RETURNS text LANGUAGE sql AS $$ SELECT lower(t) $$
"""
BODY = "INSERT INTO crm.people VALUES (1, 'x'); RETURN crm.norm((SELECT phone FROM people LIMIT 1));"
CALLS = f"""
CREATE FUNCTION bill.call() RETURNS text LANGUAGE plpgsql AS $$ BEGIN {BODY} END $$;
CREATE FUNCTION bill.all_calls() RETURNS text LANGUAGE sql AS $$ SELECT bill.call() $$
"""
MAIL = "CREATE FUNCTION mail.send() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM bill.call(); END $$"
MODULES = (("crm", "c1", CRM), ("bill", "b1", CALLS), ("mail", "m1", MAIL))


def told(past: Past) -> set[str]:
    return {f"{each.holder} {each.used}" for each in past.uses}


@pytest.mark.parametrize(
    "order", [*permutations(MODULES)], ids=lambda order: " ".join(each[0] for each in order)
)
def test_a_body_means_what_is_there_when_all_has_run(order: tuple[tuple[str, str, str], ...]) -> None:
    past = run_past([running(*each) for each in order])
    assert told(past) == {
        "crm.people.people_pkey crm.people.id",
        "bill.call crm.people",
        "bill.call crm.people.phone",
        "bill.call crm.norm",
        "bill.all_calls bill.call",
        "mail.send bill.call",
    }
    (insert,) = [each for each in past.uses if each.inserts]
    assert insert.columns == ("id", "phone")


def test_a_body_that_was_replaced_or_dropped_is_gone_and_one_that_was_renamed_is_not() -> None:
    past = run_past(
        [
            running("crm", "c1", CRM),
            running("bill", "b1", CALLS),
            running("mail", "m1", MAIL),
            running(
                "bill",
                "b2",
                "DROP FUNCTION bill.all_calls();\nALTER FUNCTION bill.call() RENAME TO ring;\n"
                "CREATE OR REPLACE FUNCTION mail.send() RETURNS void LANGUAGE sql AS $$ SELECT bill.ring() $$",
            ),
        ]
    )
    assert {each.split()[0] for each in told(past)} == {"crm.people.people_pkey", "bill.ring", "mail.send"}
    assert "mail.send bill.ring" in told(past)


def test_a_trigger_function_names_columns_of_the_tables_that_fire_it() -> None:
    function = "CREATE FUNCTION bill.trg() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.phone := ''; RETURN NEW; END $$"
    trigger = "CREATE TRIGGER fires BEFORE INSERT ON crm.people FOR EACH ROW EXECUTE FUNCTION bill.trg()"
    past = run_past([running("bill", "b1", f"{function};\n{trigger}"), running("crm", "c1", CRM)])
    assert "bill.trg crm.people.phone" in told(past)


NEXT = "DEFAULT nextval('crm.ticket')"
BILLS = "CREATE TABLE bill.bills (id int);\nALTER TABLE bill.bills ADD no bigint"


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (f"CREATE TABLE bill.bills (id int, no bigint {NEXT})", 1),
        (f"{BILLS} {NEXT}", 2),
        (f"{BILLS};\nALTER TABLE bill.bills ALTER no SET {NEXT}", 3),
    ],
)
def test_a_default_is_found_where_it_was_made(made: str, line: int) -> None:
    past = run_past([running("crm", "c1", "CREATE SEQUENCE crm.ticket"), running("bill", "b1", made)])
    found = holders_of(past.uses, owners={}, makers=past.makers, views=frozenset())
    assert [(each.name, each.place, each.file) for each in found] == [
        ("bill.bills.no", f"b1.py:{line}", "b1.py")
    ]


def test_a_body_of_standard_sql_is_followed() -> None:
    made = "CREATE FUNCTION bill.get() RETURNS text BEGIN ATOMIC SELECT phone FROM crm.people; END"
    past = run_past(
        [
            running("crm", "c1", CRM),
            running("bill", "b1", made),
            running("crm", "c2", "ALTER TABLE crm.people RENAME phone TO mobile"),
        ]
    )
    (use,) = [each for each in past.uses if str(each.used) == "crm.people.mobile"]
    assert (str(use.holder), use.holding) == ("bill.get", Holding.FIRM)


@pytest.mark.parametrize(
    ("made", "holding"),
    [
        ("bill.f(m crm.mood) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$", Holding.FIRM),
        ("bill.f() RETURNS crm.mood LANGUAGE plpgsql AS $$ BEGIN RETURN 'sad'; END $$", Holding.FIRM),
        ("bill.f() RETURNS text LANGUAGE sql AS $$ SELECT 'sad'::crm.mood::text $$", Holding.TEXT),
        ("bill.f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'sad'::crm.mood; END $$", Holding.LATE),
    ],
)
def test_a_function_holds_the_types_of_its_parameters_and_result(made: str, holding: Holding) -> None:
    past = run_past(
        [
            running("crm", "c1", "CREATE TYPE crm.mood AS ENUM ('sad')"),
            running("bill", "b1", f"CREATE FUNCTION {made}"),
        ]
    )
    held = {each.holding for each in past.uses if str(each.used) == "crm.mood"}
    assert held == {holding}


def test_a_foreign_key_that_names_columns_holds_their_key() -> None:
    table = "CREATE TABLE bill.bills (person bigint REFERENCES crm.people (id), CONSTRAINT positive CHECK (person > 0))"
    past = run_past([running("bill", "b1", table), running("crm", "c1", CRM)])
    assert "bill.bills.bills_person_fkey crm.people.people_pkey" in told(past)


def test_a_view_of_all_columns_holds_those_that_were_there() -> None:
    past = run_past(
        [
            running("crm", "c1", CRM),
            running("bill", "b1", "CREATE VIEW bill.everybody AS SELECT * FROM crm.people"),
            running("crm", "c2", "ALTER TABLE crm.people ADD later text"),
        ]
    )
    held = {str(each.used): each.every for each in past.uses if str(each.holder) == "bill.everybody"}
    assert held == {"crm.people": False, "crm.people.id": False, "crm.people.phone": False}

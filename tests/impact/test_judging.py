"""What becomes of each kind of consumer under each kind of change, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.impact.facts import Facts
from coordinator.impact.judging import impacts_of
from coordinator.impact.shipping import ship_first
from coordinator.impact.types import comparable, same_type, widens
from coordinator.impact.way_out.around import Around
from coordinator.impact.way_out.choosing import ways_out
from coordinator.model.impact import ConsumerKind, Consumption, Evidence, Stage, Usage, Verdict
from coordinator.model.names import RevisionKey
from coordinator.model.plan import RunPlan
from tests.impact.bench import judged, running

if TYPE_CHECKING:
    from coordinator.impact.branch import Running

SAFE, DEGRADES, BREAKS = Verdict.SAFE, Verdict.DEGRADES, Verdict.BREAKS


def verdict(change: str, sql: str, role: str | None = None) -> Verdict:
    impacts, _ = judged(change, sql, role=role)
    return max((c.verdict for i in impacts for c in i.consumers if c.name == sql), default=SAFE)


PHONE = "SELECT phone FROM crm.people"
ADD = "INSERT INTO crm.people (id, phone) VALUES (1, 'x')"
TO_INT = "ALTER TABLE crm.people ALTER phone TYPE bigint USING NULL"
UPSERT = "INSERT INTO crm.people (id, at, mood) VALUES (1, now(), 'sad') ON CONFLICT (mood, at) DO NOTHING"
ALWAYS = "ALTER TABLE crm.people ALTER id ADD GENERATED ALWAYS AS IDENTITY"
FORCING = [
    (ADD, BREAKS),
    ("UPDATE crm.people SET id = 2", BREAKS),
    ("UPDATE crm.people SET id = DEFAULT", SAFE),
    ("UPDATE crm.people SET phone = 'x'", SAFE),
    ("INSERT INTO crm.people (phone) VALUES ('x')", SAFE),
    ("INSERT INTO crm.people (id, phone) VALUES (DEFAULT, 'x')", SAFE),
    ("INSERT INTO crm.people (id, phone) VALUES (DEFAULT, 'x'), (2, 'y')", BREAKS),
    ("INSERT INTO crm.people (id, phone) OVERRIDING SYSTEM VALUE VALUES (1, 'x')", SAFE),
    ("INSERT INTO crm.people VALUES (1, 'x')", BREAKS),
    ("INSERT INTO crm.people VALUES (DEFAULT, 'x')", SAFE),
    ("INSERT INTO crm.people (id) SELECT id FROM bill.bills", BREAKS),
    ("INSERT INTO crm.people SELECT * FROM crm.people", DEGRADES),
    ("INSERT INTO crm.people (phone) VALUES ('x') ON CONFLICT (id) DO UPDATE SET id = 3", BREAKS),
    ("MERGE INTO crm.people USING bill.bills b ON true WHEN MATCHED THEN UPDATE SET id = 3", BREAKS),
    (
        "MERGE INTO crm.people USING bill.bills b ON true WHEN NOT MATCHED THEN INSERT (id) VALUES (DEFAULT)",
        SAFE,
    ),
    ("MERGE INTO crm.people USING bill.bills b ON true WHEN NOT MATCHED THEN INSERT (id) VALUES (3)", BREAKS),
    ("SELECT id FROM crm.people", SAFE),
]
SECURITY = [
    "ALTER TABLE crm.people ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE crm.people FORCE ROW LEVEL SECURITY",
    "ALTER TABLE crm.people DISABLE ROW LEVEL SECURITY",
    "CREATE POLICY p ON crm.people USING (age > 3)",
    "ALTER POLICY p ON crm.people USING (age > 3)",
    "DROP POLICY p ON crm.people",
]
TABLE = [
    ("ALTER TABLE crm.people DROP COLUMN phone", PHONE, BREAKS),
    ("ALTER TABLE crm.people DROP COLUMN phone", "SELECT age FROM crm.people", SAFE),
    ("ALTER TABLE crm.people DROP COLUMN phone", "SELECT * FROM crm.people", DEGRADES),
    ("ALTER TABLE crm.people DROP COLUMN phone", "UPDATE crm.people SET phone = 'x'", BREAKS),
    ("ALTER TABLE crm.people DROP COLUMN phone;\nALTER TABLE crm.people ADD phone text", PHONE, DEGRADES),
    (
        "ALTER TABLE crm.people DROP COLUMN age",
        "INSERT INTO crm.people VALUES (1, 'x', 2, 'sad', now())",
        BREAKS,
    ),
    ("DROP TABLE crm.people", "SELECT count(*) FROM crm.people", BREAKS),
    ("DROP TABLE crm.people;\nCREATE TABLE crm.people (id bigint)", PHONE, BREAKS),
    ("DROP FUNCTION bill.dial()", "SELECT bill.dial()", BREAKS),
    ("DROP TYPE crm.mood", "SELECT 'sad'::crm.mood", BREAKS),
    ("ALTER TABLE crm.people RENAME COLUMN phone TO mobile", PHONE, BREAKS),
    ("ALTER TABLE crm.people RENAME COLUMN phone TO mobile", "SELECT mobile FROM crm.people", SAFE),
    ("ALTER TABLE crm.people RENAME TO persons", "SELECT count(*) FROM crm.people", BREAKS),
    (
        "ALTER TABLE crm.people RENAME TO persons;\nCREATE VIEW crm.people AS SELECT id, phone FROM crm.persons",
        PHONE,
        SAFE,
    ),
    (
        "ALTER TABLE crm.people RENAME TO persons;\nCREATE VIEW crm.people AS SELECT id FROM crm.persons",
        PHONE,
        BREAKS,
    ),
    ("ALTER TABLE crm.people SET SCHEMA bill", PHONE, BREAKS),
    (
        "ALTER TYPE crm.mood RENAME VALUE 'sad' TO 'blue'",
        "SELECT id FROM crm.people WHERE mood = 'sad'",
        BREAKS,
    ),
    (
        "ALTER TYPE crm.mood RENAME VALUE 'sad' TO 'blue'",
        "SELECT id FROM crm.people WHERE mood = 'happy'",
        DEGRADES,
    ),
    (
        "ALTER TYPE crm.mood RENAME VALUE 'sad' TO 'blue'",
        "SELECT 1 FROM bill.days WHERE 'sad' = ANY(moods)",
        BREAKS,
    ),
    ("ALTER TYPE crm.mood ADD VALUE 'calm'", "SELECT mood FROM crm.people", DEGRADES),
    ("ALTER TYPE crm.mood ADD VALUE 'calm'", "INSERT INTO crm.people (id, mood) VALUES (1, 'sad')", SAFE),
    ("ALTER FUNCTION bill.dial() RENAME TO ring", "SELECT bill.dial()", BREAKS),
    (
        "DROP VIEW bill.phones;\nCREATE VIEW bill.phones AS SELECT id FROM crm.people",
        "SELECT * FROM bill.phones",
        DEGRADES,
    ),
    (
        "DROP VIEW bill.phones;\nCREATE VIEW bill.phones AS SELECT phone FROM crm.people WHERE age > 1",
        "SELECT * FROM bill.phones",
        SAFE,
    ),
    ("ALTER TABLE crm.people ALTER age TYPE bigint", "SELECT age FROM crm.people WHERE age > 3", SAFE),
    ("ALTER TABLE crm.people ALTER age TYPE bigint", "SELECT chr(age) FROM crm.people", DEGRADES),
    ("ALTER TABLE crm.people ALTER age TYPE text", "SELECT id FROM crm.people WHERE age > 3", BREAKS),
    (
        "ALTER TABLE crm.people ALTER age TYPE text",
        "SELECT p.id FROM crm.people p JOIN bill.bills b ON b.age = p.age",
        BREAKS,
    ),
    ("ALTER TABLE crm.people ALTER age TYPE text", "SELECT age FROM crm.people", DEGRADES),
    ("ALTER TABLE crm.people ALTER age TYPE text", "SELECT id FROM crm.people WHERE age IN (3, 4)", BREAKS),
    (
        "ALTER TABLE crm.people ALTER age TYPE text",
        "SELECT id FROM crm.people WHERE age BETWEEN 3 AND 4",
        BREAKS,
    ),
    ("ALTER TABLE crm.people ALTER age TYPE text", "SELECT id FROM crm.people WHERE age = '3'", DEGRADES),
    (TO_INT, "SELECT id FROM crm.people WHERE phone LIKE '+49%'", BREAKS),
    (TO_INT, "SELECT id FROM crm.people WHERE phone NOT ILIKE '%x'", BREAKS),
    (TO_INT, "SELECT id FROM crm.people WHERE phone ~ '^0'", BREAKS),
    (TO_INT, "SELECT id FROM crm.people WHERE phone SIMILAR TO '0%'", BREAKS),
    (TO_INT, "SELECT id FROM crm.people WHERE phone::text LIKE '+49%'", DEGRADES),
    (TO_INT, "SELECT lower(phone) FROM crm.people", BREAKS),
    (TO_INT, "SELECT lower(phone::text) FROM crm.people", DEGRADES),
    (TO_INT, "SELECT id FROM crm.people WHERE phone = 'none'", BREAKS),
    (TO_INT, "SELECT id FROM crm.people WHERE phone IN ('1', 'none')", BREAKS),
    (TO_INT, "SELECT id FROM crm.people WHERE phone = '12'", DEGRADES),
    (TO_INT, "SELECT id FROM crm.people WHERE note LIKE 'x%' AND phone = %s", DEGRADES),
    ("ALTER TABLE crm.people ALTER phone TYPE varchar(40)", "SELECT lower(phone) FROM crm.people", DEGRADES),
    (
        "ALTER TABLE crm.people ALTER phone TYPE crm.mood USING NULL",
        "SELECT lower(phone) FROM crm.people",
        DEGRADES,
    ),
    (
        "ALTER TABLE crm.people ALTER phone TYPE crm.mood USING NULL",
        "SELECT b.id FROM bill.bills b JOIN crm.people p ON p.phone = b.note",
        BREAKS,
    ),
    (
        "CREATE DOMAIN crm.number AS text;\nALTER TABLE crm.people ALTER phone TYPE crm.number",
        "SELECT b.id FROM bill.bills b JOIN crm.people p ON p.phone = b.note",
        DEGRADES,
    ),
    (
        "ALTER TABLE crm.people ALTER phone TYPE bool USING NULL",
        "SELECT id FROM crm.people WHERE phone = 'y'",
        DEGRADES,
    ),
    (
        "ALTER TABLE crm.people ALTER phone TYPE bool USING NULL",
        "SELECT id FROM crm.people WHERE phone = 'x'",
        BREAKS,
    ),
    ("ALTER TABLE crm.people ALTER age SET NOT NULL", ADD, BREAKS),
    ("ALTER TABLE crm.people ALTER phone SET NOT NULL", ADD, DEGRADES),
    ("ALTER TABLE crm.people ALTER phone SET NOT NULL", PHONE, SAFE),
    ("ALTER TABLE crm.people ADD vat text NOT NULL", ADD, BREAKS),
    ("ALTER TABLE crm.people ADD vat text NOT NULL DEFAULT ''", ADD, SAFE),
    (
        "ALTER TABLE crm.people ADD vat text NOT NULL;\nALTER TABLE crm.people ALTER vat DROP NOT NULL",
        ADD,
        SAFE,
    ),
    ("ALTER TABLE crm.people ADD vat text", ADD, SAFE),
    ("ALTER TABLE crm.people ADD vat text", "SELECT * FROM crm.people", DEGRADES),
    ("ALTER TABLE crm.people ADD vat text", "INSERT INTO crm.people VALUES (1, 'x')", DEGRADES),
    (
        "ALTER TABLE crm.people ADD note text",
        "SELECT note FROM bill.bills b JOIN crm.people p ON p.id = b.person",
        DEGRADES,
    ),
    ("ALTER TABLE crm.people ADD CONSTRAINT one UNIQUE (phone)", ADD, DEGRADES),
    ("CREATE UNIQUE INDEX one ON crm.people (phone)", ADD, DEGRADES),
    ("CREATE UNIQUE INDEX one ON crm.people (at)", ADD, DEGRADES),
    ("CREATE UNIQUE INDEX one ON crm.people (at)", "UPDATE crm.people SET phone = 'x'", SAFE),
    ("CREATE UNIQUE INDEX one ON crm.people (age)", ADD, SAFE),
    ("ALTER TABLE crm.people ADD CONSTRAINT one UNIQUE (at)", ADD, DEGRADES),
    ("ALTER TABLE crm.people ADD CONSTRAINT old CHECK (age > 17)", ADD, DEGRADES),
    ("ALTER TABLE crm.people ADD CONSTRAINT one UNIQUE (phone)", "DELETE FROM crm.people", SAFE),
    (
        "ALTER TABLE crm.people ADD CONSTRAINT k FOREIGN KEY (age) REFERENCES bill.bills (id)",
        "DELETE FROM bill.bills",
        DEGRADES,
    ),
    ("ALTER TABLE crm.people ALTER at DROP DEFAULT", ADD, BREAKS),
    ("ALTER TABLE crm.people ALTER at SET DEFAULT '2020-01-01'", ADD, DEGRADES),
    *((ALWAYS, sql, expected) for sql, expected in FORCING),
    (
        f"{ALWAYS.replace('ALWAYS', 'BY DEFAULT')};\nALTER TABLE crm.people ALTER id SET GENERATED ALWAYS",
        ADD,
        BREAKS,
    ),
    (f"{ALWAYS};\nALTER TABLE crm.people ALTER id SET GENERATED BY DEFAULT", ADD, SAFE),
    ("ALTER TABLE crm.people ALTER id ADD GENERATED BY DEFAULT AS IDENTITY", ADD, SAFE),
    (
        "ALTER TABLE crm.people DROP age;\nALTER TABLE crm.people ADD age int GENERATED ALWAYS AS (id) STORED",
        "UPDATE crm.people SET age = 3",
        BREAKS,
    ),
    (
        "ALTER TABLE crm.numbers ALTER id DROP IDENTITY",
        "INSERT INTO crm.numbers (twice) VALUES (DEFAULT)",
        BREAKS,
    ),
    (
        "ALTER TABLE crm.numbers ALTER id DROP IDENTITY",
        "INSERT INTO crm.numbers (id) VALUES (DEFAULT)",
        BREAKS,
    ),
    ("ALTER TABLE crm.numbers ALTER twice DROP EXPRESSION", "INSERT INTO crm.numbers DEFAULT VALUES", BREAKS),
    ("ALTER TABLE crm.numbers ALTER id SET GENERATED ALWAYS", "UPDATE crm.numbers SET id = 1", SAFE),
    *((change, sql, DEGRADES) for change in SECURITY for sql in (PHONE, ADD)),
    ("ALTER TABLE crm.people ENABLE ROW LEVEL SECURITY", "SELECT note FROM bill.bills", SAFE),
    ("CREATE TRIGGER t AFTER INSERT ON crm.people EXECUTE FUNCTION bill.dial()", ADD, DEGRADES),
    ("DELETE FROM crm.people WHERE age > 90", PHONE, DEGRADES),
    ("UPDATE crm.people SET phone = ''", PHONE, DEGRADES),
    ("UPDATE crm.people SET age = 1", PHONE, SAFE),
    (
        "ALTER TABLE crm.people DROP CONSTRAINT people_pkey CASCADE",
        "INSERT INTO crm.people (id) VALUES (1) ON CONFLICT (id) DO NOTHING",
        BREAKS,
    ),
    ("DROP INDEX crm.one_moment", UPSERT, BREAKS),
    ("DROP INDEX crm.one_moment", "INSERT INTO crm.people (id) VALUES (1) ON CONFLICT DO NOTHING", SAFE),
    ("DROP INDEX crm.one_moment", "INSERT INTO crm.people (id) VALUES (1) ON CONFLICT (id) DO NOTHING", SAFE),
    ("DROP INDEX crm.one_moment;\nCREATE UNIQUE INDEX another ON crm.people (at, mood)", UPSERT, DEGRADES),
    (
        "DROP INDEX crm.one_moment;\nALTER TABLE crm.people ADD CONSTRAINT another UNIQUE (at, mood)",
        UPSERT,
        DEGRADES,
    ),
    ("DROP INDEX crm.one_moment;\nCREATE INDEX another ON crm.people (at, mood)", UPSERT, BREAKS),
    ("DROP INDEX crm.one_moment;\nCREATE UNIQUE INDEX another ON crm.people (at)", UPSERT, BREAKS),
    (
        "DROP INDEX crm.one_moment;\nCREATE UNIQUE INDEX another ON crm.people (at, mood) WHERE phone IS NULL",
        UPSERT,
        BREAKS,
    ),
    (
        "DROP INDEX crm.one_moment;\nCREATE UNIQUE INDEX another ON crm.people (at, mood) WHERE phone IS NULL",
        UPSERT.replace(" DO", " WHERE phone IS NULL DO"),
        DEGRADES,
    ),
    (
        """CREATE UNIQUE INDEX a ON crm.people (at, mood);
DROP INDEX crm.one_moment;
ALTER TABLE crm.people ADD CONSTRAINT b UNIQUE USING INDEX a;
ALTER TABLE crm.people DROP CONSTRAINT b""",
        UPSERT,
        BREAKS,
    ),
    (
        "ALTER TABLE crm.people RENAME COLUMN at TO moment",
        "INSERT INTO crm.people (id) VALUES (1) ON CONFLICT (at) DO NOTHING",
        BREAKS,
    ),
    ("REVOKE SELECT ON crm.people FROM app", PHONE, DEGRADES),
    ("REVOKE INSERT ON crm.people FROM app", PHONE, SAFE),
    ("GRANT SELECT ON crm.people TO app", PHONE, SAFE),
    (
        "CREATE OR REPLACE VIEW bill.phones AS SELECT phone FROM crm.people WHERE age > 1",
        "SELECT * FROM bill.phones",
        SAFE,
    ),
    ("CREATE INDEX i ON crm.people (age)", "SELECT age FROM crm.people", SAFE),
]


@pytest.mark.parametrize(
    ("change", "sql", "expected"), TABLE, ids=[f"{c[:60]} | {s[:40]}" for c, s, _ in TABLE]
)
def test_what_becomes_of_a_statement(change: str, sql: str, expected: Verdict) -> None:
    assert verdict(change, sql) is expected


RIGHTS = [
    ("SELECT ON crm.people", PHONE, BREAKS),
    ("SELECT ON ALL TABLES IN SCHEMA crm", PHONE, BREAKS),
    ("GRANT OPTION FOR SELECT ON crm.people", PHONE, SAFE),
    ("SELECT (phone) ON crm.people", PHONE, DEGRADES),
    ("SELECT (phone) ON crm.people", "SELECT age FROM crm.people", SAFE),
    ("SELECT ON crm.people", ADD, DEGRADES),
    ("INSERT ON crm.people", ADD, BREAKS),
    ("UPDATE, DELETE ON crm.people", PHONE, SAFE),
    ("DELETE ON crm.people", "UPDATE crm.people SET age = 1", SAFE),
    ("UPDATE ON crm.people", "UPDATE crm.people SET age = 1", BREAKS),
    ("DELETE ON crm.people", "DELETE FROM crm.people", BREAKS),
    ("UPDATE ON crm.people", "DELETE FROM crm.people", SAFE),
    ("USAGE ON SCHEMA crm", PHONE, BREAKS),
]


@pytest.mark.parametrize(("right", "sql", "expected"), RIGHTS)
def test_what_becomes_of_a_statement_whose_role_loses_a_right(
    right: str, sql: str, expected: Verdict
) -> None:
    assert verdict(f"REVOKE {right} FROM app", sql, role="app") is expected


@pytest.mark.parametrize("right", ["DELETE", "UPDATE, DELETE"])
def test_an_insert_needs_no_right_to_change_or_remove_rows(right: str) -> None:
    assert verdict(f"REVOKE {right} ON crm.people FROM app", ADD, role="app") is not BREAKS


def test_a_role_that_loses_its_right_breaks_and_another_does_not() -> None:
    change = "REVOKE ALL ON crm.people FROM app"
    assert verdict(change, PHONE, role="app") is BREAKS
    assert verdict(change, PHONE, role="other") is SAFE


def held(change: str, *others: Running) -> dict[str, tuple[Verdict, str]]:
    impacts, _ = judged(change, others=others)
    return {c.name: (c.verdict, c.why) for i in impacts for c in i.consumers if c.kind.in_database}


def test_postgresql_refuses_for_what_it_knows_and_follows_a_rename() -> None:
    assert held("ALTER TABLE crm.people DROP COLUMN phone") == {
        "bill.dial": (BREAKS, "asks for phone, which is no longer there"),
        "bill.phones": (BREAKS, "stands on it, so PostgreSQL refuses to drop it"),
    }
    renamed = held("ALTER TABLE crm.people RENAME COLUMN phone TO mobile")
    assert renamed["bill.phones"][0] is SAFE
    assert renamed["bill.dial"][0] is BREAKS
    key = held("ALTER TABLE crm.people ALTER id TYPE uuid USING NULL")
    assert key["bill.bills.bills_person_fkey"][1].startswith("cannot be kept: bill.bills.person is int8")
    assert held("ALTER TABLE crm.people ALTER id TYPE numeric")["bill.bills.bills_person_fkey"][0] is DEGRADES


def test_all_columns_that_a_function_only_keeps_may_get_longer() -> None:
    column = running("crm", "c1b", "ALTER TABLE crm.people ADD code varchar(50)")
    body = "DECLARE r crm.people%ROWTYPE; BEGIN SELECT * INTO r FROM crm.people; RETURN r.id; END"
    kept = running("bill", "b1", f"CREATE FUNCTION bill.kept() RETURNS int LANGUAGE plpgsql AS $$ {body} $$")
    for wider, expected in (("varchar(100)", SAFE), ("text", DEGRADES), ("varchar(10)", DEGRADES)):
        found = held(f"ALTER TABLE crm.people ALTER code TYPE {wider}", column, kept)
        assert found["bill.kept"][0] is expected


def test_what_another_pending_revision_lets_go_first_is_safe() -> None:
    view = running("bill", "b1", "CREATE OR REPLACE VIEW bill.phones AS SELECT NULL::text AS phone")
    found = held("ALTER TABLE crm.people DROP COLUMN phone", view)
    assert found["bill.phones"] == (SAFE, "is dropped or replaced first, by bill:b1")
    assert found["bill.dial"][0] is BREAKS


def test_what_uses_something_that_breaks_breaks_with_it() -> None:
    impacts, _ = judged(
        "ALTER TABLE crm.people DROP COLUMN phone CASCADE", "SELECT bill.dial()", "SELECT * FROM bill.phones"
    )
    through = {c.name: (c.through, c.verdict) for i in impacts for c in i.consumers if c.through}
    assert through == {
        "SELECT bill.dial()": ("bill.dial", BREAKS),
        "SELECT * FROM bill.phones": ("bill.phones", BREAKS),
    }
    impacts, _ = judged("ALTER TABLE crm.people DROP COLUMN phone", "SELECT * FROM bill.phones")
    assert not any(c.kind is ConsumerKind.CODE for i in impacts for c in i.consumers)  # it is refused


def test_a_function_that_may_fail_may_fail_for_its_callers() -> None:
    writer = running(
        "bill",
        "b1",
        "CREATE FUNCTION bill.enter() RETURNS void LANGUAGE sql AS"
        " $$ INSERT INTO crm.people (id, phone) VALUES (1, 'x') $$",
    )
    change = "ALTER TABLE crm.people ADD CONSTRAINT one UNIQUE (phone)"
    impacts, _ = judged(change, "SELECT bill.enter()", others=(writer,))
    told = {c.name: (c.verdict, c.why) for i in impacts for c in i.consumers}
    assert told["SELECT bill.enter()"] == (DEGRADES, "calls function bill.enter, which may fail")
    # Another order of rows, or a new value, fails nobody: it is told once, where it happens.
    impacts, _ = judged("DELETE FROM crm.people", "SELECT bill.dial()")
    assert [c.name for i in impacts for c in i.consumers if c.through] == []


def test_an_upsert_in_a_function_breaks_with_its_key_and_so_do_its_callers() -> None:
    upsert = running(
        "bill",
        "b1",
        f"CREATE FUNCTION bill.enter() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {UPSERT}; END $$",
    )
    for change in (
        "DROP INDEX crm.one_moment",
        "DROP INDEX crm.one_moment;\nCREATE INDEX i ON crm.people (at)",
    ):
        impacts, _ = judged(change, "SELECT bill.enter()", others=(upsert,))
        told = {c.name: (c.verdict, c.why) for i in impacts for c in i.consumers}
        assert told["bill.enter"] == (
            BREAKS,
            "relies on this unique key (ON CONFLICT), which is no longer there",
        )
        assert told["SELECT bill.enter()"] == (BREAKS, "calls function bill.enter, which breaks")
    found = held("ALTER TABLE crm.people DROP CONSTRAINT people_pkey CASCADE", upsert)
    assert "bill.enter" not in found  # it relies on another key


NORM = "CREATE FUNCTION crm.norm(%s) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$"
WITH_TEXT, WITH_INT = NORM % "x text", NORM % "x int"
OVERLOADS = [
    # what there is, what changes, a call, what becomes of it
    ((WITH_TEXT, NORM % "x int, y int"), "DROP FUNCTION crm.norm(int, int)", "SELECT crm.norm('a')", SAFE),
    ((WITH_TEXT, NORM % "x int, y int"), "DROP FUNCTION crm.norm(int, int)", "SELECT crm.norm(1, 2)", BREAKS),
    ((WITH_TEXT, WITH_INT), "DROP FUNCTION crm.norm(int)", "SELECT crm.norm('a')", DEGRADES),
    ((WITH_TEXT, WITH_INT), "DROP FUNCTION crm.norm(int), crm.norm(text)", "SELECT crm.norm('a')", BREAKS),
    ((WITH_TEXT,), "DROP FUNCTION crm.norm", "SELECT crm.norm('a')", BREAKS),
    ((WITH_TEXT,), f"{WITH_INT};\nDROP FUNCTION crm.norm(int)", "SELECT crm.norm('a')", SAFE),
    ((WITH_TEXT,), f"DROP FUNCTION crm.norm(text);\n{WITH_TEXT}", "SELECT crm.norm('a')", SAFE),
    (
        (WITH_TEXT,),
        f"DROP FUNCTION crm.norm(text);\n{NORM % 'x text, y int'}",
        "SELECT crm.norm('a')",
        BREAKS,
    ),
    (
        (WITH_TEXT,),
        f"DROP FUNCTION crm.norm(text);\n{NORM % 'x text, y int = 0'}",
        "SELECT crm.norm('a')",
        SAFE,
    ),
    ((WITH_TEXT,), f"DROP FUNCTION crm.norm(text);\n{WITH_INT}", "SELECT crm.norm('a')", DEGRADES),
    ((WITH_TEXT,), NORM.replace("CREATE", "CREATE OR REPLACE") % "x text", "SELECT crm.norm('a')", SAFE),
    (
        (WITH_TEXT,),
        NORM.replace("CREATE", "CREATE OR REPLACE") % "x text, y int",
        "SELECT crm.norm('a')",
        SAFE,
    ),
    ((WITH_TEXT,), NORM % "x text, y int = 0", "SELECT crm.norm('a')", DEGRADES),
    (
        (NORM % "VARIADIC x text[]",),
        f"DROP FUNCTION crm.norm;\n{WITH_TEXT}",
        "SELECT crm.norm('a', 'b')",
        BREAKS,
    ),
    (
        (NORM % "VARIADIC x text[]",),
        f"DROP FUNCTION crm.norm;\n{WITH_TEXT}",
        "SELECT crm.norm('a')",
        DEGRADES,
    ),
    ((WITH_TEXT,), "ALTER FUNCTION crm.norm(text) RENAME TO clean", "SELECT crm.norm('a')", BREAKS),
    (
        (WITH_TEXT,),
        f"ALTER FUNCTION crm.norm(text) RENAME TO clean;\n{WITH_TEXT}",
        "SELECT crm.norm('a')",
        SAFE,
    ),
    (
        (WITH_TEXT, NORM % "x int, y int"),
        "ALTER FUNCTION crm.norm(int, int) SET SCHEMA bill",
        "SELECT crm.norm('a')",
        SAFE,
    ),
]


@pytest.mark.parametrize(("there", "change", "sql", "expected"), OVERLOADS)
def test_a_call_means_the_functions_of_that_name_that_take_as_many_arguments(
    there: tuple[str, ...], change: str, sql: str, expected: Verdict
) -> None:
    others = tuple(running("bill", f"b{number}", each) for number, each in enumerate(there, start=1))
    impacts, _ = judged(change, sql, others=others)
    assert max((c.verdict for i in impacts for c in i.consumers if c.name == sql), default=SAFE) is expected


def test_a_function_that_stands_on_another_of_the_name_is_no_reason_to_refuse() -> None:
    view = "CREATE VIEW bill.normed AS SELECT crm.norm(phone) FROM crm.people"
    others = tuple(
        running("bill", f"b{number}", each)
        for number, each in enumerate((WITH_TEXT, NORM % "x int, y int", view), start=1)
    )
    assert held("DROP FUNCTION crm.norm(int, int)", *others)["bill.normed"][0] is SAFE
    assert held("DROP FUNCTION crm.norm(text)", *others)["bill.normed"] == (
        BREAKS,
        "stands on it, so PostgreSQL refuses to drop it",
    )


def test_what_one_of_several_functions_holds_is_not_let_go_with_another() -> None:
    both = [
        running(
            "bill",
            "b1",
            "CREATE FUNCTION bill.ring(t text) RETURNS text LANGUAGE sql AS $$ SELECT phone FROM crm.people $$",
        ),
        running(
            "bill", "b2", "CREATE FUNCTION bill.ring(t int) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$"
        ),
    ]
    gone = running("bill", "b3", "DROP FUNCTION bill.ring(int)")
    assert held("ALTER TABLE crm.people DROP COLUMN phone", *both, gone)["bill.ring"][0] is BREAKS
    gone = running("bill", "b3", "DROP FUNCTION bill.ring(text), bill.ring(int)")
    assert held("ALTER TABLE crm.people DROP COLUMN phone", *both, gone)["bill.ring"][0] is SAFE


def test_row_level_security_says_who_sees_fewer_rows_and_who_may_be_refused() -> None:
    impacts, _ = judged(SECURITY[0], PHONE, ADD)
    (impact,) = impacts
    assert impact.change.description == "turns on row level security of 'crm.people'"
    told = {c.name: c.why for c in impact.consumers}
    why = "row level security is on, and what it runs as may not be the owner"
    assert told[PHONE] == told["bill.phones"] == f"may see fewer rows of crm.people: {why}"
    assert told[ADD] == f"may be refused what it writes to crm.people, or see fewer rows: {why}"
    made = "CREATE TABLE crm.new (id int);\nALTER TABLE crm.new ENABLE ROW LEVEL SECURITY"
    assert all(not each.consumers for each in judged(made, PHONE)[0])


def test_dynamic_sql_is_not_known_and_words_never_break() -> None:
    _, branch = judged(
        "CREATE OR REPLACE FUNCTION bill.wild(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; END $$"
    )
    assert "function bill.wild runs dynamic SQL (EXECUTE), or cannot be read" in branch.not_known
    _, branch = judged("ALTER TABLE crm.people DROP COLUMN phone")
    (alteration,) = branch.alterations
    by_name = Consumption(
        kind=ConsumerKind.CODE,
        name="page",
        module="bill",
        place="page.html:1",
        usages=(Usage(object=alteration.object),),
        evidence=Evidence.NAME,
    )
    (impact,) = impacts_of(branch.alterations, [by_name], Facts(start=branch.start, final=branch.final))
    assert impact.consumers[0].verdict is DEGRADES
    assert impact.change.impact_analysis[0].startswith("code 'page' degrades: it names crm.people.phone")


def test_the_way_out_of_a_rename_runs_as_it_is_written() -> None:
    impacts, branch = judged("ALTER TABLE crm.people RENAME COLUMN phone TO mobile", PHONE)
    source = "CREATE FUNCTION bill.dial() RETURNS text LANGUAGE sql AS $$ SELECT phone FROM crm.people $$"
    (way,) = ways_out(branch, impacts, Around(sources={"bill.dial": source}))
    assert [step.stage for step in way.steps] == [Stage.EXPAND, Stage.MOVE, Stage.CONTRACT]
    assert "bill.py:1 (code SELECT phone FROM crm.people)" in way.steps[1].places
    assert (
        "CREATE OR REPLACE FUNCTION bill.dial() RETURNS text LANGUAGE sql AS $$ SELECT mobile"
        in way.steps[1].code
    )
    assert "requires = ['bill:<its revision of step 2>']" in way.steps[2].code
    for step in way.steps:
        compile(step.code, "a revision", "exec")


def test_nothing_ships_first_where_nobody_else_is_pending() -> None:
    assert ship_first(RunPlan(segments=()), frozenset({RevisionKey("crm", "c2")})) == ()


@pytest.mark.parametrize(
    ("one", "other", "same", "compares", "wider"),
    [
        ("integer", "int4", True, True, True),
        ("integer", "bigint", False, True, True),
        ("bigint", "integer", False, True, False),
        ("character varying(20)", "text", False, True, True),
        ("text", "character varying(20)", False, True, False),
        ("numeric(8,2)", "numeric", False, True, True),
        ("bigint", "uuid", False, False, False),
        ("integer[]", "integer", False, False, False),
        ("crm.mood", "mood", True, True, False),
        ("timestamp with time zone", "timestamptz", True, True, False),
        ("", "text", False, None, False),
        ("crm.mood", "text", False, None, False),
        ("crm.mood", "public.age", False, None, False),
        ("crm.mood", "bigint[]", False, None, False),
        ("inet", "cidr", False, True, False),
        ("time", "interval", False, True, False),
        ("bit(3)", "bit varying(5)", False, True, False),
        ("time", "time with time zone", False, True, False),
        ("inet", "text", False, False, False),
        ("money", "numeric", False, False, False),
    ],
)
def test_how_types_stand_to_each_other(
    one: str, other: str, same: bool, compares: bool | None, wider: bool
) -> None:
    assert same_type(one, other) is same
    assert comparable(one, other) is compares
    assert widens(one, other) is wider


def test_an_enum_compares_with_itself_alone() -> None:
    assert comparable("crm.mood", "text", {"mood"}) is False
    assert comparable("crm.mood", "mood", {"mood"}) is True
    assert comparable("crm.mood", "crm.mail", {"mood"}) is None


NEW_ENUM = (
    "ALTER TYPE crm.mood RENAME TO mood_old;\nCREATE TYPE crm.mood AS ENUM ('happy', 'blue');\n"
    "ALTER TABLE crm.people ALTER mood TYPE crm.mood USING 'happy';\n{then}DROP TYPE crm.mood_old"
)
TOO = "ALTER TABLE bill.days ALTER moods TYPE crm.mood[] USING '{}';\n"


def test_a_type_made_anew_under_its_name_breaks_only_who_asks_for_a_value_that_it_has_lost() -> None:
    change = NEW_ENUM.format(then=TOO)
    assert verdict(change, "SELECT 'sad'::crm.mood") is BREAKS
    assert verdict(change, "SELECT 'happy'::crm.mood") is DEGRADES


def test_a_type_is_let_go_by_a_column_that_gets_another_one_first() -> None:
    assert BREAKS not in {told for told, _ in held(NEW_ENUM.format(then=TOO)).values()}
    found = held(NEW_ENUM.format(then=""))
    assert found["bill.days.moods"] == (BREAKS, "stands on it, so PostgreSQL refuses to drop it")
    assert found["crm.people.mood"] == (SAFE, "gets another type first, by crm:c2")


def test_a_body_that_is_replaced_in_the_same_revision_breaks_nobody() -> None:
    change = (
        "ALTER TABLE crm.people RENAME COLUMN phone TO mobile;\n"
        "CREATE OR REPLACE FUNCTION bill.dial() RETURNS text LANGUAGE sql AS"
        " $$ SELECT mobile FROM crm.people LIMIT 1 $$"
    )
    assert held(change)["bill.dial"][0] is SAFE
    assert verdict(change, "SELECT bill.dial()") is SAFE
    # A view holds the column until it is dropped, and that comes too late.
    late = "ALTER TABLE crm.people DROP COLUMN phone;\nDROP VIEW bill.phones"
    assert held(late)["bill.phones"][0] is BREAKS

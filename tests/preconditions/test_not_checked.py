"""What is not checked is said, each time with the reason, and with what to do where something can be done."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coordinator.model.check_budget import CheckBudget
from coordinator.model.precondition import PreconditionOutcome
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.postgres.url import show
from tests.preconditions.rows import ask, fails

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl

TABLES = """
CREATE TABLE crm.customers (id int PRIMARY KEY, email text, age int);
INSERT INTO crm.customers VALUES (1, NULL, 5), (2, 'x', NULL);
CREATE TABLE crm.visits (id int, customer int REFERENCES crm.customers ON DELETE CASCADE, note text);
INSERT INTO crm.visits VALUES (1, 1, NULL);
"""
NOT_NULL = "ALTER TABLE crm.customers ALTER email SET NOT NULL"
FIRST = {
    "a backfill": (
        "UPDATE crm.customers SET email = 'none' WHERE email IS NULL",
        "rows are changed first by crm:c1 (line 10)",
    ),
    "a delete": (
        "DELETE FROM crm.customers WHERE email IS NULL",
        "rows are removed first by crm:c1 (line 10)",
    ),
    "an insert that may change rows": (
        "INSERT INTO crm.customers VALUES (1, 'x', 1) ON CONFLICT (id) DO UPDATE SET email = excluded.email",
        "rows are changed first by crm:c1 (line 10)",
    ),
    "a DO block": (
        "DO $$ BEGIN UPDATE crm.customers SET email = 'x'; END $$",
        "rows may be changed first by crm:c1 (line 10), which decides at run time what it does",
    ),
    "a type that becomes another": (
        "ALTER TABLE crm.customers ALTER email TYPE varchar(10) USING nullif(email, 'x')",
        "rows are changed first by crm:c1 (line 10)",
    ),
    "a default that is computed": (
        "ALTER TABLE crm.customers DROP COLUMN email; ALTER TABLE crm.customers ADD email text DEFAULT current_user",
        "the values of the new column 'email' are computed when it is added",
    ),
}


@pytest.mark.parametrize(("first", "why"), FIRST.values(), ids=FIRST)
def test_rows_that_the_plan_changes_first_are_not_asked(session: Session, first: str, why: str) -> None:
    session.execute(TABLES)
    for steps in (((first,), (NOT_NULL,)), ((first, NOT_NULL),)):  # an earlier step, or the same revision
        result = ask(session, *steps).results[-1]
        assert result.outcome is PreconditionOutcome.NOT_CHECKED
        assert result.why == why
        assert not result.mendable


def test_a_constraint_that_gets_another_name_before_it_is_validated_is_not_asked(session: Session) -> None:
    session.execute(TABLES)
    session.execute("ALTER TABLE crm.customers ADD CONSTRAINT old CHECK (age > 5) NOT VALID")
    plan = (
        "ALTER TABLE crm.customers RENAME CONSTRAINT old TO young",
        "ALTER TABLE crm.customers VALIDATE CONSTRAINT young",
    )
    assert fails(session, *plan) is not None
    result = ask(session, plan).only
    assert (result.outcome, result.why) == (
        PreconditionOutcome.NOT_CHECKED,
        "no constraint of this name is known",
    )


def test_a_generated_column_follows_those_that_are_changed_first(session: Session) -> None:
    session.execute(
        "CREATE TABLE crm.people (mail text, key text GENERATED ALWAYS AS (lower(mail)) STORED);"
        "INSERT INTO crm.people VALUES (NULL)"
    )
    tightened = "ALTER TABLE crm.people ALTER key SET NOT NULL"
    plan = ("UPDATE crm.people SET mail = 'x'", tightened)
    assert fails(session, *plan) is None
    assert ask(session, plan).only.why == "rows are changed first by crm:c1 (line 10)"
    plan = ("ALTER TABLE crm.people ALTER key SET EXPRESSION AS (coalesce(mail, ''))", tightened)
    assert session.server_version < 170000 or fails(session, *plan) is None
    assert ask(session, plan).only.why == "rows are changed first by crm:c1 (line 10)"


def test_rows_that_another_tables_delete_takes_along_are_not_asked(session: Session) -> None:
    session.execute(TABLES)
    said = ask(session, ("DELETE FROM crm.customers", "ALTER TABLE crm.visits ALTER note SET NOT NULL"))
    assert [each.why for each in said.results] == ["rows are removed first by crm:c1 (line 10)"]


def test_a_write_to_another_column_or_table_does_not_matter(session: Session) -> None:
    session.execute(TABLES)
    said = ask(session, ("UPDATE crm.customers SET age = 1", "INSERT INTO crm.visits VALUES (2)", NOT_NULL))
    assert (said.outcomes, said.counts) == (["violated"], [1])


@pytest.mark.parametrize(
    ("insert", "demand"),
    [
        (
            "INSERT INTO crm.visits SELECT 2, id FROM crm.customers",
            "ALTER TABLE crm.visits ALTER id SET NOT NULL",
        ),
        ("INSERT INTO crm.visits VALUES (1, 2)", "CREATE UNIQUE INDEX ON crm.visits (id)"),
    ],
)
def test_rows_that_the_plan_adds_may_break_what_those_of_today_do_not(
    session: Session, insert: str, demand: str
) -> None:
    session.execute(TABLES)
    assert ask(session, demand).outcomes == ["holds"]
    said = ask(session, (insert, demand))
    assert said.only.why == "no row of today breaks it, and rows are added first by crm:c1 (line 10)"
    assert ask(session, ("UPDATE crm.visits SET note = ''", demand)).outcomes == ["holds"]
    session.execute("INSERT INTO crm.visits VALUES (1), (NULL)")
    assert ask(session, (insert, demand)).outcomes == ["violated"]


def test_a_trigger_may_change_more_than_the_statement_says(session: Session) -> None:
    session.execute(TABLES)
    session.execute(
        "CREATE FUNCTION crm.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE UPDATE ON crm.customers FOR EACH ROW EXECUTE FUNCTION crm.f()"
    )
    said = ask(session, ("UPDATE crm.customers SET age = 1", NOT_NULL))
    assert said.only.why == "a trigger of crm.customers may change rows when crm:c1 (line 10) writes"


def test_a_function_of_somebodys_may_change_rows_when_it_is_called(session: Session) -> None:
    session.execute(TABLES)
    session.execute("CREATE FUNCTION crm.backfill() RETURNS void LANGUAGE sql AS 'SELECT 1'")
    said = ask(session, ("SELECT crm.backfill()", NOT_NULL))
    assert said.only.why == "rows may be changed first by crm:c1 (line 10), which calls crm.backfill"
    said = ask(session, ("SELECT count(*) FROM crm.customers", NOT_NULL))
    assert said.outcomes == ["violated"]


def test_a_cast_that_would_cut_is_not_tried_for_one_that_refuses(session: Session) -> None:
    session.execute("CREATE TABLE crm.things (m text[]); INSERT INTO crm.things VALUES ('{abcd}')")
    plan = ("ALTER TABLE crm.things ALTER m TYPE varchar(3)[]",)
    assert fails(session, *plan) is not None
    assert ask(session, plan).only.why == "a cast that is asked for cuts off what this one would refuse"


def test_a_domain_may_give_a_new_column_its_value(session: Session) -> None:
    session.execute(TABLES + "CREATE DOMAIN crm.status AS text DEFAULT 'new'")
    added = "ALTER TABLE crm.customers ADD status crm.status NOT NULL"
    assert fails(session, added) is None
    assert ask(session, added).results == ()
    plan = (
        "CREATE DOMAIN crm.mood AS text DEFAULT 'glad'",
        "ALTER TABLE crm.customers ADD mood crm.mood NOT NULL",
    )
    assert fails(session, *plan) is None
    assert ask(session, plan).only.why == "its type is made first"


@pytest.mark.parametrize(
    ("before", "rows", "after"),
    [
        ("timestamp", "('2020-01-01 00:00:00.1'), ('2020-01-01 00:00:00.2')", "timestamp(0)"),
        ("bigint", "(9007199254740992), (9007199254740993)", "float8"),
    ],
)
def test_values_that_become_equal_by_another_type_are_not_asked(
    session: Session, before: str, rows: str, after: str
) -> None:
    session.execute(f"CREATE TABLE crm.things (x {before}); INSERT INTO crm.things VALUES {rows}")
    plan = (f"ALTER TABLE crm.things ALTER x TYPE {after}", "ALTER TABLE crm.things ADD UNIQUE (x)")
    assert fails(session, *plan) is not None
    assert ask(session, plan).only.why == "the type of 'x' is changed first by crm:c1 (line 10)"


def test_what_depends_on_what_a_revision_reads_is_not_asked(session: Session) -> None:
    session.execute(TABLES)
    unknown = ("it asks the database at line 20",)
    said = ask(
        session, (NOT_NULL, "SELECT 1", "ALTER TABLE crm.customers ALTER age SET NOT NULL"), unknown=unknown
    )
    assert said.outcomes == ["violated", "not checked"]
    assert said.results[1].why == "what crm:c1 does depends on what it reads: it asks the database at line 20"
    said = ask(session, ("SELECT 1",), (NOT_NULL,), unknown=unknown)
    assert said.outcomes == ["not checked"]


def test_tables_that_the_plan_makes_are_not_asked_about(session: Session) -> None:
    session.execute(TABLES)
    made = ("CREATE TABLE crm.kinds (id int, name text)", "INSERT INTO crm.kinds VALUES (1, NULL)")
    assert ask(session, (*made, "ALTER TABLE crm.kinds ADD PRIMARY KEY (id)")).results == ()
    copied = (made[0], "INSERT INTO crm.kinds SELECT id, email FROM crm.customers")
    said = ask(session, (*copied, "ALTER TABLE crm.kinds ALTER name SET NOT NULL"))
    assert said.only.why == "its rows come from crm:c1 (line 20)"
    emptied = ("TRUNCATE crm.customers CASCADE", NOT_NULL)
    assert ask(session, emptied).results == ()


@pytest.mark.parametrize(
    "plan",
    [
        (
            "CREATE TABLE crm.kinds (id int PRIMARY KEY)",
            "INSERT INTO crm.kinds VALUES (5)",
            "ALTER TABLE crm.customers ADD FOREIGN KEY (age) REFERENCES crm.kinds",
        ),
        (
            "CREATE TABLE crm.kinds (id int PRIMARY KEY)",
            "INSERT INTO crm.kinds VALUES (1)",
            "ALTER TABLE crm.customers ADD kind int NOT NULL DEFAULT 1 REFERENCES crm.kinds",
        ),
        (
            "TRUNCATE crm.ages",
            "INSERT INTO crm.ages VALUES (5)",
            "ALTER TABLE crm.customers ADD FOREIGN KEY (age) REFERENCES crm.ages",
        ),
    ],
)
def test_rows_may_point_at_those_that_the_plan_puts_in_first(session: Session, plan: tuple[str, ...]) -> None:
    session.execute(TABLES + "CREATE TABLE crm.ages (id int PRIMARY KEY)")
    assert fails(session, *plan) is None
    assert ask(session, plan).only.why == "rows are added first by crm:c1 (line 20)"


POINTING = """
CREATE TABLE crm.orders (id int PRIMARY KEY);
INSERT INTO crm.orders VALUES (1);
CREATE DOMAIN crm.amount AS int;
CREATE TABLE crm.items (orders int REFERENCES crm.orders {key}, note text, amount crm.amount);
INSERT INTO crm.items VALUES (1, NULL, -1);
"""


@pytest.mark.parametrize(
    "plan",
    [
        ("TRUNCATE crm.items", "DELETE FROM crm.orders"),
        ("TRUNCATE crm.orders CASCADE", "ALTER TABLE crm.items ALTER note SET NOT NULL"),
        ("TRUNCATE crm.items", "ALTER DOMAIN crm.amount ADD CHECK (VALUE > 0)"),
    ],
)
def test_a_table_that_is_emptied_demands_nothing(session: Session, plan: tuple[str, ...]) -> None:
    session.execute(POINTING.format(key=""))
    assert fails(session, *plan) is None
    assert ask(session, plan).results == ()


def test_rows_that_point_there_may_go_before_a_deferred_key_asks(session: Session) -> None:
    session.execute(POINTING.format(key="DEFERRABLE INITIALLY DEFERRED"))
    plan = ("DELETE FROM crm.orders", "DELETE FROM crm.items")
    assert fails(session, *plan) is None
    assert ask(session, plan).only.why == "items_orders_fkey may be deferred to the end of the step"


def test_rows_that_point_there_may_go_by_a_trigger(session: Session) -> None:
    session.execute(POINTING.format(key=""))
    session.execute(
        "CREATE FUNCTION crm.f() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN DELETE FROM crm.items WHERE orders = OLD.id; RETURN OLD; END';"
        "CREATE TRIGGER t BEFORE DELETE ON crm.orders FOR EACH ROW EXECUTE FUNCTION crm.f()"
    )
    plan = ("DELETE FROM crm.orders",)
    assert fails(session, *plan) is None
    assert ask(session, plan).only.why == "a trigger of crm.orders may take them along"


def test_a_table_larger_than_the_budget_is_not_read_and_the_flag_that_reads_it_is_told(
    session: Session,
) -> None:
    session.execute(
        "CREATE TABLE crm.large (x int); INSERT INTO crm.large SELECT NULL FROM generate_series(1, 2345);"
        "CREATE TABLE crm.small (x int); INSERT INTO crm.small VALUES (NULL)"
    )
    session.execute("ANALYZE crm.large")
    demands = ("ALTER TABLE crm.large ALTER x SET NOT NULL", "ALTER TABLE crm.small ALTER x SET NOT NULL")
    said = ask(session, demands, budget=CheckBudget(rows=2000, seconds=20))
    assert said.outcomes == ["not checked", "violated"]
    large = said.results[0]
    assert large.why.startswith("crm.large has about 2345 rows, and the budget is 2000")
    assert large.help is not None
    assert large.help == '--check-budget "2600 rows, 20s" checks it'
    said = ask(session, demands, budget=CheckBudget(rows=30_000, seconds=60))
    assert said.outcomes == ["violated", "violated"]
    assert (said.results[0].count, said.results[0].capped) == (1000, True)
    assert said.results[0].breaking == "at least 1000 rows have no value there"


def test_checks_that_are_off_are_said_to_be(session: Session) -> None:
    session.execute(TABLES)
    result = ask(session, NOT_NULL, budget=CheckBudget(rows=0, seconds=0)).only
    assert (result.why, result.mendable) == ("checks are off", True)


def test_a_question_that_takes_too_long_is_given_up(session: Session) -> None:
    session.execute(
        "CREATE TABLE crm.numbers (x int); INSERT INTO crm.numbers SELECT generate_series(1, 20000)"
    )
    demand = "ALTER TABLE crm.numbers ADD EXCLUDE USING gist (int4range(x, x, '[]') WITH &&)"
    result = ask(session, demand, budget=CheckBudget(rows=1_000_000, seconds=0.3)).only
    assert result.outcome is PreconditionOutcome.NOT_CHECKED
    assert result.why == "the 0.3 s of the budget are used up"
    assert result.help is not None
    assert "--check-budget" in result.help
    assert not session.in_transaction


def test_nobody_is_waited_for(session: Session, shared: DatabaseUrl) -> None:
    session.execute(TABLES)
    with Session(connect(shared, application_name="holder")) as holder:
        holder.execute("BEGIN; LOCK TABLE crm.customers IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        result = ask(session, NOT_NULL).only
        assert time.monotonic() - began < 20
    assert result.outcome is PreconditionOutcome.NOT_CHECKED
    assert "nobody waits for a question" in result.why
    assert result.help == "run it again"
    assert not session.in_transaction


def test_a_function_that_may_do_more_than_look_is_not_called(session: Session) -> None:
    session.execute(TABLES)
    result = ask(session, "ALTER TABLE crm.customers ADD CHECK (pg_sleep(age) IS NOT NULL)").only
    assert result.why == "it calls pg_sleep, which may do more than look"
    result = ask(session, "ALTER TABLE crm.customers ADD CHECK (age > (SELECT 1))").only
    assert result.why == "it takes whole rows"


def test_a_name_that_only_the_plan_brings_is_not_asked_for(session: Session) -> None:
    session.execute(TABLES)
    said = ask(
        session,
        (
            "CREATE FUNCTION crm.good(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'",
            "ALTER TABLE crm.customers ADD CHECK (crm.good(age))",
        ),
    )
    assert said.only.why == "it calls crm.good, and functions are made or replaced first"


MADE_ANEW = """
CREATE FUNCTION crm.good(x int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT x < 0';
CREATE FUNCTION crm.fine(x int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT crm.good(x)';
CREATE DOMAIN crm.share AS int CHECK (VALUE < 0);
CREATE TYPE crm.state AS ENUM ('old');
CREATE TABLE crm.parts (x int, state crm.state);
INSERT INTO crm.parts VALUES (1, 'old');
"""
GOOD = "CREATE OR REPLACE FUNCTION crm.good(x int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT x > 0'"


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (
            (GOOD, "ALTER TABLE crm.parts ADD CHECK (good(x))"),
            "it calls crm.good, and functions are made or replaced first",
        ),
        (
            (GOOD, "ALTER TABLE crm.parts ADD CHECK (crm.fine(x))"),
            "it calls crm.fine, and functions are made or replaced first",
        ),
        (
            (
                "DROP DOMAIN crm.share",
                "CREATE DOMAIN crm.share AS int CHECK (VALUE > 0)",
                "ALTER TABLE crm.parts ALTER x TYPE crm.share",
            ),
            "the type crm.share is made first",
        ),
    ],
)
def test_what_the_plan_makes_anew_is_not_asked_as_it_is_now(
    session: Session, plan: tuple[str, ...], why: str
) -> None:
    session.execute(MADE_ANEW)
    assert fails(session, *plan) is None
    assert ask(session, plan).only.why == why


def test_a_label_that_an_enum_gets_first_is_not_asked_for(session: Session) -> None:
    session.execute(MADE_ANEW)
    steps = (
        "ALTER TYPE crm.state ADD VALUE 'new'",
        "ALTER TABLE crm.parts ADD CHECK (state IN ('old', 'new'))",
    )
    assert ask(session, *steps).only.why == "labels of crm.state are changed first by crm:c1 (line 10)"


def _as(shared: DatabaseUrl, role: str) -> Session:
    parameters = {**shared.parameters, "user": role, "password": "half"}
    url = replace(shared, parameters=parameters, shown=show(parameters))
    return Session(connect(url, application_name=role))


def test_rows_that_a_role_may_not_see_are_never_counted_half(session: Session, shared: DatabaseUrl) -> None:
    session.execute(TABLES)
    session.execute(
        "DROP ROLE IF EXISTS reader_of_half; CREATE ROLE reader_of_half LOGIN PASSWORD 'half';"
        "GRANT USAGE ON SCHEMA crm TO reader_of_half"
    )
    try:
        with _as(shared, "reader_of_half") as half:
            result = ask(half, NOT_NULL).only
            assert result.why == "the role 'reader_of_half' may not read all rows of crm.customers"
            assert result.help is not None
            assert result.help.startswith("GRANT SELECT ON crm.customers")
            session.execute(
                "GRANT SELECT ON ALL TABLES IN SCHEMA crm TO reader_of_half;"
                "ALTER TABLE crm.customers ENABLE ROW LEVEL SECURITY;"
                "CREATE POLICY half ON crm.customers USING (id = 2)"
            )
            assert ask(half, NOT_NULL).only.outcome is PreconditionOutcome.NOT_CHECKED
            session.execute("ALTER TABLE crm.customers DISABLE ROW LEVEL SECURITY")
            assert ask(half, NOT_NULL).only.count == 1
    finally:
        session.execute("DROP OWNED BY reader_of_half CASCADE; DROP ROLE reader_of_half")


def test_it_asks_as_the_modules_owner_where_the_deploying_role_may_not_read(
    session: Session, shared: DatabaseUrl
) -> None:
    session.execute(TABLES)
    session.execute(
        "DROP ROLE IF EXISTS deployer_of_crm; DROP ROLE IF EXISTS owner_of_crm; CREATE ROLE owner_of_crm;"
        "CREATE ROLE deployer_of_crm LOGIN NOINHERIT PASSWORD 'half' IN ROLE owner_of_crm;"
        "GRANT USAGE ON SCHEMA crm TO owner_of_crm; ALTER TABLE crm.customers OWNER TO owner_of_crm"
    )
    try:
        with _as(shared, "deployer_of_crm") as deployer:
            assert ask(deployer, NOT_NULL).only.outcome is PreconditionOutcome.NOT_CHECKED
            assert ask(deployer, NOT_NULL, owner="owner_of_crm").only.count == 1
            assert deployer.value("SELECT current_user") == "deployer_of_crm"
    finally:
        session.execute(
            "DROP OWNED BY deployer_of_crm, owner_of_crm CASCADE; DROP ROLE deployer_of_crm, owner_of_crm"
        )


def test_a_key_that_changes_while_rows_point_at_it_is_said_and_not_asked(session: Session) -> None:
    session.execute(TABLES)
    (result,) = ask(session, ("UPDATE crm.customers SET id = id + 100",)).results
    assert result.outcome is PreconditionOutcome.NOT_CHECKED
    assert result.why == "the values that come cannot be told without running it"
    assert ask(session, ("UPDATE crm.customers SET email = 'x'",)).results == ()


def test_rows_are_shared_with_partitions_and_parents(session: Session) -> None:
    session.execute(
        "CREATE TABLE crm.log (k int, note text) PARTITION BY LIST (k);"
        "CREATE TABLE crm.log_1 PARTITION OF crm.log FOR VALUES IN (1);"
        "INSERT INTO crm.log VALUES (1, NULL)"
    )
    demand = "ALTER TABLE crm.log ALTER note SET NOT NULL"
    assert ask(session, demand).only.count == 1
    said = ask(session, ("UPDATE crm.log_1 SET note = '' WHERE note IS NULL", demand))
    assert said.only.why == "rows are changed first by crm:c1 (line 10)"


LOG = """
CREATE TABLE crm.log (k int, note text) PARTITION BY LIST (k);
CREATE TABLE crm.log_1 PARTITION OF crm.log FOR VALUES IN (1);
CREATE TABLE crm.log_2 (k int, note text);
CREATE TABLE crm.base (k int, note text);
CREATE TABLE crm.heir () INHERITS (crm.base);
INSERT INTO crm.log VALUES (1, NULL); INSERT INTO crm.log_2 VALUES (2, NULL); INSERT INTO crm.heir VALUES (1, NULL);
"""
TIGHTENED = "ALTER TABLE crm.log ALTER note SET NOT NULL"


@pytest.mark.parametrize(
    "plan",
    [
        ("DROP TABLE crm.log_1", TIGHTENED),
        ("ALTER TABLE crm.log DETACH PARTITION crm.log_1", TIGHTENED),
        ("ALTER TABLE crm.heir NO INHERIT crm.base", "ALTER TABLE crm.base ALTER note SET NOT NULL"),
    ],
)
def test_rows_that_go_with_a_partition_are_not_asked(session: Session, plan: tuple[str, ...]) -> None:
    session.execute(LOG)
    assert fails(session, *plan) is None
    assert ask(session, plan).only.why == "rows are removed first by crm:c1 (line 10)"


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (
            (
                "CREATE TABLE crm.all (k int, note text) PARTITION BY LIST (k)",
                "ALTER TABLE crm.all ATTACH PARTITION crm.log_2 FOR VALUES IN (2)",
                "ALTER TABLE crm.all ALTER note SET NOT NULL",
            ),
            "its rows come from crm:c1 (line 20)",
        ),
        (
            (
                "CREATE TABLE crm.log_3 PARTITION OF crm.log FOR VALUES IN (3)",
                "INSERT INTO crm.log_3 SELECT 3, note FROM crm.base",
                "ALTER TABLE crm.log_3 ALTER note SET NOT NULL",
            ),
            "its rows come from crm:c1 (line 20)",
        ),
        (
            (
                "CREATE TABLE crm.keys (k int PRIMARY KEY) PARTITION BY LIST (k)",
                "CREATE TABLE crm.keys_1 PARTITION OF crm.keys FOR VALUES IN (1)",
                "INSERT INTO crm.keys_1 VALUES (1)",
                "ALTER TABLE crm.heir ADD FOREIGN KEY (k) REFERENCES crm.keys",
            ),
            "rows are added first by crm:c1 (line 30)",
        ),
    ],
)
def test_rows_that_come_with_a_partition_are_not_asked(
    session: Session, plan: tuple[str, ...], why: str
) -> None:
    session.execute(LOG)
    assert ask(session, plan).results[-1].why == why


@pytest.mark.parametrize(
    ("demand", "why"),
    [
        ("PRIMARY KEY (id, at WITHOUT OVERLAPS)", "its last column may not overlap, which is not asked for"),
        ("UNIQUE (id, at WITHOUT OVERLAPS)", "its last column may not overlap, which is not asked for"),
        (
            "FOREIGN KEY (id, PERIOD at) REFERENCES crm.stays (id, PERIOD at)",
            "its last column is covered, not equal, which is not asked for",
        ),
    ],
)
def test_keys_over_periods_are_not_asked(session: Session, demand: str, why: str) -> None:
    session.execute("CREATE TABLE crm.stays (id int NOT NULL, at tsrange NOT NULL)")
    assert ask(session, f"ALTER TABLE crm.stays ADD {demand}").only.why == why


def test_an_index_of_a_partitioned_table_alone_and_one_that_is_there_demand_nothing(session: Session) -> None:
    session.execute(
        LOG + "INSERT INTO crm.log VALUES (1, 'x'), (1, 'x'); CREATE INDEX one ON crm.log_2 (k);"
        "INSERT INTO crm.log_2 VALUES (2, NULL)"
    )
    alone = "CREATE UNIQUE INDEX ON ONLY crm.log (k)"
    key = "ALTER TABLE ONLY crm.log ADD UNIQUE (k)"
    there = "CREATE UNIQUE INDEX IF NOT EXISTS one ON crm.log_2 (k)"
    for each in (alone, key, there):
        assert fails(session, each) is None
        assert ask(session, each).results == ()
    anew = ("DROP INDEX crm.one", there)
    assert fails(session, *anew) is not None
    assert ask(session, anew).outcomes == ["violated"]


def test_a_primary_key_that_goes_first_is_not_what_rows_point_at(session: Session) -> None:
    session.execute(
        "CREATE TABLE crm.kinds (id int PRIMARY KEY, code int); INSERT INTO crm.kinds VALUES (1, 5);"
        "CREATE TABLE crm.things (kind int); INSERT INTO crm.things VALUES (5)"
    )
    plan = (
        "ALTER TABLE crm.kinds DROP CONSTRAINT kinds_pkey",
        "ALTER TABLE crm.kinds ADD PRIMARY KEY (code)",
        "ALTER TABLE crm.things ADD FOREIGN KEY (kind) REFERENCES crm.kinds",
    )
    assert fails(session, *plan) is None
    assert ask(session, plan).results[-1].why == "the primary key of crm.kinds is not known"


def test_temporary_tables_are_nobodys_business(session: Session) -> None:
    said = ask(
        session,
        (
            "CREATE TEMPORARY TABLE aside (id int)",
            "INSERT INTO aside VALUES (1), (1)",
            "ALTER TABLE aside ADD PRIMARY KEY (id)",
        ),
    )
    assert said.results == ()

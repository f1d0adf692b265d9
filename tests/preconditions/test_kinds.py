"""Every kind of demand, against rows that break it and rows that do not; what is said is what the server does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from coordinator.model.precondition import PreconditionOutcome
from tests.preconditions.rows import anew, ask, fails

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

CUSTOMERS = "CREATE TABLE crm.customers (id int PRIMARY KEY, email text, age int, note varchar(40))"
ORDERS = (
    "CREATE TABLE crm.orders (id int PRIMARY KEY, customer int, a int, b int);"
    "CREATE TABLE billing.payers (id int PRIMARY KEY, a int, b int, UNIQUE (a, b))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Tables, rows that break the demand and rows that meet it, what demands it, and how many rows break it."""

    tables: str
    bad: str
    good: str
    does: str | tuple[str, ...]
    rule: str
    count: int | None = 1
    counted_from: int = 0  # the server's version; an older one only says that there are some


ROWS = "INSERT INTO crm.customers (id, email, age, note) VALUES "
CASES = {
    "not null": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, NULL, 1, ''), (2, NULL, 1, ''), (3, 'x', 1, '')",
        good=ROWS + "(1, 'x', 1, '')",
        does="ALTER TABLE crm.customers ALTER email SET NOT NULL",
        rule="null-rows",
        count=2,
    ),
    "new column not null": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', 1, '')",
        good="SELECT 1",
        does="ALTER TABLE crm.customers ADD phone text NOT NULL",
        rule="null-rows",
    ),
    "new column made mandatory behind it": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', 1, '')",
        good="SELECT 1",
        does=(
            "ALTER TABLE crm.customers ADD phone text",
            "ALTER TABLE crm.customers ALTER phone SET NOT NULL",
        ),
        rule="null-rows",
    ),
    "new column of a domain that is not null": Case(
        tables=CUSTOMERS + "; CREATE DOMAIN crm.code AS text NOT NULL",
        bad=ROWS + "(1, 'x', 1, '')",
        good="SELECT 1",
        does=(
            "ALTER TABLE crm.customers ADD code crm.code",
            "ALTER TABLE crm.customers ALTER id SET NOT NULL",
        ),
        rule="null-rows",
    ),
    "not null beside a new column of a type that the plan makes": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, NULL, 1, '')",
        good=ROWS + "(1, 'x', 1, '')",
        does=(
            "CREATE TYPE crm.state AS ENUM ('new', 'old')",
            "ALTER TABLE crm.customers ADD state crm.state",
            "ALTER TABLE crm.customers ALTER email SET NOT NULL",
        ),
        rule="null-rows",
    ),
    "new column not null of default null": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', 1, '')",
        good="SELECT 1",
        does="ALTER TABLE crm.customers ADD phone text DEFAULT NULL NOT NULL",
        rule="null-rows",
    ),
    "new column not null that is generated": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, NULL, 1, ''), (2, 'x', 1, '')",
        good=ROWS + "(1, 'x', 1, '')",
        does=(
            "ALTER TABLE crm.customers RENAME email TO mail",
            "ALTER TABLE crm.customers ADD key text GENERATED ALWAYS AS (lower(mail)) STORED NOT NULL",
        ),
        rule="null-rows",
    ),
    "renamed and not null": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, NULL, 1, '')",
        good=ROWS + "(1, 'x', 1, '')",
        does=(
            "ALTER TABLE crm.customers RENAME email TO mail",
            "ALTER TABLE crm.customers RENAME TO clients",
            "ALTER TABLE crm.clients ALTER mail SET NOT NULL",
        ),
        rule="null-rows",
    ),
    "row type not null": Case(
        tables="CREATE TYPE crm.pair AS (a int, b int); CREATE TABLE crm.pairs (p crm.pair)",
        bad="INSERT INTO crm.pairs VALUES (NULL)",
        good="INSERT INTO crm.pairs VALUES (ROW(NULL, NULL))",
        does="ALTER TABLE crm.pairs ALTER p SET NOT NULL",
        rule="null-rows",
    ),
    "unique": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', 1, ''), (2, 'x', 1, ''), (3, 'y', 1, ''), (4, NULL, 1, ''), (5, NULL, 1, '')",
        good=ROWS + "(1, 'x', 1, ''), (2, 'y', 1, ''), (4, NULL, 1, ''), (5, NULL, 1, '')",
        does="ALTER TABLE crm.customers ADD CONSTRAINT one UNIQUE (email)",
        rule="duplicate-rows",
    ),
    "unique, nulls not distinct": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, NULL, 1, ''), (2, NULL, 1, '')",
        good=ROWS + "(1, NULL, 1, ''), (2, 'x', 1, '')",
        does="ALTER TABLE crm.customers ADD UNIQUE NULLS NOT DISTINCT (email)",
        rule="duplicate-rows",
    ),
    "unique index over an expression of some rows": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'X', 20, ''), (2, 'x', 30, '')",
        good=ROWS + "(1, 'X', 20, ''), (2, 'x', 3, '')",
        does="CREATE UNIQUE INDEX ON crm.customers (lower(email)) WHERE age > 10",
        rule="duplicate-rows",
    ),
    "unique index built concurrently, of a renamed column": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', 20, ''), (2, 'x', 30, '')",
        good=ROWS + "(1, 'y', 20, ''), (2, 'x', 3, '')",
        does=(
            "ALTER TABLE crm.customers RENAME email TO mail",
            "CREATE UNIQUE INDEX one ON crm.customers (mail text_pattern_ops DESC) INCLUDE (age)",
        ),
        rule="duplicate-rows",
    ),
    "new unique column with a default": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', 1, ''), (2, 'x', 1, '')",
        good=ROWS + "(1, 'x', 1, '')",
        does="ALTER TABLE crm.customers ADD rank int DEFAULT 7 UNIQUE",
        rule="duplicate-rows",
    ),
    "check": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', -1, ''), (2, 'x', NULL, ''), (3, 'x', 0, '')",
        good=ROWS + "(1, 'x', 1, ''), (2, 'x', NULL, '')",
        does="ALTER TABLE crm.customers ADD CONSTRAINT grown CHECK (customers.age > 0)",
        rule="rows-break-check",
        count=2,
    ),
    "check behind a new column": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', -1, '')",
        good="SELECT 1",
        does="ALTER TABLE crm.customers ADD rank int DEFAULT 0 CHECK (rank > 0)",
        rule="rows-break-check",
    ),
    "check whose expression fails": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', 0, '')",
        good=ROWS + "(1, 'x', 1, '')",
        does="ALTER TABLE crm.customers ADD CHECK (10 / age > 1)",
        rule="rows-break-check",
        count=None,
    ),
    "check whose first half guards the second": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, '', 0, ''), (2, 'aaaa', 3, '')",
        good=ROWS + "(1, '', 0, ''), (2, 'aaaa', 2, '')",
        does="ALTER TABLE crm.customers ADD CHECK (lower(lower(lower(email))) = '' OR mod(4, age) = 0)",
        rule="rows-break-check",
    ),
    "check that was not valid": Case(
        tables=CUSTOMERS + "; ALTER TABLE crm.customers ADD CONSTRAINT grown CHECK (age > 0) NOT VALID;"
        "ALTER TABLE crm.customers DROP CONSTRAINT grown",
        bad=ROWS + "(1, 'x', -1, '');"
        "ALTER TABLE crm.customers ADD CONSTRAINT grown CHECK (age > 0) NOT VALID",
        good=ROWS + "(1, 'x', 1, '');"
        "ALTER TABLE crm.customers ADD CONSTRAINT grown CHECK (age > 0) NOT VALID",
        does=(
            "ALTER TABLE crm.customers RENAME COLUMN email TO mail",
            "ALTER TABLE crm.customers VALIDATE CONSTRAINT grown",
        ),
        rule="rows-break-check",
    ),
    "check without a name, added not valid and validated": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', -1, '')",
        good=ROWS + "(1, 'x', 1, '')",
        does=(
            "ALTER TABLE crm.customers ADD CHECK (age > 0) NOT VALID",
            "ALTER TABLE crm.customers VALIDATE CONSTRAINT customers_age_check",
        ),
        rule="rows-break-check",
    ),
    "foreign key": Case(
        tables=ORDERS,
        bad="INSERT INTO crm.orders (id, customer) VALUES (1, 7), (2, NULL), (3, 1);"
        "INSERT INTO billing.payers (id) VALUES (1)",
        good="INSERT INTO crm.orders (id, customer) VALUES (2, NULL), (3, 1); INSERT INTO billing.payers (id) VALUES (1)",
        does="ALTER TABLE crm.orders ADD FOREIGN KEY (customer) REFERENCES billing.payers",
        rule="rows-without-parent",
    ),
    "foreign key, added not valid and validated": Case(
        tables=ORDERS,
        bad="INSERT INTO crm.orders (id, customer) VALUES (1, 7)",
        good="INSERT INTO crm.orders (id, customer) VALUES (1, NULL)",
        does=(
            "ALTER TABLE crm.orders ADD FOREIGN KEY (customer) REFERENCES billing.payers (id) NOT VALID",
            "ALTER TABLE crm.orders VALIDATE CONSTRAINT orders_customer_fkey",
        ),
        rule="rows-without-parent",
    ),
    "foreign key, full": Case(
        tables=ORDERS,
        bad="INSERT INTO crm.orders (id, a, b) VALUES (1, 7, NULL), (2, NULL, NULL)",
        good="INSERT INTO crm.orders (id, a, b) VALUES (2, NULL, NULL), (3, 1, 2);"
        "INSERT INTO billing.payers (id, a, b) VALUES (1, 1, 2)",
        does="ALTER TABLE crm.orders ADD FOREIGN KEY (a, b) REFERENCES billing.payers (a, b) MATCH FULL",
        rule="rows-without-parent",
    ),
    "foreign key to a table that the plan makes": Case(
        tables=ORDERS,
        bad="INSERT INTO crm.orders (id, a) VALUES (1, 7)",
        good="INSERT INTO crm.orders (id, a) VALUES (1, NULL)",
        does=(
            "CREATE TABLE crm.kinds (id int PRIMARY KEY)",
            "ALTER TABLE crm.orders ADD CONSTRAINT kind FOREIGN KEY (a) REFERENCES crm.kinds (id)",
        ),
        rule="rows-without-parent",
    ),
    "foreign key into the table itself": Case(
        tables=ORDERS,
        bad="INSERT INTO crm.orders (id, a) VALUES (1, 7)",
        good="INSERT INTO crm.orders (id, a) VALUES (1, 2), (2, 1)",
        does="ALTER TABLE crm.orders ADD FOREIGN KEY (a) REFERENCES crm.orders (id)",
        rule="rows-without-parent",
    ),
    "exclude": Case(
        tables="CREATE TABLE crm.stays (id int, room int4range, at tsrange)",
        bad="INSERT INTO crm.stays VALUES (1, '[1,2)', '[2020-01-01,2020-01-05)'),"
        " (2, '[1,2)', '[2020-01-03,2020-01-09)'), (3, '[5,6)', '[2020-01-03,2020-01-09)')",
        good="INSERT INTO crm.stays VALUES (1, '[1,2)', '[2020-01-01,2020-01-05)'),"
        " (2, '[1,2)', '[2020-01-05,2020-01-09)'), (3, NULL, '[2020-01-03,2020-01-09)')",
        does="ALTER TABLE crm.stays ADD CONSTRAINT apart EXCLUDE USING gist (room WITH =, at WITH &&)",
        rule="rows-exclude-each-other",
    ),
    "text to varchar": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'four', 1, ''), (2, 'x', 1, ''), (3, 'abc   ', 1, '')",
        good=ROWS + "(2, 'x', 1, ''), (3, 'abc   ', 1, '')",
        does="ALTER TABLE crm.customers ALTER email TYPE varchar(3)",
        rule="rows-do-not-fit",
    ),
    "int to smallint": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, '', 70000, ''), (2, '', 32767, '')",
        good=ROWS + "(1, '', -32768, ''), (2, '', 32767, '')",
        does="ALTER TABLE crm.customers ALTER age TYPE smallint",
        rule="rows-do-not-fit",
    ),
    "numeric": Case(
        tables="CREATE TABLE crm.prices (p numeric(10, 4))",
        bad="INSERT INTO crm.prices VALUES (999.996), (999.994), ('NaN')",
        good="INSERT INTO crm.prices VALUES (999.994), ('NaN'), (NULL)",
        does="ALTER TABLE crm.prices ALTER p TYPE numeric(5, 2)",
        rule="rows-do-not-fit",
    ),
    "numeric to integer": Case(
        tables="CREATE TABLE crm.prices (p numeric)",
        bad="INSERT INTO crm.prices VALUES (2147483647.5), (1.5)",
        good="INSERT INTO crm.prices VALUES (2147483647.4), (1.5)",
        does="ALTER TABLE crm.prices ALTER p TYPE integer",
        rule="rows-do-not-fit",
    ),
    "float to numeric": Case(
        tables="CREATE TABLE crm.prices (p float8)",
        bad="INSERT INTO crm.prices VALUES (12345), (1)",
        good="INSERT INTO crm.prices VALUES (1)",
        does="ALTER TABLE crm.prices ALTER p TYPE numeric(4, 1)",
        rule="rows-do-not-fit",
        count=None,
    ),
    "text to integer by a cast": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, '12', 1, ''), (2, 'none', 1, ''), (3, '', 1, '')",
        good=ROWS + "(1, ' 12 ', 1, ''), (2, NULL, 1, '')",
        does="ALTER TABLE crm.customers ALTER email TYPE integer USING email::integer",
        rule="rows-do-not-fit",
        count=2,
        counted_from=160000,
    ),
    "text to uuid by a cast": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'none', 1, '')",
        good=ROWS + "(1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1, '')",
        does="ALTER TABLE crm.customers ALTER email TYPE uuid USING CAST(email AS uuid)",
        rule="rows-do-not-fit",
        counted_from=160000,
    ),
    "text to integer through another number": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, '9999999999', 1, '')",
        good=ROWS + "(1, '1.5', 1, '')",
        does="ALTER TABLE crm.customers ALTER email TYPE integer USING email::numeric",
        rule="rows-do-not-fit",
        count=None,
    ),
    "text to a shorter one through one of any length": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, '', 1, 'abcd')",
        good=ROWS + "(1, '', 1, 'abc')",
        does="ALTER TABLE crm.customers ALTER note TYPE varchar(3) USING note::text",
        rule="rows-do-not-fit",
    ),
    "text to a shorter one by itself": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, '', 1, 'abcd')",
        good=ROWS + "(1, '', 1, 'abc')",
        does="ALTER TABLE crm.customers ALTER note TYPE varchar(3) USING note",
        rule="rows-do-not-fit",
    ),
    "using an expression": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'x', 0, '')",
        good=ROWS + "(1, 'x', 1, '')",
        does="ALTER TABLE crm.customers ALTER age TYPE bigint USING 100 / age",
        rule="rows-do-not-fit",
        count=None,
    ),
    "using an expression that gives too much": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, 'abc', 0, '')",
        good=ROWS + "(1, 'a', 1, '')",
        does="ALTER TABLE crm.customers ALTER note TYPE varchar(3) USING email || '-x'",
        rule="rows-do-not-fit",
    ),
    "texts as an array of an enum": Case(
        tables="CREATE TYPE crm.mood AS ENUM ('sad', 'glad'); CREATE TABLE crm.things (m text[])",
        bad="INSERT INTO crm.things VALUES ('{sad,odd}'), ('{}')",
        good="INSERT INTO crm.things VALUES ('{sad,glad}'), ('{}'), (NULL)",
        does="ALTER TABLE crm.things ALTER m TYPE crm.mood[] USING m::crm.mood[]",
        rule="rows-do-not-fit",
        count=None,
    ),
    "text to bits by a cast": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, '102', 1, '')",
        good=ROWS + "(1, '10101', 1, '')",
        does="ALTER TABLE crm.customers ALTER email TYPE bit(3) USING email::bit(3)",
        rule="rows-do-not-fit",
        count=None,
    ),
    "text to an array of short texts by a cast": Case(
        tables=CUSTOMERS,
        bad=ROWS + "(1, '{', 1, '')",
        good=ROWS + "(1, '{abcd}', 1, '')",
        does="ALTER TABLE crm.customers ALTER email TYPE varchar(3)[] USING email::varchar(3)[]",
        rule="rows-do-not-fit",
        count=None,
    ),
    "json to jsonb": Case(
        tables="CREATE TABLE crm.things (j json)",
        bad="INSERT INTO crm.things VALUES ('\"\\u0000\"')",
        good="INSERT INTO crm.things VALUES ('\"\\u0001\"')",
        does="ALTER TABLE crm.things ALTER j TYPE jsonb",
        rule="rows-do-not-fit",
        count=None,
    ),
    "padded text to uuid": Case(
        tables="CREATE TABLE crm.things (c char(40))",
        bad="INSERT INTO crm.things VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')",
        good="INSERT INTO crm.things VALUES (NULL)",
        does="ALTER TABLE crm.things ALTER c TYPE uuid USING c::uuid",
        rule="rows-do-not-fit",
        count=None,
    ),
    "padded text without its blanks to uuid": Case(
        tables="CREATE TABLE crm.things (c char(40))",
        bad="INSERT INTO crm.things VALUES ('none')",
        good="INSERT INTO crm.things VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')",
        does="ALTER TABLE crm.things ALTER c TYPE uuid USING c::text::uuid",
        rule="rows-do-not-fit",
        count=None,
    ),
    "using an expression that has no value where there must be one": Case(
        tables="CREATE TABLE crm.things (x text NOT NULL)",
        bad="INSERT INTO crm.things VALUES (''), ('1')",
        good="INSERT INTO crm.things VALUES ('1')",
        does="ALTER TABLE crm.things ALTER x TYPE integer USING nullif(x, '')::integer",
        rule="null-rows",
    ),
    "enum with fewer labels": Case(
        tables="CREATE TYPE crm.state AS ENUM ('new', 'old', 'lost'); CREATE TABLE crm.things (s crm.state)",
        bad="INSERT INTO crm.things VALUES ('new'), ('lost'), ('lost')",
        good="INSERT INTO crm.things VALUES ('new'), (NULL)",
        does=(
            "ALTER TYPE crm.state RENAME TO state_before",
            "CREATE TYPE crm.state AS ENUM ('new', 'old')",
            "ALTER TABLE crm.things ALTER s TYPE crm.state USING s::text::crm.state",
            "DROP TYPE crm.state_before",
        ),
        rule="rows-do-not-fit",
        count=2,
    ),
    "domain": Case(
        tables="CREATE DOMAIN crm.share AS numeric; CREATE TABLE crm.parts (value int, s crm.share)",
        bad="INSERT INTO crm.parts VALUES (1, -1), (-1, 1)",
        good="INSERT INTO crm.parts VALUES (-1, 1), (-1, NULL)",
        does="ALTER DOMAIN crm.share ADD CONSTRAINT positive CHECK (VALUE > 0)",
        rule="rows-break-domain",
    ),
    "domain not null": Case(
        tables="CREATE DOMAIN crm.share AS numeric; CREATE TABLE crm.parts (s crm.share)",
        bad="INSERT INTO crm.parts VALUES (1), (NULL)",
        good="INSERT INTO crm.parts VALUES (1)",
        does="ALTER DOMAIN crm.share SET NOT NULL",
        rule="rows-break-domain",
    ),
    "partition by range": Case(
        tables="CREATE TABLE crm.log (at date, x int) PARTITION BY RANGE (at); CREATE TABLE crm.log_20 (at date, x int)",
        bad="INSERT INTO crm.log_20 VALUES ('2020-05-05'), ('2021-01-01'), (NULL)",
        good="INSERT INTO crm.log_20 VALUES ('2020-05-05')",
        does="ALTER TABLE crm.log ATTACH PARTITION crm.log_20 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
        rule="rows-outside-partition",
        count=2,
    ),
    "partition by list": Case(
        tables="CREATE TABLE crm.log (k text) PARTITION BY LIST (k); CREATE TABLE crm.log_a (k text)",
        bad="INSERT INTO crm.log_a VALUES ('a'), (NULL), ('c')",
        good="INSERT INTO crm.log_a VALUES ('a'), (NULL)",
        does="ALTER TABLE crm.log ATTACH PARTITION crm.log_a FOR VALUES IN ('a', NULL)",
        rule="rows-outside-partition",
    ),
    "default partition": Case(
        tables="CREATE TABLE crm.log (k text) PARTITION BY LIST (k); CREATE TABLE crm.log_rest PARTITION OF crm.log DEFAULT",
        bad="INSERT INTO crm.log VALUES ('a'), ('b')",
        good="INSERT INTO crm.log VALUES ('b'), (NULL)",
        does="CREATE TABLE crm.log_a PARTITION OF crm.log FOR VALUES IN ('a')",
        rule="rows-outside-partition",
    ),
    "rows that others point at": Case(
        tables=ORDERS + "; ALTER TABLE crm.orders ADD FOREIGN KEY (customer) REFERENCES billing.payers",
        bad="INSERT INTO billing.payers (id, a) VALUES (1, 5), (2, 6);"
        "INSERT INTO crm.orders (id, customer) VALUES (1, 1), (2, 1), (3, 2)",
        good="INSERT INTO billing.payers (id, a) VALUES (1, 5), (2, 6);"
        "INSERT INTO crm.orders (id, customer) VALUES (3, 2)",
        does="DELETE FROM billing.payers WHERE a = 5",
        rule="rows-still-referenced",
        count=2,
    ),
    "a partition that others point at": Case(
        tables="CREATE TABLE crm.log (k int PRIMARY KEY) PARTITION BY LIST (k);"
        "CREATE TABLE crm.log_1 PARTITION OF crm.log FOR VALUES IN (1);"
        "CREATE TABLE crm.log_2 PARTITION OF crm.log FOR VALUES IN (2);"
        "CREATE TABLE crm.notes (k int REFERENCES crm.log)",
        bad="INSERT INTO crm.log VALUES (1), (2); INSERT INTO crm.notes VALUES (1), (2)",
        good="INSERT INTO crm.log VALUES (1), (2); INSERT INTO crm.notes VALUES (2)",
        does="ALTER TABLE crm.log DETACH PARTITION crm.log_1",
        rule="rows-still-referenced",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rows_that_break_it_are_counted_and_rows_that_meet_it_pass(session: Session, case: Case) -> None:
    does = (case.does,) if isinstance(case.does, str) else case.does
    session.execute(case.tables)
    session.execute("BEGIN")
    session.execute(case.bad)
    session.execute("COMMIT")
    assert fails(session, *does) is not None
    found = ask(session, does).results
    broken = [each for each in found if each.outcome is PreconditionOutcome.VIOLATED]
    count = case.count if session.server_version >= case.counted_from else None
    assert [(each.precondition.kind.value, each.count) for each in broken] == [(case.rule, count)]
    assert not session.in_transaction
    for each in broken:
        if each.query:
            shown = f"SELECT count(*) FROM ({each.query}) AS found"
            assert each.count is None or session.value(shown) == each.count

    anew(session)
    session.execute(case.tables)
    session.execute(case.good)
    assert fails(session, *does) is None
    found = ask(session, does).results
    assert {each.outcome for each in found} == {PreconditionOutcome.HOLDS}, found

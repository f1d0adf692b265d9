"""For random rows and a random demand: said to be violated exactly when the server refuses it, to hold when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.preconditions.rows import anew, ask, fails

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

TABLES = """
CREATE TYPE crm.state AS ENUM ('new', 'old', 'lost');
CREATE TYPE crm.fewer AS ENUM ('new', 'old');
CREATE TABLE crm.parents (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE crm.things (a int, b text, c numeric(8, 3), d crm.state, e date, f int);
"""
INTEGERS = st.one_of(st.none(), st.sampled_from([-1, 0, 1, 2, 3, 40000, 2**31 - 1]))
TEXTS = st.one_of(
    st.none(), st.sampled_from(["", "x", "X", "12", " 7 ", "abcd", "abc   ", "2020-02-30", "2020-01-01"])
)
NUMBERS = st.one_of(
    st.none(), st.sampled_from(["0", "1.5", "99.994", "99.995", "-99.995", "99999.999", "NaN"])
)
STATES = st.one_of(st.none(), st.sampled_from(["new", "old", "lost"]))
DATES = st.one_of(st.none(), st.sampled_from(["2019-12-31", "2020-01-01", "2020-12-31", "2021-01-01"]))
ROWS = st.lists(st.tuples(INTEGERS, TEXTS, NUMBERS, STATES, DATES, INTEGERS), max_size=5)
PARENTS = st.lists(st.sampled_from([0, 1, 2, 3]), max_size=3, unique=True)

NAMES = ("a", "b", "c", "d", "e", "f")
DEMANDS = st.one_of(
    st.builds("ALTER TABLE things ALTER {} SET NOT NULL".format, st.sampled_from(NAMES)),
    st.builds(
        "ALTER TABLE things ADD {} {}".format,
        st.sampled_from(
            [
                "g int NOT NULL",
                "g int",
                "g text DEFAULT 'x' UNIQUE",
                "g int DEFAULT 1 CHECK (g > a)",
                "g int DEFAULT 2 REFERENCES parents",
                "g int REFERENCES parents",
                "g serial NOT NULL",
            ]
        ),
        st.just(""),
    ),
    st.builds(
        "ALTER TABLE things ADD {} ({}, {})".format,
        st.sampled_from(["UNIQUE", "PRIMARY KEY"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["d", "e", "f"]),
    ),
    st.builds(
        "ALTER TABLE things ADD {} ({})".format,
        st.sampled_from(["UNIQUE", "PRIMARY KEY"]),
        st.sampled_from(NAMES),
    ),
    st.builds(
        "CREATE UNIQUE INDEX ON things ({}) WHERE {}".format,
        st.sampled_from(["a", "lower(b)", "(a + f)", 'b COLLATE "C", d', "abs(c)"]),
        st.sampled_from(["true", "a > 0", "b IS NOT NULL", "f IS NULL", "d = 'new'"]),
    ),
    st.builds(
        "ALTER TABLE things ADD CHECK ({})".format,
        st.sampled_from(
            [
                "a > 0",
                "a <> f",
                "length(b) < 4",
                "b ~ '^[a-z]*$' OR a = 1",
                "c < 100",
                "d <> 'lost'",
                "e < '2021-01-01'",
                "a / f >= 0",
                "b::int > 0",
                "num_nulls(a, f) < 2",
            ]
        ),
    ),
    st.builds(
        "ALTER TABLE things ADD FOREIGN KEY ({}) REFERENCES parents{}".format,
        st.sampled_from(["a", "f"]),
        st.sampled_from(["", " (id)", " MATCH FULL", " ON DELETE CASCADE"]),
    ),
    st.builds(
        "ALTER TABLE things ALTER {}".format,
        st.sampled_from(
            [
                "a TYPE smallint",
                "a TYPE bigint",
                "a TYPE text",
                "a TYPE numeric(3, 0)",
                "a TYPE varchar(2)",
                "a TYPE float8",
                "b TYPE varchar(3)",
                "b TYPE char(2)",
                "b TYPE varchar(2) USING b::varchar(2)",
                "b TYPE int USING b::int",
                "b TYPE date USING b::date",
                "b TYPE date USING nullif(b, '')::date",
                "b TYPE varchar(3) USING b || 'y'",
                "c TYPE numeric(4, 2)",
                "c TYPE numeric(8, 1)",
                "c TYPE numeric(12, 3)",
                "c TYPE int",
                "c TYPE smallint USING c::smallint",
                "d TYPE fewer USING d::text::fewer",
                "d TYPE text",
                "d TYPE varchar(3)",
                "e TYPE timestamp",
                "e TYPE varchar(5)",
                "f TYPE int USING 6 / f",
            ]
        ),
    ),
    st.just("ALTER TABLE things ADD EXCLUDE USING gist (int4range(a, f, '[]') WITH &&) WHERE (a < f)"),
    st.just("DELETE FROM parents WHERE id > 1"),
)
# What may come before it in the same plan.
BEFORE = st.lists(
    st.sampled_from(
        [
            "ALTER TABLE things RENAME a TO z; ALTER TABLE things RENAME f TO a; ALTER TABLE things RENAME z TO f",
            "ALTER TABLE things DROP COLUMN e",
            "ALTER TABLE things ADD h int DEFAULT 5",
            "ALTER TABLE things ADD CONSTRAINT points FOREIGN KEY (f) REFERENCES parents NOT VALID",
            "INSERT INTO parents VALUES (7, 'seven')",
            "UPDATE things SET a = 1 WHERE a IS NULL",
            "DELETE FROM things WHERE b IS NULL",
            "ALTER TABLE things ALTER c TYPE numeric(12, 3)",
            "TRUNCATE things",
        ]
    ),
    max_size=2,
)


@pytest.mark.postgres
@settings(
    max_examples=1200,
    deadline=None,
    derandomize=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=ROWS, parents=PARENTS, before=BEFORE, demand=DEMANDS)
def test_violated_exactly_when_the_server_refuses(
    session: Session, rows: list[tuple[object, ...]], parents: list[int], before: list[str], demand: str
) -> None:
    anew(session)
    session.execute(TABLES)
    for each in parents:
        session.execute("INSERT INTO crm.parents VALUES (%s, %s)", (each, str(each)))
    for row in rows:
        session.execute("INSERT INTO crm.things VALUES (%s, %s, %s, %s, %s, %s)", row)
    empty = _fails_without_rows(session, (*before, demand))
    if empty:
        event("refused by an empty database as well: the rehearsal's business")
        return
    refused = fails(session, *before, demand)
    said = ask(session, (*before, demand))
    if said.violated:
        event("violated")
        assert refused is not None, said.results
    elif said.certain:
        event("holds" if said.results else "demands nothing")
        assert refused is None, (refused, said.results)
    else:
        event("not checked")


def _fails_without_rows(session: Session, statements: tuple[str, ...]) -> bool:
    """Whether these fail where there are no rows at all."""
    session.execute("CREATE SCHEMA aside")
    session.execute("ALTER SCHEMA crm RENAME TO kept; ALTER SCHEMA aside RENAME TO crm")
    try:
        session.execute(TABLES)
        return fails(session, *statements) is not None
    finally:
        session.execute("DROP SCHEMA crm CASCADE; ALTER SCHEMA kept RENAME TO crm")

"""Checksums of rows are equal when the rows are, and the server's counters tell what a step wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.rows import (
    estimated_rows,
    ordinary_tables,
    row_checksums,
    row_counts,
    table_marks,
    written_since,
)
from coordinator.postgres.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

pytestmark = pytest.mark.postgres

TABLE = ("crm", "customers")


@pytest.fixture
def session(database: DatabaseUrl) -> Iterator[Session]:
    with Session(connect(database, application_name="tests")) as opened:
        opened.execute("""CREATE SCHEMA crm;
            CREATE TABLE crm.customers (id integer, name text, at timestamptz, blob bytea, t integer);
            INSERT INTO crm.customers
            SELECT n, 'name ' || n, '2026-01-01'::timestamptz + n * '1 day'::interval, '\\x00', 0
              FROM generate_series(1, 100) AS n""")
        yield opened


def checksum(session: Session) -> tuple[int, str]:
    return row_checksums(session, tables=(TABLE,))[TABLE]


def test_the_same_rows_in_another_order_and_with_columns_elsewhere_are_the_same(session: Session) -> None:
    before = checksum(session)
    session.execute("""CREATE TABLE crm.other AS SELECT t, blob, at, name, id FROM crm.customers ORDER BY id DESC;
        DROP TABLE crm.customers; ALTER TABLE crm.other RENAME TO customers""")
    assert before[0] == 100
    assert checksum(session) == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE crm.customers SET name = 'name  7' WHERE id = 7",
        "DELETE FROM crm.customers WHERE id = 7",
        "INSERT INTO crm.customers SELECT * FROM crm.customers WHERE id = 7",
        "UPDATE crm.customers SET name = NULL WHERE id = 7",
        "UPDATE crm.customers SET id = 108 - id WHERE id IN (8, 100)",
        "ALTER TABLE crm.customers DROP blob",
        "UPDATE crm.customers SET id = 3 - id WHERE id IN (1, 2)",
        "UPDATE crm.customers SET t = t + 1 WHERE id = 7",
    ],
)
def test_any_change_of_rows_changes_the_checksum(session: Session, sql: str) -> None:
    before = checksum(session)
    session.execute(sql)
    assert checksum(session) != before


@pytest.mark.parametrize("setting", ["TimeZone = 'Asia/Tokyo'", "DateStyle = 'SQL'", "bytea_output = escape"])
def test_settings_of_the_session_do_not_show(session: Session, setting: str) -> None:
    before = checksum(session)
    session.execute(f"SET {setting}")
    assert checksum(session) == before


def test_partitions_count_and_their_parent_does_not(session: Session) -> None:
    session.execute("""CREATE TABLE crm.events (n integer) PARTITION BY LIST (n);
        CREATE TABLE crm.events_1 PARTITION OF crm.events FOR VALUES IN (1);
        CREATE VIEW crm.shown AS SELECT 1; CREATE SCHEMA migrate; CREATE TABLE migrate.run();
        INSERT INTO crm.events VALUES (1), (1)""")
    assert ordinary_tables(session) == (TABLE, ("crm", "events_1"))
    assert row_counts(session, [("crm", "events"), ("crm", "events_1")]) == {
        ("crm", "events"): 2,
        ("crm", "events_1"): 2,
    }
    assert set(row_checksums(session, schemas=("crm",), ignore={TABLE})) == {("crm", "events_1")}
    assert row_checksums(session, schemas=("public",)) == {}


def test_more_tables_than_fit_in_one_statement_are_all_read(session: Session) -> None:
    for number in range(250):
        session.execute(f"CREATE TABLE crm.t{number} AS SELECT {number} AS n")
    sums = row_checksums(session)
    assert len(sums) == 251
    assert len(set(sums.values())) == 251


def test_rows_that_a_policy_hides_are_an_error(session: Session) -> None:
    role = f"reader_{session.value('SELECT pg_backend_pid()')}"
    session.execute(f"""CREATE ROLE {role};
        GRANT USAGE ON SCHEMA crm TO {role}; GRANT SELECT ON crm.customers TO {role};
        ALTER TABLE crm.customers ENABLE ROW LEVEL SECURITY; SET ROLE {role}""")
    try:
        with pytest.raises(StatementError) as raised:
            checksum(session)
        assert raised.value.sqlstate == "42501"
    finally:
        session.execute(f"RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")


def test_what_a_step_did_to_rows_is_told_without_reading_tables(session: Session) -> None:
    session.execute("CREATE TABLE crm.untouched (n integer)")
    with session.transaction():
        session.execute("INSERT INTO crm.customers (id) VALUES (101), (102)")
        marks = table_marks(session)
        session.execute("""INSERT INTO crm.customers (id) VALUES (103); DELETE FROM crm.customers WHERE id < 4;
            UPDATE crm.customers SET name = 'x' WHERE id = 5""")
        (written,) = written_since(session, marks) or ()
        assert (written.schema, written.name) == TABLE
        assert (written.inserted, written.updated, written.deleted) == (1, 1, 3)
        assert not written.moved_file
        session.execute("TRUNCATE crm.customers")
        (written,) = written_since(session, marks) or ()
        assert written.moved_file
        assert row_counts(session, [TABLE]) == {TABLE: 0}


def test_a_server_that_does_not_count_is_told_apart_from_one_that_counted_nothing(session: Session) -> None:
    with session.transaction():
        assert written_since(session, table_marks(session)) == ()
        session.execute("SET LOCAL track_counts = off")
        assert written_since(session, table_marks(session)) is None


def test_estimates_read_no_table(session: Session) -> None:
    session.execute("ANALYZE crm.customers")
    assert estimated_rows(session, [TABLE, ("crm", "nobody")]) == 100

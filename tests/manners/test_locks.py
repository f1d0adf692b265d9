"""Locks taken up front: what the SQL tells is what the server takes, in one order, within the time, as who may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from coordinator.model.locks import LockMode, TableLock, in_order
from coordinator.planning.expected_locks import expected_locks
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session
from coordinator.postgres.table_locks import held_locks, lockable_tables, take_locks
from tests.failures.roles import drop_role, make_role
from tests.manners.street import build_street, waits
from tests.planning_builders import Rev, effects, key

if TYPE_CHECKING:
    from tests.failures.site import Site

STATEMENTS = (
    "ALTER TABLE crm.customers ADD COLUMN phone text",
    "ALTER TABLE crm.customers DROP COLUMN email",
    "ALTER TABLE crm.customers RENAME COLUMN email TO mail",
    "ALTER TABLE crm.customers ALTER COLUMN email TYPE varchar(100)",
    "ALTER TABLE crm.customers ALTER COLUMN email SET NOT NULL",
    "ALTER TABLE crm.customers ADD CONSTRAINT has_email CHECK (email <> '')",
    "ALTER TABLE crm.notes ADD CONSTRAINT note_of FOREIGN KEY (customer) REFERENCES crm.customers (id)",
    "CREATE TABLE crm.calls (id int PRIMARY KEY, customer int REFERENCES crm.customers (id))",
    "CREATE INDEX by_email ON crm.customers (email)",
    "CREATE UNIQUE INDEX one_email ON crm.customers (lower(email))",
    "CREATE POLICY everybody ON crm.customers USING (true)",
    "ALTER TABLE crm.customers ALTER COLUMN email SET DEFAULT 'none'",
    "ALTER TABLE crm.customers RENAME TO people",
    "DROP TABLE crm.notes",
    "UPDATE crm.customers SET email = lower(email)",
    "INSERT INTO crm.notes (id, customer) SELECT id, id FROM crm.customers",
    "DELETE FROM crm.notes",
    "SELECT count(*) FROM crm.customers",
    "CREATE VIEW crm.addresses AS SELECT email FROM crm.customers",
)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_what_the_sql_tells_is_what_the_server_takes(site: Site, sql: str) -> None:
    build_street(site)
    told = expected_locks([key("crm:c1")], effects({"crm": [Rev("c1", sql)]}))
    with site.session() as session:
        session.execute("BEGIN")
        tables = lockable_tables(session)
        session.execute(sql)
        taken = held_locks(session, tables)
    assert told == taken


def test_what_the_transaction_makes_or_renames_itself_is_not_locked_before_it() -> None:
    sql = """CREATE TABLE crm.orders (id int)
             ALTER TABLE crm.orders ADD COLUMN total numeric
             ALTER TABLE crm.notes RENAME TO remarks
             ALTER TABLE crm.remarks ADD COLUMN body text"""
    told = expected_locks([key("crm:c1")], effects({"crm": [Rev("c1", sql)]}))
    assert told == (TableLock(schema="crm", table="notes", mode=LockMode.ACCESS_EXCLUSIVE),)


def test_each_table_is_locked_once_as_strongly_as_needed_and_in_the_order_of_names() -> None:
    def lock(table: str, mode: LockMode) -> TableLock:
        return TableLock(schema="crm", table=table, mode=mode)

    wanted = (
        lock("notes", LockMode.ROW_EXCLUSIVE),
        lock("customers", LockMode.SHARE),
        lock("notes", LockMode.ACCESS_EXCLUSIVE),
        lock("notes", LockMode.SHARE),
    )
    assert in_order(wanted) == (lock("customers", LockMode.SHARE), lock("notes", LockMode.ACCESS_EXCLUSIVE))


def test_all_locks_together_are_waited_for_no_longer_than_allowed(site: Site) -> None:
    build_street(site)
    names = ("customers", "notes", "visits")
    locks = [TableLock(schema="crm", table=each, mode=LockMode.ACCESS_EXCLUSIVE) for each in names]
    with site.session() as reader, site.session() as other, site.session() as session:
        reader.execute("BEGIN; SELECT FROM crm.customers")
        other.execute("BEGIN; SELECT FROM crm.notes")
        session.execute("BEGIN")
        began = time.monotonic()
        with pytest.raises(StatementError) as caught:
            take_locks(session, locks, seconds=0.6)
        assert caught.value.sqlstate == "55P03"
        assert 0.5 < time.monotonic() - began < 1.1


def test_tables_that_are_gone_and_views_are_left_out(site: Site) -> None:
    build_street(site)
    site.execute("CREATE VIEW crm.addresses AS SELECT email FROM crm.customers")
    names = ("addresses", "customers", "never_there")
    locks = [TableLock(schema="crm", table=each, mode=LockMode.ACCESS_EXCLUSIVE) for each in names]
    with site.session() as session:
        session.execute("BEGIN")
        take_locks(session, locks, seconds=1)
        held = held_locks(session, lockable_tables(session))
    assert [each.table for each in held] == ["customers"]


def test_the_owner_of_a_table_takes_the_lock_that_our_own_role_may_not(site: Site, role: str) -> None:
    build_street(site)
    owner = f"{role}_owner"
    site.execute(f"CREATE ROLE {owner} NOLOGIN")
    try:
        url = make_role(
            site,
            role,
            f"GRANT {owner} TO {{role}}",
            f"ALTER SCHEMA crm OWNER TO {owner}",
            f"ALTER TABLE crm.customers OWNER TO {owner}",
            "ALTER ROLE {role} NOINHERIT",
        )
        locks = [
            TableLock(schema="crm", table=each, mode=LockMode.ACCESS_EXCLUSIVE)
            for each in ("customers", "notes")
        ]
        with Session(connect(url, application_name="test")) as session:
            session.execute("BEGIN")
            take_locks(session, locks, seconds=1, owners=[owner])
            held = held_locks(session, lockable_tables(session))
            assert session.value("SELECT current_user") == role
        assert [each.table for each in held] == ["customers"], "nobody here may lock crm.notes"
    finally:
        drop_role(site, owner)


def test_a_rehearsed_run_locks_what_a_hidden_statement_needs_before_its_first_step(site: Site) -> None:
    hidden = (
        "DO $$ BEGIN EXECUTE 'ALTER TABLE crm.notes ADD body text'; END $$",
        "ALTER TABLE crm.notes DROP body",
    )
    build_street(site, ("SELECT pg_sleep(2)", "SELECT 1"), hidden)
    process = site.start("all-modules", "--staging", "embedded", environment=waits())
    site.await_value(
        "SELECT true FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(%'"
        " AND application_name LIKE 'migrate:%' AND state = 'active'"
    )
    assert site.value(
        "SELECT count(*) FROM pg_locks WHERE relation = 'crm.notes'::regclass AND mode = 'AccessExclusiveLock' AND granted"
    )
    ended = site.end(process)
    assert ended.code == 0, ended.err

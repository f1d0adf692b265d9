"""What statements lock, write anew and read whole, seen on empty tables, as the server does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.model.trace import WorkKind
from coordinator.postgres.failure import StatementError
from tests.traces.watching import alone, locks, traced, works

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

CUSTOMERS = "ACCESS EXCLUSIVE crm.customers"
# The statement, the locks (a star: on a table that the text does not name as what it acts on), the work.
STATEMENTS: dict[str, tuple[list[str], list[str]]] = {
    "ALTER TABLE customers ALTER age TYPE bigint": ([CUSTOMERS], ["rewrite crm.customers"]),
    "ALTER TABLE customers ADD score float DEFAULT random()": ([CUSTOMERS], ["rewrite crm.customers"]),
    "ALTER TABLE customers ADD score int DEFAULT 3": ([CUSTOMERS], []),
    "ALTER TABLE customers ALTER email SET NOT NULL": ([CUSTOMERS], ["scan crm.customers"]),
    "ALTER TABLE customers ADD CHECK (age > 0)": ([CUSTOMERS], ["scan crm.customers"]),
    "ALTER TABLE customers ADD CHECK (age > 0) NOT VALID": ([CUSTOMERS], []),
    "ALTER TABLE customers ADD UNIQUE (email)": (
        [CUSTOMERS],
        ["index build crm.customers customers_email_key"],
    ),
    "CREATE INDEX ages ON customers (age)": (["SHARE crm.customers"], ["index build crm.customers ages"]),
    "ALTER TABLE notes ADD FOREIGN KEY (customer) REFERENCES customers": (
        ["SHARE ROW EXCLUSIVE crm.customers *", "SHARE ROW EXCLUSIVE crm.notes"],
        ["scan crm.notes"],
    ),
    "CREATE TABLE visits (customer int REFERENCES customers)": (["SHARE ROW EXCLUSIVE crm.customers *"], []),
    "INSERT INTO notes VALUES (1, 2, 'x')": (
        ["ROW EXCLUSIVE billing.invoices *", "ROW EXCLUSIVE crm.notes"],
        [],
    ),
    "ALTER TABLE notes ADD truncated float DEFAULT random()": (
        ["ACCESS EXCLUSIVE crm.notes"],
        ["rewrite crm.notes"],
    ),
    "DO $$ BEGIN TRUNCATE crm.notes; END $$": (["ACCESS EXCLUSIVE crm.notes"], ["emptied crm.notes"]),
    "TRUNCATE notes": (["ACCESS EXCLUSIVE crm.notes"], ["emptied crm.notes"]),
    "DROP TABLE billing.invoices": (["ACCESS EXCLUSIVE billing.invoices", f"{CUSTOMERS} *"], []),
    "DROP INDEX mails": ([f"{CUSTOMERS} *"], []),
    "REINDEX INDEX mails": ([f"{CUSTOMERS} through mails *"], ["index build crm.customers mails"]),
    "ALTER TABLE notes RENAME TO remarks": (["ACCESS EXCLUSIVE crm.notes"], []),
    "ALTER TABLE log ADD x int": (["ACCESS EXCLUSIVE crm.log", "ACCESS EXCLUSIVE crm.log_20 *"], []),
    "ALTER TABLE base ADD y int": (["ACCESS EXCLUSIVE crm.base", "ACCESS EXCLUSIVE crm.special *"], []),
    "ALTER TABLE log ALTER k TYPE bigint": (
        ["ACCESS EXCLUSIVE crm.log", "ACCESS EXCLUSIVE crm.log_20 *"],
        ["rewrite crm.log_20"],
    ),
    "CLUSTER customers USING mails": ([CUSTOMERS], ["rewrite crm.customers"]),
    "DO $$ BEGIN UPDATE crm.customers SET age = 1; END $$": (["ROW EXCLUSIVE crm.customers"], []),
    "COMMENT ON TABLE customers IS 'x'": (["SHARE UPDATE EXCLUSIVE crm.customers"], []),
    "ALTER TABLE customers SET (fillfactor = 70)": (["SHARE UPDATE EXCLUSIVE crm.customers"], []),
    "DROP TABLE notes CASCADE": (["ACCESS EXCLUSIVE billing.all_notes *", "ACCESS EXCLUSIVE crm.notes"], []),
    "SELECT * FROM customers": ([], []),
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_locks_and_work_are_those_of_the_server(session: Session, statement: str) -> None:
    (trace,) = traced(session, statement)
    assert (locks(trace), works(trace)) == STATEMENTS[statement]
    assert not trace.alone


def test_only_what_is_new_is_told_and_tables_that_were_made_meanwhile_are_marked(session: Session) -> None:
    first, second, third, fourth = traced(
        session,
        "ALTER TABLE customers ADD score int",
        "ALTER TABLE customers RENAME TO clients",
        "ALTER TABLE clients ALTER age TYPE bigint",
        "CREATE TABLE fresh (id int)",
    )
    assert locks(first) == [CUSTOMERS]
    assert locks(second) == []
    assert locks(third) == []
    assert [(each.table, each.first) for each in third.works] == [("clients", ("crm", "customers"))]
    assert locks(fourth) == []
    made, altered = traced(session, "CREATE TABLE fresh (id int)", "ALTER TABLE fresh ALTER id TYPE bigint")
    assert made.locks == ()
    assert [each.first for each in altered.works] == [None]


def test_rows_are_counted_with_those_that_triggers_write(session: Session) -> None:
    (trace,) = traced(session, "INSERT INTO notes SELECT n, n, '' FROM generate_series(1, 5) AS n")
    assert trace.rows == 10
    assert trace.seconds > 0


def test_values_are_not_in_what_is_shown(session: Session) -> None:
    (trace,) = traced(session, "UPDATE customers SET email = 'sk_live_SECRET' WHERE id = 4711")
    assert "SECRET" not in trace.sql
    assert "4711" not in trace.sql
    assert trace.sql.startswith("UPDATE customers SET email = ")


def test_a_statement_that_fails_is_not_traced(session: Session) -> None:
    with pytest.raises(StatementError):
        traced(session, "ALTER TABLE nowhere ADD x int")
    assert not session.in_transaction


def test_outside_of_transactions_it_says_what_is_waited_for(session: Session) -> None:
    session.execute("SET search_path = crm")
    built, rebuilt, dropped, written, full = alone(
        session,
        "CREATE INDEX CONCURRENTLY ages ON customers (age)",
        "REINDEX INDEX CONCURRENTLY ages",
        "DROP INDEX CONCURRENTLY ages",
        "UPDATE customers SET age = 1",
        "VACUUM FULL customers",
    )
    assert locks(built) == ["SHARE UPDATE EXCLUSIVE crm.customers"]
    assert works(built) == ["index build crm.customers ages"]
    assert built.waits_for.startswith("every transaction that has written to the table")
    assert works(rebuilt) == ["index build crm.customers ages"]
    assert (locks(dropped), works(dropped)) == (["SHARE UPDATE EXCLUSIVE crm.customers through ages *"], [])
    assert dropped.waits_for == "every transaction that may still use the index"
    assert (locks(written), written.waits_for) == (["ROW EXCLUSIVE crm.customers"], "")
    assert (locks(full), works(full)) == ([CUSTOMERS], ["rewrite crm.customers"])
    assert [each.alone for each in (built, rebuilt, dropped, written, full)] == [True] * 5
    assert not session.in_transaction


def test_what_only_the_server_knows_to_stand_alone_is_run_outside_of_a_transaction(session: Session) -> None:
    session.execute(
        "SET search_path = crm; CREATE TABLE parted (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10); CREATE INDEX ids ON parted (id)"
    )
    rebuilt, committed = alone(
        session, "REINDEX TABLE parted", "DO $$ BEGIN INSERT INTO parted VALUES (1); COMMIT; END $$"
    )
    assert "SHARE crm.part through part_id_idx *" in locks(rebuilt)
    assert works(rebuilt) == ["index build crm.part part_id_idx"]
    assert rebuilt.alone
    assert committed.alone
    assert session.value("SELECT count(*) FROM parted") == 1


def test_a_statement_alone_that_fails_leaves_no_transaction_behind(session: Session) -> None:
    with pytest.raises(StatementError):
        alone(session, "UPDATE crm.customers SET nothing = 1")
    assert not session.in_transaction


def test_rewrites_are_a_kind_of_work(session: Session) -> None:
    (trace,) = traced(session, "ALTER TABLE customers ALTER age TYPE bigint")
    (rewrite,) = trace.rewrites
    assert (rewrite.kind, str(trace.locks[0])) == (WorkKind.REWRITE, "crm.customers")
    assert trace.named

"""Whoever copies data before it is destroyed, or puts it back, waits for the tables before the transaction's work begins."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import CUSTOMERS, build, step
from tests.manners.street import waiting_for, waits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.failures.site import Site

TABLES = CUSTOMERS + "CREATE TABLE crm.notes (id int PRIMARY KEY);"
SHOUT = "UPDATE crm.customers SET name = upper(name)"
ADD, DROP = "ALTER TABLE crm.notes ADD COLUMN body text", "ALTER TABLE crm.notes DROP COLUMN body"
HELD = (
    "SELECT c.relname || ' ' || l.mode FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
    " JOIN pg_class AS c ON c.oid = l.relation WHERE l.granted AND a.application_name LIKE 'migrate:%'"
    " AND c.relnamespace = 'crm'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'"
)


@contextmanager
def writing(site: Site, statement: str) -> Iterator[None]:
    """A session with an open transaction that has written that; it commits at the end of the block."""
    with site.session() as session:
        session.execute(f"BEGIN; {statement}")
        yield
        session.execute("COMMIT")


def held(site: Site, *, while_waiting_for: str) -> tuple[tuple[str], ...]:
    """The locks on the module's tables that a run holds when it has to wait for one of them."""
    site.await_value(waiting_for(while_waiting_for))
    return site.rows(HELD)


INSERT = "INSERT INTO crm.customers VALUES (99, 'new')"


@pytest.mark.parametrize("staging", ["embedded", "off"])
def test_a_table_whose_rows_are_copied_is_waited_for_before_anything_is_held(
    site: Site, staging: str
) -> None:
    build(site, TABLES)
    step(site, "c2", "c1", (ADD, SHOUT), (DROP,))
    with site.running("all-modules", "--yes", "--staging", staging, environment=waits(wait="10s")) as process:
        with writing(site, INSERT):
            assert held(site, while_waiting_for="crm.customers") == ()
        ended = site.end(process)
    assert ended.code == 0, ended.err
    assert "trying again" not in ended.err
    assert site.rows("SELECT rows FROM migrate.kept") == ((21,),)
    if staging != "off":
        assert "holds its locks on crm.customers, crm.notes for about" in ended.said


def test_partitions_of_a_table_whose_rows_are_copied_are_waited_for_with_it(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.calls (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);"
        "CREATE TABLE crm.calls_1 PARTITION OF crm.calls FOR VALUES FROM (1) TO (100);"
        "INSERT INTO crm.calls VALUES (1, 'one'); CREATE TABLE crm.notes (id int PRIMARY KEY);",
    )
    step(site, "c2", "c1", (ADD, "UPDATE crm.calls SET name = upper(name)"), (DROP,))
    with site.running(
        "all-modules", "--yes", "--staging", "embedded", environment=waits(wait="10s")
    ) as process:
        with writing(site, "INSERT INTO crm.calls_1 VALUES (2, 'two')"):
            assert held(site, while_waiting_for="crm.calls_1") == (("calls ShareRowExclusiveLock",),)
        ended = site.end(process)
    assert ended.code == 0, ended.err
    assert "holds its locks on crm.calls, crm.calls_1, crm.notes for about" in ended.said


def test_a_table_into_which_values_go_back_is_waited_for_before_anything_is_held(site: Site) -> None:
    build(site, TABLES)
    step(site, "c2", "c1", (SHOUT, ADD), (DROP,))
    assert site.migrate("all-modules", "--yes", "--staging", "off").code == 0
    back = ("rollback", "crm", "--to", "c1", "--yes", "--staging", "embedded", "--format", "json")
    with site.running(*back, environment=waits(wait="10s")) as process:
        with writing(site, INSERT):
            assert held(site, while_waiting_for="crm.customers") == ()
        ended = site.end(process)
    assert ended.code == 0, ended.err
    locks = json.loads(ended.out)["rehearsal"]["locks"][0]["tables"]
    assert {"table": "crm.customers", "mode": "SHARE ROW EXCLUSIVE"} in locks
    assert site.value("SELECT name FROM crm.customers WHERE id = 7") == "name 7"


def test_a_run_that_takes_its_own_steps_back_waits_before_anything_is_held_too(site: Site) -> None:
    build(site, TABLES)
    before = site.picture()
    step(site, "c2", "c1", (SHOUT, ADD), (DROP,))
    fails = "IF EXISTS (SELECT FROM crm.customers) THEN PERFORM pg_sleep(3); RAISE 'planted failure'; END IF"
    step(site, "c3", "c2", (f"DO $$ BEGIN {fails}; END $$",), ("SELECT 1",))
    run = ("all-modules", "--yes", "--staging", "embedded", "--atomic", "step")
    with site.running(*run, environment=waits(wait="10s")) as process:
        site.await_value(
            "SELECT true FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'migrate:%' AND wait_event = 'PgSleep'"
        )
        with writing(site, "UPDATE crm.customers SET name = name"):
            assert held(site, while_waiting_for="crm.customers") == ()
        ended = site.end(process)
    assert ended.code == 3, ended.err
    assert "planted failure" in ended.said
    assert site.picture().rows == before.rows


def test_max_hold_counts_the_locks_under_which_rows_are_copied(site: Site) -> None:
    build(site, TABLES)
    step(site, "c2", "c1", ("SELECT pg_sleep(0.8)", SHOUT), ("SELECT 1",))
    run = ("all-modules", "--yes", "--staging", "embedded", "--max-hold", "400ms")
    ended = site.migrate(*run)
    assert ended.code == 1, ended.err
    assert "crm:c2 would hold its locks on crm.customers for about" in ended.said
    assert not site.has_ledger()
    ended = site.migrate(*run, "--discard", "crm:c2")
    assert ended.code == 0, ended.err
    assert "holds its locks" not in ended.said

"""Whole rows go and come back with all that is in them, whatever the run has made of their table meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import CUSTOMERS, build, failing, same, step

if TYPE_CHECKING:
    from tests.failures.site import Site

CENTS = (
    "ALTER TABLE crm.customers ADD COLUMN cents bigint",
    "UPDATE crm.customers SET cents = id * 100",
    "ALTER TABLE crm.customers ALTER COLUMN cents SET NOT NULL",
)
NO_CENTS = ("ALTER TABLE crm.customers DROP COLUMN cents",)
DELETE = ("DELETE FROM crm.customers WHERE id > 15",)
DROP = ("DROP TABLE crm.customers",)
MAKE = (
    "CREATE TABLE crm.customers (id int PRIMARY KEY, name text NOT NULL, phone text, cents bigint NOT NULL)",
)


@pytest.mark.parametrize(
    ("up", "down"), [(DELETE, ("SELECT 1",)), (DROP, MAKE)], ids=["rows deleted", "table dropped"]
)
def test_old_rows_come_back_with_the_column_that_the_run_itself_had_added(
    site: Site, up: tuple[str, ...], down: tuple[str, ...]
) -> None:
    build(site)
    step(site, "c2", "c1", CENTS, NO_CENTS)
    step(site, "c3", "c2", up, down, deletes_rows=True)
    ended = site.migrate("all-modules", "--yes")
    assert ended.code == 0, ended.err
    ended = site.migrate("rollback", "crm", "--to", "c2", "--yes")
    assert ended.code == 0, ended.err
    assert "conflict" not in ended.said
    assert site.rows("SELECT count(*), count(*) FILTER (WHERE cents = id * 100) FROM crm.customers") == (
        (20, 20),
    )


@pytest.mark.parametrize(
    ("up", "down"), [(DELETE, ("SELECT 1",)), (DROP, MAKE)], ids=["rows deleted", "table dropped"]
)
def test_the_run_is_taken_back_with_its_own_column_and_keeps_nothing_of_that(
    site: Site, up: tuple[str, ...], down: tuple[str, ...]
) -> None:
    build(site)
    step(site, "c2", "c1", CENTS, NO_CENTS)
    step(site, "c3", "c2", up, down, deletes_rows=True)
    failing(site, "c4", "c3")
    before = site.picture()
    ended = site.migrate("all-modules", "--yes", "--atomic", "step")
    assert ended.code == 3, ended.err
    assert same(site, before)
    assert (
        site.value("SELECT count(*) FROM migrate.kept WHERE 'cents' = ANY (columns) AND copy IS NOT NULL")
        == 0
    )


def test_a_table_that_goes_and_a_column_that_its_own_step_had_added_to_it(site: Site) -> None:
    build(site, CUSTOMERS + "CREATE TABLE crm.notes (id int PRIMARY KEY)")
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers ADD COLUMN nick text DEFAULT 'n'", *DROP),
        ("CREATE TABLE crm.customers (id int PRIMARY KEY, name text NOT NULL, phone text)",),
    )
    before = site.picture()
    assert site.migrate("all-modules", "--yes").code == 0
    assert site.migrate("rollback", "crm", "--to", "c1", "--yes").code == 0
    assert same(site, before)


def test_a_table_without_a_key_comes_back_whole_though_a_partition_of_it_sorts_first(site: Site) -> None:
    tables = (
        "CREATE TABLE crm.events (at int, what text) PARTITION BY RANGE (at)",
        "CREATE TABLE crm.all_old PARTITION OF crm.events FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (at)",
        "CREATE TABLE crm.a_first PARTITION OF crm.all_old FOR VALUES FROM (0) TO (5)",
        "CREATE TABLE crm.a_second PARTITION OF crm.all_old FOR VALUES FROM (5) TO (10)",
        "CREATE TABLE crm.new PARTITION OF crm.events FOR VALUES FROM (10) TO (20)",
    )
    build(
        site,
        "; ".join(tables)
        + "; INSERT INTO crm.events SELECT n, 'e' || n % 3 FROM generate_series(0, 19) AS n;",
    )
    step(site, "c2", "c1", ("DROP TABLE crm.events",), tables)
    before = site.picture()
    ended = site.migrate("all-modules", "--yes")
    assert ended.code == 0, ended.err
    assert site.rows("SELECT table_name, rows FROM migrate.kept") == (("events", 20),)
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert same(site, before)


def test_a_row_goes_back_into_a_partition_whose_parent_makes_its_identity(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.events (id int GENERATED ALWAYS AS IDENTITY, what text, PRIMARY KEY (id))"
        " PARTITION BY RANGE (id); CREATE TABLE crm.first PARTITION OF crm.events FOR VALUES FROM (0) TO (1000);"
        "INSERT INTO crm.events (what) SELECT 'e' || n FROM generate_series(1, 20) AS n;",
    )
    step(
        site,
        "c2",
        "c1",
        ("DELETE FROM crm.first WHERE id > 15", "UPDATE crm.first SET what = 'x'"),
        ("SELECT 1",),
        deletes_rows=True,
    )
    before = site.picture()
    assert site.migrate("all-modules", "--yes").code == 0
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert same(site, before)
    assert site.value("SELECT attidentity FROM pg_attribute WHERE attrelid = 'crm.events'::regclass"
                      " AND attname = 'id'") == "a"  # fmt: skip

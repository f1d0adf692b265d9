"""Rows that a step changes which commits statement by statement: there is no copy, and everybody is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kept.shelf import CUSTOMERS, NUMBERS, PARTS, all_of, build, same
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

UPPER = "UPDATE crm.customers SET name = upper(name)"
BLOCK = "with op.get_context().autocommit_block():\n    op.execute({!r})"
INDEX = BLOCK.format("CREATE INDEX CONCURRENTLY by_name ON crm.customers (name)")
NO_INDEX = BLOCK.format("DROP INDEX CONCURRENTLY IF EXISTS crm.by_name")
GONE = "rows of crm.customers (name) do not come back: crm:c2 commits statement by statement, and so no copy was made"


def lone_step(
    site: Site, upgrade: str = f"{all_of(UPPER)}\n{INDEX}", downgrade: str = NO_INDEX, **names: Any
) -> None:
    write_revision(
        versions_of(site.root, "crm"), "c2", after="c1", upgrade=upgrade, downgrade=downgrade, **names
    )


def endings(site: Site) -> tuple[tuple[str, ...], ...]:
    """Of each loss in the ledger: direction, kind, and what became of it."""
    return site.rows("SELECT direction, kind, ending FROM migrate.kept ORDER BY number")


def test_rows_changed_between_commits_are_told_by_the_run_the_history_and_the_rollback(site: Site) -> None:
    build(site)
    lone_step(site)
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 0, ended.err
    assert (
        "changed without a copy: rows of crm.customers (name), by crm:c2, which commits statement by statement"
        in ended.said
    )
    assert endings(site) == (("upgrade", "rows", "committed"),)
    assert "not kept: the step commits statement by statement" in site.migrate("history", "1").out
    shown = " ".join(site.migrate("rollback", "crm", "--to", "c1", "--dry-run").out.split())
    assert "risk HIGH" in shown
    assert GONE in shown
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert site.value("SELECT count(*) FROM crm.customers WHERE name = upper(name)") == 20


def test_rows_that_are_changed_without_being_named_are_told_too(site: Site) -> None:
    build(
        site,
        f"{CUSTOMERS} {NUMBERS} {PARTS} CREATE TABLE crm.orders (id int PRIMARY KEY,"
        " customer int REFERENCES crm.customers ON DELETE CASCADE); INSERT INTO crm.orders VALUES (1, 1), (2, 20);"
        "CREATE TABLE crm.shops (id int PRIMARY KEY); CREATE TABLE crm.goods (id int PRIMARY KEY,"
        " shop int REFERENCES crm.shops ON DELETE SET NULL); INSERT INTO crm.shops VALUES (1);"
        "INSERT INTO crm.goods VALUES (1, 1)",
    )
    upgrade = all_of("DELETE FROM crm.customers WHERE id < 5", "UPDATE crm.parts SET name = upper(name)")
    upgrade += f"\n{INDEX}\n{BLOCK.format('DELETE FROM crm.shops')}\n" + all_of(
        "DO $$ BEGIN EXECUTE 'UPDATE crm.numbers SET a = 0'; END $$"
    )
    lone_step(site, upgrade=upgrade, deletes_rows=True)
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 0, ended.err
    assert "changed without a copy: rows of crm.orders, by crm:c2" in ended.said
    told = {
        each: (kind, ending)
        for each, kind, ending in site.rows("SELECT table_name, kind, ending FROM migrate.kept")
    }
    assert told == dict.fromkeys(
        ("customers", "goods", "numbers", "orders", "parts", "shops"), ("rows", "committed")
    )
    assert site.value("SELECT count(*) FROM migrate.kept") == len(told)


@pytest.mark.parametrize(
    "lost",
    [
        "ALTER TABLE crm.customers DROP COLUMN phone",
        "DROP TABLE crm.numbers",
        "EXECUTE 'DROP TABLE crm.counted_empty'",
    ],
)
def test_what_goes_unforeseen_stops_the_step_before_its_first_commit(site: Site, lost: str) -> None:
    build(site, CUSTOMERS + NUMBERS + "CREATE TABLE crm.counted_empty (id int PRIMARY KEY)")
    site.execute("VACUUM ANALYZE crm.counted_empty")
    site.execute("INSERT INTO crm.counted_empty SELECT generate_series(1, 30)")
    lone_step(site, upgrade=f"{all_of(f'DO $$ BEGIN {lost}; END $$')}\n{INDEX}")
    site.execute("SELECT pg_stat_reset()")  # so that nobody knows how many rows there are
    before = site.picture()
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 3, ended.err
    assert "which nobody could foresee, and there is no copy" in ended.said
    assert same(site, before)


def test_a_downgrade_that_changes_rows_between_commits_is_told_when_it_is_applied_again(site: Site) -> None:
    build(site)
    lone_step(site, upgrade=INDEX, downgrade=f"{all_of(UPPER)}\n{NO_INDEX}")
    assert site.migrate("all-modules", "--staging", "off").code == 0
    assert endings(site) == ()
    assert site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off").code == 0
    assert endings(site) == (("downgrade", "rows", "committed"),)
    assert site.migrate("release", "crm:c2").code == 0
    again = site.migrate("all-modules", "--staging", "off")
    assert again.code == 0, again.err
    assert "kept-data-gone" in again.said
    assert GONE in again.said


def test_a_step_that_fails_after_its_first_commit_has_told_it_too(site: Site) -> None:
    build(site)
    site.execute("INSERT INTO crm.customers SELECT 21, name, phone FROM crm.customers WHERE id = 1")
    lone_step(site, upgrade=f"{all_of(UPPER)}\n{INDEX.replace('INDEX', 'UNIQUE INDEX')}")
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 4, ended.err
    assert "everything was reversed, but rows differ in crm.customers" in ended.said
    assert site.value("SELECT count(*) FROM crm.customers WHERE name = upper(name)") == 21
    assert endings(site) == (("upgrade", "rows", "committed"),)
    assert "not kept: the step commits statement by statement" in site.migrate("history", "1").out


def test_what_was_empty_or_is_given_up_is_not_told_as_that(site: Site) -> None:
    build(site)
    site.execute("CREATE TABLE crm.notes (id int PRIMARY KEY, name text)")
    lone_step(site, upgrade=f"{all_of(UPPER.replace('customers', 'notes'), UPPER)}\n{INDEX}")
    ended = site.migrate("all-modules", "--staging", "off", "--discard", "crm:c2")
    assert ended.code == 0, ended.err
    assert "changed without a copy" not in ended.said
    assert {each[2] for each in endings(site)} == {"discarded"}


def test_rows_of_an_empty_table_are_no_loss(site: Site) -> None:
    build(site)
    site.execute("CREATE TABLE crm.notes (id int PRIMARY KEY, name text)")
    site.execute("CREATE TABLE crm.letters (id int) PARTITION BY RANGE (id);"
                 "CREATE TABLE crm.old_letters PARTITION OF crm.letters FOR VALUES FROM (0) TO (9)")  # fmt: skip
    upgrade = all_of(
        UPPER.replace("customers", "notes"), "DO $$ BEGIN EXECUTE 'DROP TABLE crm.letters'; END $$"
    )
    lone_step(site, upgrade=f"{upgrade}\n{INDEX}")
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 0, ended.err
    assert endings(site) == ()

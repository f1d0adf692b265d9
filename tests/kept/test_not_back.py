"""A run that was taken back says that all is as before only where its rows are, or where all of them were put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.failures.roles import make_role
from tests.kept.shelf import CUSTOMERS, build, failing, same, step

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

EVENTS = """
CREATE TABLE crm.events (id int PRIMARY KEY, kind text) PARTITION BY RANGE (id);
CREATE TABLE crm.few PARTITION OF crm.events FOR VALUES FROM (0) TO (1000);
INSERT INTO crm.events SELECT n, CASE WHEN n % 2 = 0 THEN 'x' ELSE 'y' END FROM generate_series(1, 20) AS n;
"""
# So many rows that nobody compares them, by the statistics.
MANY = """
CREATE TABLE crm.many (id int PRIMARY KEY) WITH (autovacuum_enabled = false); INSERT INTO crm.many VALUES (1);
ANALYZE crm.many; UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'crm.many'::regclass;
"""


def fail_after_commit(site: Site, *flags: str) -> Ended:
    failing(site, "c3", "c2")
    return site.migrate("all-modules", "--yes", "--atomic", "step", *flags)


def test_rows_that_cannot_be_told_apart_any_more_leave_the_run_unsettled(site: Site) -> None:
    build(site, EVENTS + MANY)
    step(
        site,
        "c2",
        "c1",
        (
            "DELETE FROM crm.events WHERE kind = 'x'",
            "INSERT INTO crm.events SELECT n, 'z' FROM generate_series(101, 110) n",
        ),
        ("DELETE FROM crm.events WHERE kind = 'z'",),
        deletes_rows=True,
    )
    ended = fail_after_commit(site)
    assert ended.code == 4, ended.err
    assert "not all that the run had destroyed could be put back" in ended.said
    assert "rows of crm.events (id, kind): what is not back is in migrate.kept_1" in ended.said
    assert site.run_status() == "unsettled"
    ended = site.migrate("recover", "--abort")
    assert ended.code == 4, ended.err
    assert "rows of crm.events (id, kind): what is not back is in migrate.kept_1" in ended.said
    ended = site.migrate("recover", "--resume")
    assert ended.code == 0, ended.err
    assert site.value("SELECT status FROM migrate.run WHERE number = 1") == "settled"


def test_a_row_that_the_table_refuses_leaves_the_run_unsettled(site: Site) -> None:
    build(site, CUSTOMERS.replace("name text NOT NULL", "name text UNIQUE") + MANY)
    step(
        site,
        "c2",
        "c1",
        ("DELETE FROM crm.customers WHERE id = 20",),
        ("INSERT INTO crm.customers VALUES (99, 'name 20')",),
        deletes_rows=True,
    )
    ended = fail_after_commit(site, "--staging", "off")
    assert ended.code == 4, ended.err
    assert "rows of crm.customers (id, name, phone): what is not back is in migrate.kept_1" in ended.said


def test_a_row_that_came_back_under_another_key_leaves_the_run_unsettled(site: Site) -> None:
    build(site, "CREATE TABLE crm.notes (id serial PRIMARY KEY, note text);" + MANY)
    site.execute("INSERT INTO crm.notes (note) VALUES ('one'), ('two')")
    step(
        site,
        "c2",
        "c1",
        ("DELETE FROM crm.notes WHERE note = 'two'",),
        ("INSERT INTO crm.notes (note) VALUES ('two')",),
        deletes_rows=True,
    )
    ended = fail_after_commit(site, "--staging", "off")
    assert ended.code == 4, ended.err
    assert "rows of crm.notes (id, note): what is not back is in migrate.kept_1" in ended.said


def test_what_was_given_up_leaves_the_run_unsettled(site: Site) -> None:
    build(site, CUSTOMERS + MANY)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
    )
    ended = fail_after_commit(site, "--discard", "crm:c2")
    assert ended.code == 4, ended.err
    assert "column crm.customers.phone: not all was kept" in ended.said


def test_a_table_whose_rows_the_role_may_not_see_is_not_compared_with_its_neighbours(
    site: Site, role: str
) -> None:
    build(site)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE shop.orders DROP COLUMN note",),
        ("ALTER TABLE shop.orders ADD COLUMN note text",),
        touches=["shop"],
    )
    failing(site, "c3", "c2")
    url = make_role(
        site,
        role,
        "GRANT CREATE ON DATABASE {database} TO {role}; GRANT ALL ON SCHEMA crm TO {role}",
        "GRANT ALL ON ALL TABLES IN SCHEMA crm TO {role}; CREATE SCHEMA shop AUTHORIZATION {role}",
    )
    site.execute(
        "CREATE TABLE shop.orders (id int PRIMARY KEY, note text); INSERT INTO shop.orders VALUES (1, 'x');"
        f"CREATE TABLE shop.seen (id int PRIMARY KEY); ALTER TABLE shop.seen OWNER TO {role};"
        f"ALTER TABLE shop.orders OWNER TO {role}; ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY,"
        "  FORCE ROW LEVEL SECURITY"
    )
    flags = ("--atomic", "step", "--staging", "off", "--discard", "crm:c2")
    ended = site.migrate("all-modules", "--yes", *flags, url=url)
    assert ended.code == 4, ended.err
    assert "column shop.orders.note: not all was kept" in ended.said
    assert site.rows("SELECT id, note FROM shop.orders") == ((1, None),)


@pytest.mark.parametrize("many", ["", MANY], ids=["rows are compared", "rows are not compared"])
def test_rows_that_are_all_back_leave_everything_as_it_was(site: Site, many: str) -> None:
    build(site, EVENTS + many)
    step(site, "c2", "c1", ("DELETE FROM crm.events WHERE kind = 'x'",), ("SELECT 1",), deletes_rows=True)
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--yes", "--atomic", "step")
    assert ended.code == 3, ended.err
    assert same(site, before)


def test_a_row_that_somebody_changed_since_is_as_he_wants_it(site: Site) -> None:
    build(site, CUSTOMERS + MANY)
    step(site, "c2", "c1", ("UPDATE crm.customers SET name = upper(name)",), ("SELECT 1",))
    step(
        site,
        "c3",
        "c2",
        ("DO $$ BEGIN PERFORM pg_advisory_xact_lock(7); RAISE 'planted failure'; END $$",),
        ("SELECT 1",),
    )
    with site.session() as other:
        other.execute("SELECT pg_advisory_lock(7)")
        with site.running("all-modules", "--yes", "--atomic", "step", "--staging", "off") as process:
            site.await_value("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
            site.execute("UPDATE crm.customers SET name = 'typed by a person' WHERE id = 7")
            other.execute("SELECT pg_advisory_unlock(7)")
            ended = site.end(process)
    assert ended.code == 3, ended.err
    assert "1 row was changed since" in ended.said
    assert site.rows("SELECT name FROM crm.customers WHERE id IN (7, 8) ORDER BY id") == (
        ("typed by a person",),
        ("name 8",),
    )

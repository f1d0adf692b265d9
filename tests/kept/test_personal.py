"""Personal data is not copied, also by the run whose map has the columns no more since it drops them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import CUSTOMERS, build, failing, step

if TYPE_CHECKING:
    from tests.failures.site import Site

PHONE = ("customers", "phone", "yes")
REMEMBERED = "SELECT table_schema, table_name, column_name FROM migrate.personal ORDER BY 1, 2, 3"


def draw(site: Site, *columns: tuple[str, str, str]) -> None:
    """A map with these columns besides the key: table, name, and whether it is personal."""
    tables = dict.fromkeys(table for table, *_ in columns)
    described = "\n".join(
        f"### Table {table}\n\n| column | type | personal data | notes |\n|---|---|---|---|\n| id | int | | |\n"
        + "".join(f"| {name} | text | {mark} | |\n" for each, name, mark in columns if each == table)
        for table in tables
    )
    (site.root / "database_map.md").write_text(
        f"# Database map\n\n## Module crm\n\n- Schema: crm\n\n{described}", encoding="utf-8"
    )


def deploy(site: Site, *flags: str) -> None:
    ended = site.migrate("all-modules", *flags)
    assert ended.code == 0, ended.err


def deploy_earlier(site: Site) -> None:
    """A deploy at which the map still has the mark of customers.phone."""
    build(site)
    draw(site, PHONE, ("customers", "name", ""))
    step(site, "c2", "c1", ("SELECT 1",), ("SELECT 1",))
    deploy(site)


@pytest.mark.parametrize("flag", [(), ("--keep-personal",)], ids=["left out", "asked for"])
def test_a_personal_column_that_goes_with_its_mark_is_kept_only_when_that_is_asked_for(
    site: Site, flag: tuple[str, ...]
) -> None:
    deploy_earlier(site)
    draw(site)
    step(site, "c3", "c2", ("ALTER TABLE crm.customers DROP COLUMN phone, DROP COLUMN name",), (
        "ALTER TABLE crm.customers ADD COLUMN name text NOT NULL, ADD COLUMN phone text",))  # fmt: skip
    deploy(site, *flag)
    kept = ["name", "phone"] if flag else ["name"]
    phone: list[list[str]] = [["phone"], []]
    held, out = phone if flag else reversed(phone)
    assert site.rows("SELECT columns, personal, left_out FROM migrate.kept") == ((kept, held, out),)
    shown = site.migrate("history", "2").out
    assert ("personal, and so not kept: crm.customers.phone" in shown) is not bool(flag)
    assert ("personal, and kept all the same: crm.customers.phone" in shown) is bool(flag)
    (told,) = json.loads(site.migrate("history", "2", "--format", "json").out)["kept"]
    assert (told["columns"], told["personal"], told["leftOut"]) == (kept, held, out)


def test_a_personal_column_is_left_out_under_the_names_that_the_run_gives_to_it_and_its_table(
    site: Site,
) -> None:
    deploy_earlier(site)
    draw(site)
    step(
        site,
        "c3",
        "c2",
        (
            "ALTER TABLE crm.customers RENAME COLUMN phone TO mobile",
            "ALTER TABLE crm.customers RENAME TO clients",
        ),
        (
            "ALTER TABLE crm.clients RENAME TO customers",
            "ALTER TABLE crm.customers RENAME COLUMN mobile TO phone",
        ),
    )
    step(site, "c4", "c3", ("UPDATE crm.clients SET mobile = '?', name = '?'",), ("SELECT 1",))
    step(
        site,
        "c5",
        "c4",
        ("DROP TABLE crm.clients",),
        ("CREATE TABLE crm.clients (id int PRIMARY KEY, name text, mobile text)",),
    )
    deploy(site)
    assert site.rows("SELECT columns, left_out FROM migrate.kept ORDER BY number") == (
        (["name"], ["mobile"]),
        (["id", "name"], ["mobile"]),
    )


def test_a_partition_and_an_heir_have_the_marks_of_the_table_that_the_map_knows_and_it_those_of_its_partition(
    site: Site,
) -> None:
    build(
        site,
        CUSTOMERS + "CREATE TABLE crm.gone (since int PRIMARY KEY) INHERITS (crm.customers);"
        "INSERT INTO crm.gone VALUES (21, 'a', '+1', 1);"
        "CREATE TABLE crm.events (id int PRIMARY KEY, email text, what text) PARTITION BY RANGE (id);"
        "CREATE TABLE crm.y2023 PARTITION OF crm.events FOR VALUES FROM (0) TO (5);"
        "CREATE TABLE crm.y2024 PARTITION OF crm.events FOR VALUES FROM (5) TO (9);"
        "INSERT INTO crm.events SELECT n, 'me@example.org', 'x' FROM generate_series(1, 8) AS n;"
        "CREATE TABLE crm.visits (id int PRIMARY KEY, email text, what text) PARTITION BY RANGE (id);"
        "CREATE TABLE crm.old_visits PARTITION OF crm.visits FOR VALUES FROM (0) TO (5);"
        "CREATE TABLE crm.visits_now PARTITION OF crm.visits FOR VALUES FROM (5) TO (9);"
        "INSERT INTO crm.visits SELECT * FROM crm.events",
    )
    draw(site, PHONE, ("events", "email", "yes"), ("events", "what", ""), ("visits_now", "email", "yes"))
    step(site, "c2", "c1", ("DROP TABLE crm.y2023, crm.gone", "ALTER TABLE crm.events DETACH PARTITION crm.y2024",
                            "ALTER TABLE crm.y2024 RENAME TO archive", "DROP TABLE crm.old_visits",
                            "ALTER TABLE crm.visits_now RENAME TO visits_then"), ("SELECT 1",))  # fmt: skip
    step(site, "c3", "c2", ("DROP TABLE crm.archive", "DROP TABLE crm.visits"), ("SELECT 1",))
    planned = " ".join(site.migrate("plan").out.split())
    assert "destroys table crm.visits (email: personal data, kept only with --keep-personal)" in planned
    deploy(site)
    assert site.rows("SELECT table_name, columns, left_out FROM migrate.kept ORDER BY table_name") == (
        ("archive", ["id", "what"], ["email"]),
        ("gone", ["id", "name", "since"], ["phone"]),
        ("old_visits", ["email", "id", "what"], []),
        ("visits", ["id", "what"], ["email"]),
        ("y2023", ["id", "what"], ["email"]),
    )


def test_a_mark_is_remembered_until_a_map_describes_the_column_without_it(site: Site) -> None:
    deploy_earlier(site)
    assert site.rows(REMEMBERED) == (("crm", "customers", "phone"),)
    draw(site)
    step(site, "c3", "c2", ("SELECT 1",), ("SELECT 1",))
    deploy(site)
    assert site.rows(REMEMBERED) == (("crm", "customers", "phone"),)
    draw(site, ("customers", "phone", ""), ("customers", "name", "yes"))
    step(
        site,
        "c4",
        "c3",
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
    )
    deploy(site)
    assert site.rows(REMEMBERED) == (("crm", "customers", "name"),)
    assert site.rows("SELECT columns, left_out FROM migrate.kept") == ((["phone"], []),)


def test_a_rollback_from_a_checkout_whose_map_has_no_mark_yet_takes_none_away(site: Site) -> None:
    deploy_earlier(site)
    step(
        site,
        "c3",
        "c2",
        ("ALTER TABLE crm.customers ADD COLUMN age text",),
        ("ALTER TABLE crm.customers DROP COLUMN age, DROP COLUMN phone",),
    )
    deploy(site)
    draw(site, ("customers", "phone", ""), ("customers", "name", ""))
    site.execute("UPDATE crm.customers SET age = 'old'")
    ended = site.migrate("rollback", "crm", "--to", "c2", "--yes")
    assert ended.code == 0, ended.err
    assert site.rows("SELECT columns, left_out FROM migrate.kept") == ((["age"], ["phone"]),)
    assert site.rows(REMEMBERED) == (("crm", "customers", "phone"),)


def test_a_recovery_with_a_map_that_cannot_be_read_copies_no_personal_data(site: Site) -> None:
    deploy_earlier(site)
    step(
        site,
        "c3",
        "c2",
        ("SELECT 1",),
        ("SELECT 1 / (1 - count(*)::int) FROM crm.trap", "ALTER TABLE crm.customers DROP COLUMN phone"),
    )
    failing(site, "c4", "c3")
    ended = site.migrate("all-modules", "--yes", "--atomic", "step", "--staging", "off")
    assert ended.code == 4, ended.err
    site.execute("DELETE FROM crm.trap")
    (site.root / "database_map.md").write_text("# Database map\n\n## Module crm\n\n## Module crm\n")
    ended = site.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert site.rows("SELECT columns, left_out, ending FROM migrate.kept") == (
        (["phone"], ["phone"], "left out"),
    )


def test_a_ledger_from_before_personal_data_was_remembered_is_read(site: Site) -> None:
    deploy_earlier(site)
    site.execute("DROP TABLE migrate.personal; DELETE FROM migrate.version WHERE number > 2;"
                 "ALTER TABLE migrate.checkpoint DROP COLUMN sent, DROP COLUMN texts, DROP COLUMN undone")  # fmt: skip
    step(
        site,
        "c3",
        "c2",
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
    )
    planned = site.migrate("plan", "--against", "target")
    assert "Traceback" not in planned.err
    deploy(site)
    assert site.rows("SELECT columns, left_out FROM migrate.kept") == ((["phone"], ["phone"]),)
    assert site.rows(REMEMBERED) == (("crm", "customers", "phone"),)

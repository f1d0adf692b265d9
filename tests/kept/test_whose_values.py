"""Whose values count when a step comes back: those that are kept, or those that its function brings back itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import CUSTOMERS, build, failing, same, step

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

UNREHEARSED = ("--yes", "--staging", "off")
PHONES = (
    "CREATE TABLE crm.phones (customer_id int PRIMARY KEY, number text)",
    "INSERT INTO crm.phones SELECT id, phone FROM crm.customers",
    "ALTER TABLE crm.customers DROP COLUMN phone",
)
NO_PHONES = (
    "ALTER TABLE crm.customers ADD COLUMN phone text",
    "UPDATE crm.customers AS c SET phone = p.number FROM crm.phones AS p WHERE p.customer_id = c.id",
    "DROP TABLE crm.phones",
)
MANDATORY = (*NO_PHONES[:2], "ALTER TABLE crm.customers ALTER COLUMN phone SET NOT NULL", NO_PHONES[2])
BY_VIEW = (
    NO_PHONES[0],
    "CREATE VIEW crm.numbers AS SELECT id, phone FROM crm.customers",
    NO_PHONES[1].replace("crm.customers", "crm.numbers"),
    "DROP VIEW crm.numbers",
    NO_PHONES[2],
)
HIDDEN = (NO_PHONES[0], f"DO $$ BEGIN {NO_PHONES[1]}; END $$", NO_PHONES[2])
MOVED = (
    "CREATE TABLE crm.clients (id int PRIMARY KEY, name text NOT NULL, phone text)",
    "INSERT INTO crm.clients SELECT id, name, phone FROM crm.customers",
    "DROP TABLE crm.customers",
)
MOVED_BACK = (
    "CREATE TABLE crm.customers (id int PRIMARY KEY, name text NOT NULL, phone text)",
    "INSERT INTO crm.customers SELECT id, name, phone FROM crm.clients",
    "DROP TABLE crm.clients",
)
RENAMED_BACK = (
    "ALTER TABLE crm.clients RENAME TO customers",
    "ALTER INDEX crm.clients_pkey RENAME TO customers_pkey",
)


def deploy(site: Site, *words: str) -> Ended:
    ended = site.migrate("all-modules", *UNREHEARSED, *words)
    assert ended.code == 0, ended.err
    return ended


def roll_back(site: Site, *words: str) -> Ended:
    ended = site.migrate("rollback", "crm", "--to", "c1", *UNREHEARSED, *words)
    assert ended.code == 0, ended.err
    return ended


def again(site: Site) -> Ended:
    assert site.migrate("release", "--all").code == 0
    return deploy(site)


@pytest.mark.parametrize(
    "down", [NO_PHONES, HIDDEN, MANDATORY, BY_VIEW], ids=["plain", "hidden", "made mandatory", "by a view"]
)
def test_newer_values_from_another_table_are_not_overwritten_by_what_is_kept(
    site: Site, down: tuple[str, ...]
) -> None:
    build(site, CUSTOMERS.replace("phone text", "phone text NOT NULL") if down is MANDATORY else CUSTOMERS)
    step(site, "c2", "c1", PHONES, down)
    deploy(site)
    site.execute(
        "UPDATE crm.phones SET number = 'new' WHERE customer_id = 7; DELETE FROM crm.phones WHERE customer_id = 8"
    )
    ended = roll_back(site)
    assert "kept-data-conflict" in ended.said
    assert "1 row has other values from its downgrade() than were kept" in ended.said
    assert "id 7" in ended.said
    assert site.rows("SELECT id, phone FROM crm.customers WHERE id IN (6, 7, 8) ORDER BY id") == (
        (6, "+16"),
        (7, "new"),
        (8, "+18"),
    )
    assert site.rows("SELECT id, phone FROM migrate.kept_1") == (("7", "+17"),)


def test_newer_values_in_a_table_that_inherits_from_the_other_one_count_though_it_has_no_rows_itself(
    site: Site,
) -> None:
    """Also those of somebody who is still writing there when the way back begins."""
    heir = "CREATE TABLE crm.my_phones () INHERITS (crm.phones)"
    build(site, CUSTOMERS + "; ".join((PHONES[0], heir, PHONES[1].replace("phones", "my_phones"))))
    step(site, "c2", "c1", PHONES[2:], NO_PHONES[:2])
    deploy(site)
    with site.session() as other:
        other.execute("BEGIN; UPDATE crm.my_phones SET number = 'new' WHERE customer_id = 7")
        with site.running("rollback", "crm", "--to", "c1", *UNREHEARSED) as process:
            site.await_value(
                "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'"
                " AND relation = 'crm.my_phones'::regclass"
            )
            other.execute("COMMIT")
            ended = site.end(process)
    assert ended.code == 0, ended.err
    assert "1 row has other values from its downgrade() than were kept" in ended.said
    assert site.rows("SELECT id, phone FROM crm.customers WHERE id IN (6, 7) ORDER BY id") == (
        (6, "+16"),
        (7, "new"),
    )


def test_what_is_kept_counts_while_the_other_table_is_as_it_was(site: Site) -> None:
    build(site)
    step(
        site,
        "c2",
        "c1",
        PHONES,
        (NO_PHONES[0], NO_PHONES[1].replace("p.number", "'0' || p.number"), NO_PHONES[2]),
    )
    before = site.picture()
    deploy(site)
    assert "kept-data-conflict" not in roll_back(site).said
    assert same(site, before)


@pytest.mark.parametrize("down", [MOVED_BACK, RENAMED_BACK], ids=["moved", "renamed"])
def test_rows_that_were_moved_and_changed_or_deleted_since_stay_so(site: Site, down: tuple[str, ...]) -> None:
    build(site)
    step(site, "c2", "c1", MOVED, down)
    deploy(site)
    site.execute("UPDATE crm.clients SET phone = 'new' WHERE id = 7; DELETE FROM crm.clients WHERE id > 15")
    ended = roll_back(site)
    assert "5 rows kept when crm:c2 destroyed table crm.customers are not brought back" in ended.said
    assert site.rows("SELECT count(*), max(id) FROM crm.customers") == ((15, 15),)
    assert site.rows("SELECT phone FROM crm.customers WHERE id IN (6, 7) ORDER BY id") == (("+16",), ("new",))
    assert site.value("SELECT count(*) FROM migrate.kept_1") == 6
    assert "6 conflicts: changed since, brought back otherwise" in site.migrate("history", "2").out


def test_rows_that_were_all_deleted_since_do_not_come_back(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", MOVED, MOVED_BACK)
    deploy(site)
    site.execute("DELETE FROM crm.clients")
    roll_back(site)
    assert site.value("SELECT count(*) FROM crm.customers") == 0


def test_a_run_that_takes_its_own_step_back_puts_back_what_it_kept(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", PHONES, HIDDEN)
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step", *UNREHEARSED)
    assert ended.code == 3, ended.err
    assert "kept-data-conflict" not in ended.said
    assert same(site, before)


def test_applying_again_does_not_overwrite_what_was_changed_meanwhile(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", PHONES, NO_PHONES)
    deploy(site)
    site.execute("UPDATE crm.phones SET number = 'new' WHERE customer_id = 7")
    roll_back(site)
    site.execute("UPDATE crm.customers SET phone = 'newest' WHERE id = 7")
    ended = again(site)
    assert "kept-data-conflict" in ended.said
    assert site.value("SELECT number FROM crm.phones WHERE customer_id = 7") == "newest"


TOTAL = "ALTER TABLE crm.customers ADD COLUMN total int"
EVERY_TOTAL = "ALTER TABLE crm.customers ALTER COLUMN total SET NOT NULL"


def test_a_mended_revision_is_not_undone_by_what_its_earlier_content_had_computed(site: Site) -> None:
    build(site)
    down = ("ALTER TABLE crm.customers DROP COLUMN total",)
    step(site, "c2", "c1", (TOTAL, "UPDATE crm.customers SET total = id", EVERY_TOTAL), down)
    deploy(site)
    roll_back(site)
    step(site, "c2", "c1", (TOTAL, "UPDATE crm.customers SET total = id * 2", EVERY_TOTAL), down)
    ended = again(site)
    assert "since the revision is another one by now" in ended.said
    assert site.value("SELECT count(*) FROM crm.customers WHERE total = id * 2") == 20


def test_an_edited_revision_counts_after_a_failed_run_was_taken_back(site: Site) -> None:
    build(site)
    down = ("UPDATE crm.customers SET name = lower(name)",)
    step(site, "c2", "c1", ("UPDATE crm.customers SET name = upper(name)",), down)
    failing(site, "c3", "c2")
    before = site.picture()
    failed = site.migrate("all-modules", "--atomic", "step", *UNREHEARSED)
    assert failed.code == 3, failed.err
    assert same(site, before)
    step(site, "c2", "c1", ("UPDATE crm.customers SET name = initcap(name)",), down)
    site.execute("DELETE FROM crm.trap")
    deploy(site, "--retry")
    assert site.value("SELECT name FROM crm.customers WHERE id = 7") == "Name 7"


ROLES = (
    "CREATE TABLE crm.roles (id serial PRIMARY KEY, name text); INSERT INTO crm.roles (name) VALUES ('admin')"
)


def test_a_seed_row_with_a_generated_id_is_not_doubled_when_it_is_applied_again(site: Site) -> None:
    build(site, ROLES)
    step(
        site,
        "c2",
        "c1",
        ("INSERT INTO crm.roles (name) VALUES ('viewer')",),
        ("DELETE FROM crm.roles WHERE name = 'viewer'",),
        deletes_rows=True,
    )
    deploy(site)
    roll_back(site)
    ended = again(site)
    assert site.rows("SELECT name FROM crm.roles ORDER BY id") == (("admin",), ("viewer",))
    assert "not made anew, since its upgrade() made the same under another key: id 2" in ended.said


NOTES = "CREATE TABLE crm.notes (id serial PRIMARY KEY, note text)"
SEED = "INSERT INTO crm.notes (note) VALUES ('welcome')"


@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "hidden"])
def test_rows_that_people_wrote_come_back_beside_what_a_mended_revision_seeds(
    site: Site, hidden: bool
) -> None:
    """Also where nobody can tell what it does: it brought back no row that is kept."""
    build(site, "")
    down = ("DROP TABLE crm.notes",)
    step(site, "c2", "c1", (NOTES, "ALTER SEQUENCE crm.notes_id_seq RESTART 100", SEED), down)
    deploy(site)
    site.execute("INSERT INTO crm.notes (id, note) VALUES (7, 'by a person')")
    roll_back(site)
    seed = f"DO $$ BEGIN {SEED}; END $$" if hidden else SEED
    step(site, "c2", "c1", (NOTES, seed), down)
    again(site)
    assert site.rows("SELECT id, note FROM crm.notes ORDER BY id") == ((1, "welcome"), (7, "by a person"))

"""Kept data that is there no more, or belongs to another time: said before anything happens, and never mistaken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kept.shelf import build, step
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

DROP = ("ALTER TABLE crm.customers DROP COLUMN phone",)
ADD = ("ALTER TABLE crm.customers ADD COLUMN phone text",)
MAKE = ("CREATE TABLE crm.customers (id int PRIMARY KEY, name text NOT NULL, phone text)",)


def test_a_rollback_says_first_what_does_not_come_back_since_its_copy_was_erased(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules", "--staging", "off").code == 0
    assert site.migrate("gc", "--keep", "1").code == 0
    shown = site.migrate("rollback", "crm", "--to", "c1", "--dry-run")
    assert shown.code == 0, shown.err
    told = " ".join(shown.out.split())
    assert "risk HIGH" in told
    assert (
        "20 rows of column crm.customers.phone do not come back: what crm:c2 destroyed was erased on" in told
    )


def test_a_rollback_says_first_what_was_given_up_when_it_was_destroyed(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules", "--staging", "off", "--discard", "crm:c2").code == 0
    shown = site.migrate("rollback", "crm", "--to", "c1", "--dry-run")
    told = " ".join(shown.out.split())
    assert "column crm.customers.phone does not come back: crm:c2 destroyed it with --discard" in told


def test_applying_again_says_what_does_not_come_back(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", ADD, DROP)
    site.execute("ALTER TABLE crm.customers DROP COLUMN phone")
    assert site.migrate("all-modules", "--staging", "off").code == 0
    site.execute("UPDATE crm.customers SET phone = 'x' || id")
    assert site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off").code == 0
    assert site.migrate("gc", "--keep", "2").code == 0
    assert site.migrate("release", "crm:c2").code == 0
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 0, ended.err
    assert "kept-data-gone" in ended.said
    assert "column crm.customers.phone do not come back: what crm:c2 destroyed was erased on" in ended.said


def test_what_an_earlier_run_of_a_step_kept_is_not_put_back_for_a_later_one(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", ("DROP TABLE crm.customers",), MAKE)
    assert site.migrate("all-modules", "--staging", "off").code == 0
    # Plain Alembic takes it back and brings the table back empty; then it goes again, with nothing in it.
    site.execute(f"{MAKE[0]}; UPDATE crm.alembic_version SET version_num = 'c1'")
    assert site.migrate("all-modules", "--staging", "off").code == 0
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert site.value("SELECT count(*) FROM crm.customers") == 0


def test_what_a_run_that_is_not_over_kept_is_not_erased(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules", "--staging", "off").code == 0
    site.execute(
        "UPDATE migrate.run SET status = 'unsettled'; UPDATE migrate.kept SET expires = clock_timestamp()"
    )
    ended = site.migrate("gc", "--keep", "1")
    assert ended.code == 2
    assert "run 1 is not over" in ended.said
    assert "`migrate recover`" in ended.said
    assert site.migrate("gc").code == 0
    assert site.value("SELECT count(*) FROM migrate.kept_1") == 20


def test_a_key_that_was_renamed_since_leaves_what_was_kept_where_it_is(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules", "--staging", "off").code == 0
    site.execute("ALTER TABLE crm.customers RENAME id TO number")
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert "column crm.customers.phone was not put back: its key id is not there" in ended.said
    assert site.value("SELECT count(*) FROM migrate.kept_1") == 20


def test_gc_erases_nothing_from_the_ledger_of_a_newer_program(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules", "--staging", "off").code == 0
    site.execute(
        "INSERT INTO migrate.version VALUES (99); UPDATE migrate.kept SET expires = clock_timestamp()"
    )
    ended = site.migrate("gc", "--keep", "1")
    assert ended.code == 1
    assert "the ledger was written by a newer coordinator (version 99" in ended.said
    told = site.migrate("gc")
    assert told.code == 0, told.err
    assert "the ledger was written by a newer coordinator (version 99" in " ".join(told.out.split())
    assert site.value("SELECT count(*) FROM migrate.kept_1") == 20


def test_a_rollback_says_first_what_was_destroyed_while_keeping_was_off(site: Site) -> None:
    build(site, module={"keep": False})
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules", "--staging", "off").code == 0
    shown = " ".join(site.migrate("rollback", "crm", "--to", "c1", "--dry-run").out.split())
    assert "risk HIGH" in shown
    assert "column crm.customers.phone does not come back: keeping was off when crm:c2 destroyed it" in shown
    assert "not kept: keeping is off in the settings" in site.migrate("history", "1").out


def test_rows_that_were_given_other_keys_do_not_come_back_beside_themselves(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", ("UPDATE crm.customers SET id = id + 100",), ("SELECT 1",))
    assert site.migrate("all-modules", "--staging", "off").code == 0
    shown = site.migrate("rollback", "crm", "--to", "c1", "--dry-run")
    told = " ".join(shown.out.split())
    assert "risk HIGH" in told
    assert "do not come back by themselves" in told, told
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert site.rows("SELECT count(*), min(id) FROM crm.customers") == ((20, 101),)
    assert "kept-data-stays" in ended.said


def test_rows_that_were_replaced_by_others_come_back(site: Site) -> None:
    build(site)
    step(
        site,
        "c2",
        "c1",
        (
            "DELETE FROM crm.customers WHERE id <= 5",
            "INSERT INTO crm.customers (id, name) SELECT n, 'new' FROM generate_series(901, 905) n",
        ),
        ("DELETE FROM crm.customers WHERE id > 900",),
        deletes_rows=True,
    )
    before = site.picture()
    assert site.migrate("all-modules", "--staging", "off").code == 0
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert site.picture().rows == before.rows


def test_a_discard_that_names_no_revision_is_refused_before_anything(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    before = site.picture()
    refused = site.migrate("all-modules", "--staging", "off", "--discard", "crm:c3")
    assert refused.code == 2, refused.err
    assert "There is no revision 'crm:c3' in this checkout" in refused.said
    assert "Did you mean 'crm:c2'?" in refused.said
    assert site.picture() == before
    assert not site.has_ledger()


def test_what_was_kept_before_plain_alembic_took_a_revision_out_and_in_again_is_not_put_back(
    site: Site,
) -> None:
    build(site)
    local = 'environment = "local"\n[tool.migrate.environments.local]\ntarget = "embedded"\n'
    project(site.root, modules={"crm": {}, "shop": {}}, settings=local)
    step(site, "c2", "c1", DROP, ADD)
    shop = versions_of(site.root, "shop")
    write_revision(shop, "s1", upgrade="pass")
    assert site.migrate("all-modules", "--staging", "off").code == 0
    for revision, after, done, head in (("s2", "s1", ADD, "c1"), ("s3", "s2", DROP, "c2")):
        site.execute(f"{done[0]}; UPDATE crm.alembic_version SET version_num = '{head}'")
        write_revision(shop, revision, after=after, upgrade="pass")
        noted = site.migrate("all-modules", "--module", "shop", "--staging", "off")
        assert noted.code == 0, noted.err
    assert site.rows("SELECT run FROM migrate.applied WHERE revision = 'c2'") == ((None,),)
    told = " ".join(site.migrate("rollback", "crm", "--to", "c1", "--dry-run").out.split())
    assert (
        "20 rows of column crm.customers.phone do not come back: crm:c2 was taken out and came in again"
        in told
    )
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert site.value("SELECT count(phone) FROM crm.customers") == 0
    assert site.value("SELECT count(*) FROM migrate.kept_1") == 20

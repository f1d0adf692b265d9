"""A downgrade that fails while rolling back: both errors, what remains, the next command, and nothing before that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import BREAKS, Break, build_shop
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

BROKEN_WAY_BACK = Break(
    sql="UPDATE crm.customers SET phone = phone || '0'",
    undo="UPDATE crm.customers SET phone = 1 / (id - 7)",  # only on a target with a customer 7
    spoil="SELECT 1",
    repair="SELECT 1",
    words=("crm:c2 failed in downgrade()", "SET phone = 1 / (id - 7)", "division by zero", "22012"),
)
CAUSE = BREAKS["billing", "rows"]


def fail_both_ways(site: Site, staging: str) -> str:
    """Run into both failures; what was told."""
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", CAUSE))
    failed = site.migrate("all-modules", "--atomic", "step", "--staging", staging)
    assert failed.code == 4, failed.err
    assert "Traceback" not in failed.err
    return failed.said


@pytest.mark.parametrize("staging", ["embedded", "off"])
def test_both_errors_what_remains_and_the_next_command_are_told(site: Site, staging: str) -> None:
    said = fail_both_ways(site, staging)

    for words in (*CAUSE.words, *BROKEN_WAY_BACK.words):
        assert words in said, said
    assert site.place("billing", "b2", CAUSE.sql[:40]) in said
    assert site.place("crm", "c2", "1 / (id - 7)") in said
    assert "still in: crm:c2" in said
    assert "`migrate recover" in said
    assert site.run_status() == "unsettled"
    assert site.steps() == ("upgrade crm:c2 applied", "upgrade billing:b2 failed", "downgrade crm:c2 failed")
    assert site.picture().versions == {"crm.alembic_version": ("c2",), "billing.alembic_version": ("b1",)}


def test_a_later_run_refuses_until_what_is_left_has_been_taken_back(site: Site) -> None:
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", CAUSE))
    before = site.picture()
    assert site.migrate("all-modules", "--atomic", "step", "--staging", "off").code == 4
    left = site.picture()

    again = site.migrate("all-modules", "--staging", "off")
    explained = site.migrate("recover")
    still_broken = site.migrate("recover", "--abort")

    assert again.code == 4, again.err
    assert "run 1 " in again.said
    assert "`migrate recover" in again.said
    assert explained.code == 4, explained.err
    assert "crm:c2" in explained.out
    assert still_broken.code == 4, still_broken.err
    assert "division by zero" in still_broken.said
    assert site.picture() == left
    for each in (again, explained, still_broken):
        assert "Traceback" not in each.err

    file = site.root / site.file("crm", "c2")
    file.write_text(file.read_text(encoding="utf-8").replace("1 / (id - 7)", "NULL"), encoding="utf-8")
    mended = site.migrate("recover", "--abort")
    assert mended.code == 0, mended.err
    assert site.picture() == before

    site.execute(CAUSE.repair)
    assert site.migrate("recover").code == 0
    done = site.migrate("all-modules", "--staging", "off")
    assert done.code == 0, done.err


def test_what_is_left_may_be_kept_and_the_next_run_goes_on_from_there(site: Site) -> None:
    fail_both_ways(site, "off")

    kept = site.migrate("recover", "--resume")
    assert kept.code == 0, kept.err
    site.execute(CAUSE.repair)
    done = site.migrate("all-modules", "--staging", "off")

    assert done.code == 0, done.err
    assert site.picture().versions["billing.alembic_version"] == ("b2",)
    assert site.value("SELECT count(*) FROM migrate.applied WHERE module = 'crm' AND revision = 'c2'") == 1


def test_rows_that_others_write_into_tables_that_the_run_did_not_are_not_its_own(site: Site) -> None:
    project(site.root, modules=("crm", "billing"))
    crm, billing = versions_of(site.root, "crm"), versions_of(site.root, "billing")
    tables = "CREATE TABLE crm.busy (id int PRIMARY KEY); CREATE TABLE crm.seeds (id int PRIMARY KEY)"
    write_revision(crm, "c1", upgrade=f"op.execute({tables!r})")
    deploy = ("all-modules", "--yes", "--staging", "off", "--atomic", "step")
    assert site.migrate(*deploy).code == 0
    write_revision(
        crm,
        "c2",
        after="c1",
        upgrade='op.execute("INSERT INTO crm.seeds VALUES (1)")',
        downgrade='op.execute("DELETE FROM crm.seeds WHERE id = 1")',
    )

    for run, table, code in ((2, "busy", 3), (3, "seeds", 4)):
        fails = (
            f"DO $$ BEGIN FOR n IN 1..600 LOOP EXIT WHEN EXISTS (SELECT FROM crm.{table} WHERE id = 7);"
            " PERFORM pg_sleep(0.1); END LOOP; RAISE 'no'; END $$"
        )
        write_revision(billing, "b1", upgrade=f"op.execute({fails!r})", requires=["crm:c2"])
        with site.running(*deploy) as process:
            site.await_value(
                f"SELECT EXISTS (SELECT FROM migrate.applied WHERE revision = 'c2' AND run = {run})"
            )
            site.execute(f"INSERT INTO crm.{table} VALUES (7)")
            ended = site.end(process)
        assert ended.code == code, ended.err
    assert "rows differ in crm.seeds" in ended.said

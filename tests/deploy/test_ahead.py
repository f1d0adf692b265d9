"""A database ahead of the checkout: an older image starts, is warned, and waits for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands_site import apply, write_shop
from tests.failures.shop import LOCK_HOLDER, SLEEPER
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.commands_site import Desk
    from tests.failures.site import Site

DEPLOY = ("all-modules", "--yes", "--staging", "off")
GATE = 4711  # an advisory lock of the test's own: the step waits while it is held
WHILE_HELD = (
    f"DO $$ BEGIN FOR n IN 1..400 LOOP EXIT WHEN NOT EXISTS (SELECT FROM pg_locks WHERE objid = {GATE});"
    " PERFORM pg_sleep(0.1); END LOOP; END $$"
)
WAITING = SLEEPER.replace("SELECT pg_sleep(", "DO $$ BEGIN FOR n")


def add_column(site: Site, *, then: str, requires: Sequence[str] = ()) -> None:
    """The new image: crm:c3, which runs that statement too."""
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade=f'op.execute("ALTER TABLE crm.customers ADD fax text")\nop.execute("{then}")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP fax")',
        requires=requires,
    )


def older(site: Site) -> None:
    """The old image: as the new one, without its last revision."""
    (versions_of(site.root, "crm") / "c3.py").unlink()


def test_the_old_image_starts_with_a_warning_after_the_new_one_has_migrated(desk: Desk) -> None:
    write_shop(desk.root)
    add_column(desk, then="SELECT 1")
    apply(desk)
    older(desk)
    before = desk.picture()

    started = desk.migrate(*DEPLOY)

    assert started.code == 0, started.err
    assert "module 'crm' is ahead of this checkout by c3, which the ledger knows" in started.said
    assert desk.value("SELECT count(*) FROM migrate.run") == 1
    assert desk.picture() == before


def test_it_can_be_asked_to_refuse_instead(desk: Desk) -> None:
    write_shop(desk.root)
    add_column(desk, then="SELECT 1")
    apply(desk)
    older(desk)

    refused = desk.migrate(*DEPLOY, environment={"MIGRATE_WHEN_AHEAD": "refuse"})

    assert refused.code == 1, refused.err
    assert "is ahead of this checkout by c3" in refused.said


@pytest.mark.parametrize("atomic", ["auto", "step"])
def test_the_old_image_that_restarts_in_the_middle_of_a_deploy_waits_for_nobody(
    site: Site, atomic: str
) -> None:
    write_shop(site.root)
    apply(site)
    add_column(site, then=WHILE_HELD, requires=["billing:b2"])
    write_revision(
        versions_of(site.root, "billing"), "b2", after="b1", upgrade='op.execute("SELECT pg_sleep(0)")'
    )
    with site.session() as gate, site.running(*DEPLOY, "--atomic", atomic) as new:
        gate.execute("SELECT pg_advisory_lock(%s)", (GATE,))
        site.await_value(WAITING)
        older(site)
        (versions_of(site.root, "billing") / "b2.py").unlink()
        old = site.migrate(*DEPLOY)
        assert new.poll() is None, "the new image was done before the old one had started"
        gate.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
        ended = site.end(new)

    assert old.code == 0, old.err
    assert "run 2 is at work on this database" in old.said
    assert "so it was not waited for" in old.said
    assert ended.code == 0, ended.err
    if atomic == "step":
        assert "module 'billing' is ahead of this checkout by b2" in old.said


def test_an_image_whose_revision_may_still_be_taken_back_waits_for_that(site: Site) -> None:
    write_shop(site.root)
    apply(site)
    add_column(site, then="SELECT 1")
    write_revision(
        versions_of(site.root, "billing"),
        "b2",
        after="b1",
        upgrade=f'op.execute("{WHILE_HELD}")\nop.execute("SELECT 1 / 0")',
        requires=["crm:c3"],
    )
    with site.session() as gate, site.running(*DEPLOY, "--atomic", "step") as new:
        gate.execute("SELECT pg_advisory_lock(%s)", (GATE,))
        site.await_value(WAITING)
        (versions_of(site.root, "billing") / "b2.py").unlink()  # the image of crm: all of it is in
        with (
            site.running("status", "--wait", "90s") as told,
            site.running(*DEPLOY) as image,
        ):
            site.await_value(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'migrate:waiting')"
            )
            assert told.poll() is None
            gate.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
            failed, started, waited = site.end(new), site.end(image), site.end(told)

    assert failed.code == 3, failed.err
    assert started.code == 0, started.err
    assert waited.code == 0, waited.err
    assert site.value("SELECT run FROM migrate.applied WHERE revision = 'c3'") == 3
    assert site.value("SELECT status FROM migrate.run WHERE number = 3") == "applied"


def test_a_cut_off_run_is_still_settled_by_a_start_that_has_nothing_to_apply(site: Site) -> None:
    write_shop(site.root)
    apply(site)
    add_column(site, then="SELECT pg_sleep(4)")
    with site.running(*DEPLOY) as new:
        site.await_value(SLEEPER)
        new.kill()
        site.end(new)
    site.await_value(f"SELECT NOT EXISTS ({LOCK_HOLDER})")
    site.await_value(f"SELECT NOT EXISTS ({SLEEPER})")
    older(site)

    started = site.migrate(*DEPLOY)

    assert started.code == 0, started.err
    assert site.run_status() == "reversed"


def test_heads_that_nobody_knows_are_refused(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    desk.execute("UPDATE crm.alembic_version SET version_num = 'c9'")

    refused = desk.migrate(*DEPLOY)

    assert refused.code == 1, refused.err
    assert "crm:c9 is in, but no file" in refused.said

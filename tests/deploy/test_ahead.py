"""A database ahead of the checkout: an older image starts, is warned, and waits for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands_site import apply, write_shop
from tests.failures.shop import LOCK_HOLDER, SLEEPER
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.commands_site import Desk
    from tests.failures.site import Site

DEPLOY = ("all-modules", "--yes", "--staging", "off")


def add_slow_column(site: Site) -> None:
    """The new image: crm:c3, whose step takes a while."""
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade='op.execute("ALTER TABLE crm.customers ADD fax text")\nop.execute("SELECT pg_sleep(4)")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP fax")',
    )


def older(site: Site) -> None:
    """The old image: as the new one, without its last revision."""
    (versions_of(site.root, "crm") / "c3.py").unlink()


def test_the_old_image_starts_with_a_warning_after_the_new_one_has_migrated(desk: Desk) -> None:
    write_shop(desk.root)
    add_slow_column(desk)
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
    add_slow_column(desk)
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
    add_slow_column(site)
    write_revision(
        versions_of(site.root, "billing"), "b2", after="b1", upgrade='op.execute("SELECT pg_sleep(0)")'
    )
    with site.running(*DEPLOY, "--atomic", atomic) as new:
        site.await_value(SLEEPER)
        older(site)
        (versions_of(site.root, "billing") / "b2.py").unlink()
        old = site.migrate(*DEPLOY)
        assert new.poll() is None, "the new image was done before the old one had started"
        ended = site.end(new)

    assert old.code == 0, old.err
    assert "run 2 is at work on this database" in old.said
    assert "so it was not waited for" in old.said
    assert ended.code == 0, ended.err
    if atomic == "step":
        assert "module 'billing' is ahead of this checkout by b2" in old.said


def test_a_cut_off_run_is_still_settled_by_a_start_that_has_nothing_to_apply(site: Site) -> None:
    write_shop(site.root)
    apply(site)
    add_slow_column(site)
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

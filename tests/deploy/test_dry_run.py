"""A dry run waits for nobody and writes nothing, also while another run is at work or after one was cut off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coordinator.ledger.lock import KEY
from tests.failures.shop import SLEEPER, build_shop, sleeping

if TYPE_CHECKING:
    from tests.failures.site import Site

OURS = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'migrate:%'"


def test_a_dry_run_does_not_wait_for_whoever_holds_the_lock(site: Site) -> None:
    build_shop(site)
    before = site.picture()
    with site.session() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (KEY,))
        began = time.monotonic()
        ended = site.migrate("all-modules", "--dry-run")
        assert time.monotonic() - began < 100, "it waited"
    assert ended.code == 0, ended.err
    assert "would apply 3 steps" in ended.said
    assert site.picture() == before
    assert site.value("SELECT to_regnamespace('migrate') IS NULL")


def test_a_dry_run_beside_a_run_and_after_it_was_killed_settles_nothing(site: Site) -> None:
    build_shop(site, ("crm", sleeping(200.0)))
    with site.running("all-modules", "--staging", "off") as first:
        site.await_value(SLEEPER)
        beside = site.migrate("all-modules", "--dry-run")
        assert first.poll() is None, "the run was over before the dry run could meet it"
        first.kill()
        first.communicate()
    assert beside.code == 0, beside.err
    assert "run 1 is not over: " in beside.said
    assert "would apply 3 steps" in beside.said

    site.execute(OURS.replace("SELECT", "SELECT pg_terminate_backend(pid)"))
    site.await_value(f"SELECT NOT EXISTS ({OURS})")
    status = "SELECT status FROM migrate.run WHERE number = 1"
    left = site.value(status)
    after = site.migrate("all-modules", "--dry-run")
    assert after.code == 0, after.err
    assert "run 1 is not over, and nobody is at work" in after.said
    assert site.value(status) == left

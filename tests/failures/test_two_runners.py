"""Several runners at once: one applies, the others wait, show who holds the lock, and find nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import LOCK_HOLDER, SLEEPER, build_shop, sleeping

if TYPE_CHECKING:
    from tests.failures.site import Site

DONE = {
    "agenda.alembic_version": ("a1",),
    "billing.alembic_version": ("b2",),
    "crm.alembic_version": ("c2",),
}


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_the_second_runner_waits_says_for_whom_and_finds_nothing_to_do(site: Site, atomic: str) -> None:
    build_shop(site, ("billing", sleeping(3.0)))
    arguments = ("all-modules", "--atomic", atomic, "--staging", "off")
    with site.running(*arguments) as first:
        site.await_value(SLEEPER)
        holder = site.value(LOCK_HOLDER)
        second = site.migrate(*arguments)
        ended = site.end(first)

    assert ended.code == 0, ended.err
    assert second.code == 0, second.err
    assert f"server process {holder}" in second.said
    assert "run 1 on " in second.said
    assert "billing:b2" in second.said
    assert "nothing to do" in second.said
    assert site.picture().versions == DONE
    assert site.value("SELECT count(*) FROM migrate.run") == 1


def test_a_runner_that_will_not_wait_leaves_with_5(site: Site) -> None:
    build_shop(site, ("billing", sleeping(4.0)))
    with site.running("all-modules", "--staging", "off") as first:
        site.await_value(SLEEPER)
        impatient = site.migrate("all-modules", "--staging", "off", "--wait", "500ms")
        ended = site.end(first)

    assert impatient.code == 5, impatient.err
    assert "another run holds the lock: run 1 on " in impatient.said
    assert "Traceback" not in impatient.err
    assert ended.code == 0, ended.err


def test_four_replicas_that_start_together_apply_once(site: Site) -> None:
    build_shop(site)
    replicas = [site.start("all-modules", "--staging", "embedded") for _ in range(4)]
    ended = [site.end(each) for each in replicas]

    assert [each.code for each in ended] == [0, 0, 0, 0], [each.err for each in ended]
    assert sum("3 steps applied" in each.said for each in ended) == 1
    assert sum("nothing to do" in each.said for each in ended) == 3
    assert site.picture().versions == DONE
    assert site.value("SELECT count(*) FROM migrate.run") == 1

"""Runs that are interrupted, killed, or lose a connection in the middle of a step."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import LOCK_HOLDER, SLEEPER, build_shop, sleeping
from tests.failures.test_matrix import expected_steps

if TYPE_CHECKING:
    from tests.failures.site import Site

LONG = 60.0  # seconds: no test waits for its end
SHORT = 3.0


@pytest.mark.parametrize("atomic", ["run", "step"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_takes_everything_back(site: Site, how: signal.Signals, atomic: str) -> None:
    build_shop(site, ("billing", sleeping(LONG)))
    before = site.picture()
    with site.running("all-modules", "--atomic", atomic, "--staging", "off") as process:
        site.await_value(SLEEPER)
        began = time.monotonic()
        process.send_signal(how)
        ended = site.end(process)

    assert ended.code == 3, ended.err
    assert time.monotonic() - began < LONG / 2
    assert "interrupted" in ended.said
    assert "everything is as it was before run 1" in ended.said
    assert "Traceback" not in ended.err
    assert site.picture() == before
    assert site.steps() == expected_steps(1, atomic)
    assert not site.value(SLEEPER)


def test_a_second_interrupt_does_not_stop_the_taking_back(site: Site) -> None:
    build_shop(site, ("billing", sleeping(LONG)))
    before = site.picture()
    with site.running("all-modules", "--atomic", "step", "--staging", "off") as process:
        site.await_value(SLEEPER)
        for _ in range(4):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        ended = site.end(process)

    assert ended.code == 3, ended.err
    assert site.picture() == before
    assert site.run_status() == "reversed"


def test_an_interrupted_rehearsal_has_written_nothing(site: Site) -> None:
    build_shop(site, ("billing", sleeping(LONG)))
    before = site.picture()
    with site.running("all-modules", "--staging", "embedded") as process:
        # The rehearsal sleeps in a database of the staging server; the target only sees who holds the lock.
        site.await_value(
            "SELECT true FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'migrate:rehearse%'"
        )
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        ended = site.end(process)

    assert ended.code == 130, ended.err
    assert "nothing was written" in ended.said
    assert "Traceback" not in ended.err
    assert site.picture() == before
    assert not site.has_ledger()
    assert not site.value(LOCK_HOLDER)


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_after_kill_9_a_later_run_is_not_confused(site: Site, atomic: str) -> None:
    build_shop(site, ("billing", sleeping(SHORT)))
    with site.running("all-modules", "--atomic", atomic, "--staging", "off") as process:
        site.await_value(SLEEPER)
        workers = children_of(process.pid)
        process.kill()
        process.communicate()

    # The server still works for the run that is gone; until it has seen that, nothing may begin.
    at_once = site.migrate("all-modules", "--atomic", atomic, "--staging", "off", "--wait", "0s")
    assert at_once.code in (0, 4, 5), at_once.err
    assert "Traceback" not in at_once.err
    if at_once.code:
        assert "server process" in at_once.said
    site.await_value(f"SELECT NOT EXISTS ({SLEEPER})")
    later = site.migrate("all-modules", "--atomic", atomic, "--staging", "off")

    assert later.code == 0, later.err
    assert site.picture().versions == {
        "agenda.alembic_version": ("a1",),
        "billing.alembic_version": ("b2",),
        "crm.alembic_version": ("c2",),
    }
    assert site.value("SELECT count(*) FROM crm.customers WHERE phone = '+1' || id") == 20
    assert site.value("SELECT count(*) FROM migrate.run WHERE status = 'running'") == 0
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_a_run_that_loses_its_lock_commits_nothing_more(site: Site, atomic: str) -> None:
    build_shop(site, ("billing", sleeping(SHORT)))
    before = site.picture()
    with site.running("all-modules", "--atomic", atomic, "--staging", "off") as process:
        site.await_value(SLEEPER)
        site.execute(f"SELECT pg_terminate_backend(({LOCK_HOLDER}))")
        ended = site.end(process)

    assert ended.code == 3, ended.err
    assert "Traceback" not in ended.err
    assert site.picture() == before
    assert site.run_status() == "reversed"
    again = site.migrate("all-modules", "--atomic", atomic, "--staging", "off")
    assert again.code == 0, again.err


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_a_run_whose_main_connection_is_killed_takes_everything_back(site: Site, atomic: str) -> None:
    build_shop(site, ("billing", sleeping(LONG)))
    before = site.picture()
    with site.running("all-modules", "--atomic", atomic, "--staging", "off") as process:
        sleeper = site.await_value(SLEEPER)
        site.execute(f"SELECT pg_terminate_backend({sleeper})")
        ended = site.end(process)

    assert ended.code == 3, ended.err
    assert "billing:b2" in ended.said
    assert "connection" in ended.said
    assert "Traceback" not in ended.err
    assert site.picture() == before
    assert site.steps() == expected_steps(1, atomic)


def children_of(pid: int) -> list[int]:
    """Processes that this process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except OSError:  # it has ended meanwhile
                continue
            if parent == pid and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    assert found, "a run has its worker"
    return found

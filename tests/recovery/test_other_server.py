"""A run that was cut off on one server and is met on another: a standby that was promoted, or a copy."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.staging import postmaster
from coordinator.staging.cluster import DISPOSABLE
from coordinator.staging.server_user import server_user
from tests.failures.shop import build_shop
from tests.recovery.proxy import Cut, CuttingProxy, Seen
from tests.recovery.test_state_machine import killed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl
    from coordinator.staging.cluster import LocalCluster
    from tests.failures.site import Site

STEP = ("all-modules", "--atomic", "step", "--staging", "off")


def test_a_run_that_was_cut_off_elsewhere_is_not_settled_by_itself(site: Site) -> None:
    build_shop(site)
    killed(site, "COMMIT", 2, *STEP)
    site.execute("UPDATE migrate.run SET system = '1234567890/1'")
    refused = site.migrate(*STEP)
    assert refused.code == 4, refused.err
    assert "this is another server than the one that run 1 began on" in refused.said
    assert site.value("SELECT status FROM migrate.run WHERE number = 1") == "running"
    explained = site.migrate("recover")
    assert explained.code == 4
    assert "this is another server than the one that it began on" in " ".join(explained.out.split())
    assert "next: `migrate recover --abort`" in " ".join(explained.out.split())
    decided = site.migrate("recover", "--resume")
    assert decided.code == 0, decided.err
    assert site.migrate(*STEP).code == 0


def test_a_role_that_may_not_ask_which_server_it_is_settles_as_ever(site: Site) -> None:
    build_shop(site)
    killed(site, "COMMIT", 2, *STEP)
    site.execute("UPDATE migrate.run SET system = ''")
    assert site.migrate(*STEP).code == 0


def test_a_commit_whose_answer_was_lost_in_a_failover_is_left_to_a_person(
    site: Site, server: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every connection ends at the second COMMIT, and what answers from then on is a promoted standby."""
    build_shop(site)
    before = site.picture()
    with standby(server, tmp_path_factory.mktemp("standby")) as other:
        proxies: list[CuttingProxy] = []

        def look(seen: Seen) -> Cut | None:
            if seen != Seen(text="COMMIT", count=2):
                return None
            promote(server.url(), other)
            database = site.url.parameters["dbname"]
            proxies[0].url = replace(other, parameters={**other.parameters, "dbname": database})
            return Cut.EVERYTHING

        with CuttingProxy(site.url, look) as proxy:
            proxies.append(proxy)
            ended = site.migrate(*STEP, url=proxy.address)
            assert len(proxy.cuts) == 1
            assert ended.code == 4, ended.err
            assert "Traceback" not in ended.err
            assert "it was promoted since" in ended.said, ended.err
            told = site.migrate("recover", url=proxy.address)
            assert told.code == 4, told.err
            assert "in crm:c2 not in" in " ".join(told.out.split())
            back = site.migrate("recover", "--abort", url=proxy.address)
            assert back.code == 0, back.err
            there = replace(site, url=proxies[0].url).picture()
            assert (there.fingerprint, there.rows) == (before.fingerprint, before.rows)


@contextmanager
def standby(server: LocalCluster, directory: Path) -> Iterator[DatabaseUrl]:
    """A streaming standby of the tests' server; its address."""
    program = server.binaries.path / "pg_basebackup"
    if not program.exists():
        pytest.skip(f"{server.binaries.path} has no pg_basebackup")
    address, data = server.url(), directory / "data"
    parameters = address.parameters
    login = {"PGPASSWORD": parameters["password"], "PATH": os.defpath}
    # fmt: off
    subprocess.run(
        [program, "-h", parameters["host"], "-p", parameters["port"], "-U", parameters["user"], "-D", data, "-R",
         "--checkpoint=fast", "--no-sync"],
        env=login, check=True, capture_output=True, timeout=120,
    )
    # fmt: on
    user = server_user(server.data)
    for path in (directory, data, *data.rglob("*")):
        user.own(path)
    running = postmaster.start(server.binaries, user, data, directory / "log", DISPOSABLE)
    try:
        yield replace(address, parameters={**parameters, "host": str(running.socket_directory)})
    finally:
        postmaster.stop(data)


def promote(primary: DatabaseUrl, other: DatabaseUrl) -> None:
    """Let the standby become a server of its own once it has all that the primary has."""
    with connect(primary, application_name="test") as one, connect(other, application_name="test") as two:
        (wanted,) = one.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone() or ("",)
        deadline = time.monotonic() + 30
        while two.execute("SELECT pg_last_wal_replay_lsn() < %s::pg_lsn", (wanted,)).fetchone() != (False,):
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.05)
        assert two.execute("SELECT pg_promote()").fetchone() == (True,)

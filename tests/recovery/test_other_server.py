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
from tests.recovery.test_lone_steps import execute, write
from tests.recovery.test_state_machine import killed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl
    from coordinator.staging.cluster import LocalCluster
    from tests.failures.site import Site

STEP = ("all-modules", "--atomic", "step", "--staging", "off")
ONCE = ("all-modules", "--staging", "off")


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
    with fails_over(site, server, tmp_path_factory, Seen(text="COMMIT", count=2), Cut.EVERYTHING) as proxy:
        ended = site.migrate(*STEP, url=proxy.address)
        assert len(proxy.cuts) == 1
        assert ended.code == 4, ended.err
        assert "Traceback" not in ended.err
        assert "it was promoted since" in ended.said, ended.err
        assert "still in: crm:c2" in ended.said, ended.err
        told = site.migrate("recover", url=proxy.address)
        assert told.code == 4, told.err
        assert "in crm:c2 not in" in " ".join(told.out.split())
        back = site.migrate("recover", "--abort", url=proxy.address)
        assert back.code == 0, back.err
        there = replace(site, url=proxy.url).picture()
        assert (there.fingerprint, there.rows) == (before.fingerprint, before.rows)


@pytest.mark.parametrize("is_in", [True, False])
def test_the_only_commit_whose_answer_was_lost_in_a_failover_is_left_to_a_person(
    site: Site, server: LocalCluster, tmp_path_factory: pytest.TempPathFactory, is_in: bool
) -> None:
    """All steps share one transaction, so the run was told of nothing that is in."""
    build_shop(site)
    before = site.picture()
    cut = Cut.EVERYTHING_AFTER if is_in else Cut.EVERYTHING
    with fails_over(site, server, tmp_path_factory, Seen(text="COMMIT", count=1), cut) as proxy:
        there = replace(site, url=proxy.address)
        ended = there.migrate(*ONCE)
        assert len(proxy.cuts) == 1
        assert ended.code == 4, ended.err
        assert "Traceback" not in ended.err
        assert "it was promoted since" in ended.said, ended.err
        assert "in or not: crm:c2, billing:b2, agenda:a1" in ended.said, ended.err
        assert "`migrate recover` says what is in here; then --abort or --resume" in ended.said
        told = there.migrate("recover")
        assert told.code == 4, told.err
        steps = "crm:c2, billing:b2, agenda:a1"
        expected = f"in {steps} not in nothing" if is_in else f"in nothing not in {steps}"
        assert expected in " ".join(told.out.split()), told.out
        refused = there.migrate(*ONCE)
        assert refused.code == 4, refused.err
        back = there.migrate("recover", "--abort")
        assert back.code == 0, back.err
        picture = replace(site, url=proxy.url).picture()
        assert (picture.fingerprint, picture.rows) == (before.fingerprint, before.rows)


def test_a_lone_step_that_had_committed_before_a_failover_is_left_to_a_person(
    site: Site, server: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(
        site,
        (
            execute("UPDATE t SET b = b + 10"),
            execute("CREATE INDEX CONCURRENTLY ix ON t (b)", alone=True),
        ),
        (execute("DROP INDEX crm.ix"), execute("UPDATE t SET b = b - 10")),
    )
    # Nothing is made for the module, so the first commit is all that is in.
    site.execute("CREATE TABLE crm.alembic_version (version_num varchar(32) PRIMARY KEY)")
    build = Seen(text="CREATE INDEX CONCURRENTLY ix ON t (b)", count=1)
    with fails_over(site, server, tmp_path_factory, build, Cut.EVERYTHING) as proxy:
        there = replace(site, url=proxy.address)
        ended = there.migrate(*ONCE)
        assert len(proxy.cuts) == 1
        assert ended.code == 4, ended.err
        assert "in, half done or not at all: crm:a1" in ended.said, ended.err
        told = there.migrate("recover")
        assert told.code == 4, told.err
        assert "half done crm:a1" in " ".join(told.out.split()), told.out
        refused = there.migrate(*ONCE)
        assert refused.code == 4, refused.err
        assert replace(site, url=proxy.url).rows("SELECT b FROM crm.t ORDER BY b") == ((11,), (12,))


@contextmanager
def fails_over(
    site: Site, server: LocalCluster, directories: pytest.TempPathFactory, at: Seen, cut: Cut
) -> Iterator[CuttingProxy]:
    """Every connection ends at that statement, and what answers from then on is a promoted standby."""
    with standby(server, directories.mktemp("standby")) as other:

        def fail_over() -> None:
            promote(server.url(), other)
            database = site.url.parameters["dbname"]
            proxy.url = replace(other, parameters={**other.parameters, "dbname": database})

        def look(seen: Seen) -> Cut | None:
            if seen != at:
                return None
            if not cut.reaches_server:
                fail_over()
            return cut

        with CuttingProxy(site.url, look, answered=fail_over) as proxy:
            yield proxy


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
        # The tests' server writes its log some time after a commit; this one takes all before it along.
        one.execute("SET synchronous_commit = local")
        one.execute("SELECT pg_logical_emit_message(true, 'test', 'written')")
        (wanted,) = one.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone() or ("",)
        deadline = time.monotonic() + 30
        while two.execute("SELECT pg_last_wal_replay_lsn() < %s::pg_lsn", (wanted,)).fetchone() != (False,):
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.05)
        assert two.execute("SELECT pg_promote()").fetchone() == (True,)

"""A server that goes away in the middle: stopped as by a loss of power, or replaced by its promoted standby."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.environments.at_work import await_sleeper
from tests.environments.own_server import OwnServer
from tests.failures.shop import STEPS, build_shop, sleeping
from tests.failures.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def primary() -> Iterator[OwnServer]:
    """A server of this module's own."""
    with OwnServer.running() as server:
        yield server


@pytest.fixture(scope="module")
def standby(primary: OwnServer) -> Iterator[OwnServer]:
    """Its standby."""
    with primary.standby() as server:
        yield server


@pytest.fixture
def own_site(primary: OwnServer, state_directory: Path, tmp_path: Path) -> Iterator[Site]:
    """A project on that server's own database, emptied afterwards."""
    site = Site(root=tmp_path / "project", url=primary.url, state=state_directory)
    yield site
    primary.start_if_stopped()
    for schema in ("migrate", "agenda", "billing", "crm"):
        site.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_a_server_stopped_at_once_and_started_again_costs_nothing(
    own_site: Site, primary: OwnServer, atomic: str
) -> None:
    build_shop(own_site, ("billing", sleeping(60)))
    before = own_site.picture()

    with own_site.running("all-modules", "--atomic", atomic, "--staging", "off") as process:
        await_sleeper(own_site, process)
        primary.stop(signal.SIGQUIT)
        primary.start()
        cut = own_site.end(process)

    assert cut.code == 3, cut.err
    assert "connection" in cut.said
    assert own_site.picture() == before
    assert own_site.value("SELECT category FROM migrate.incident WHERE run = 1") == "connection"
    (own_site.root / own_site.file("billing", "b2")).write_text(
        (own_site.root / own_site.file("billing", "b2"))
        .read_text(encoding="utf-8")
        .replace("pg_sleep(60)", "pg_sleep(0)"),
        encoding="utf-8",
    )
    done = own_site.migrate("all-modules", "--atomic", atomic, "--staging", "off")
    assert done.code == 0, done.err
    assert f"{len(STEPS)} steps applied" in done.said


def test_a_standby_is_refused_as_a_target(own_site: Site, standby: OwnServer) -> None:
    build_shop(own_site)
    for arguments in (("all-modules", "--staging", "off"), ("status",)):
        refused = own_site.migrate(*arguments, url=standby.url)
        assert refused.code == 6, refused.err
        assert "is a standby, which can only be read" in refused.said
        assert "target_session_attrs=read-write" in refused.said
    assert not own_site.has_ledger()


def test_a_promoted_standby_in_the_middle_is_noticed_and_nothing_is_half_done(
    own_site: Site, primary: OwnServer, standby: OwnServer
) -> None:
    """Last in this file: after it the primary is the one that is left behind."""
    build_shop(own_site, ("billing", sleeping(60)))
    before = own_site.picture()
    both = primary.url_with(standby)

    process = own_site.start("all-modules", "--staging", "off", url=both)
    try:
        await_sleeper(own_site, process)
        standby.await_caught_up(primary)
        primary.stop(signal.SIGQUIT)
        standby.promote()
        cut = own_site.end(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()

    now = Site(root=own_site.root, url=standby.url, state=own_site.state)
    # Nothing of it was committed, and the other server, on another timeline, is not gone on with.
    assert cut.code == 3, cut.err
    assert "this is another server than the one that run 1 began on, or it was promoted since" in cut.said
    assert now.picture() == before
    explained = now.migrate("status", url=both)
    assert explained.code == 0, explained.err
    file = own_site.root / own_site.file("billing", "b2")
    file.write_text(file.read_text(encoding="utf-8").replace("pg_sleep(60)", "pg_sleep(0)"), encoding="utf-8")
    done = now.migrate("all-modules", "--staging", "off", url=both)
    assert done.code == 0, done.err
    report = now.migrate("history", "1", "--report", url=both)
    assert report.code == 0, report.err

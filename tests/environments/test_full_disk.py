"""A disk that is full in the middle of a step: a clean stop, everything as before, and the next run after room was made."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.staging.server_user import server_user
from tests.environments.own_server import OwnServer
from tests.environments.small_disk import SmallDisk, why_not_mounted
from tests.failures.shop import Break, build_shop
from tests.failures.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

IN = {
    "agenda.alembic_version": ("a1",),
    "billing.alembic_version": ("b2",),
    "crm.alembic_version": ("c2",),
}

# As many rows as the target's customers ask for: none where there are no rows, as in a rehearsal.
FILLING = Break(
    sql="INSERT INTO crm.ballast SELECT repeat(md5(n::text), 60), n FROM"
    " (SELECT generate_series(1, 250) AS n FROM crm.customers) AS rows",
    undo="DELETE FROM crm.ballast",
    spoil="SELECT 1",
    repair="SELECT 1",
    words=("53100", "INSERT INTO crm.ballast"),
)


@pytest.fixture
def tablespace(small_disk: SmallDisk, site: Site) -> Iterator[str]:
    """A tablespace on the small disk; its name."""
    name = f"small_{site.url.parameters['dbname']}"
    site.execute(f"CREATE TABLESPACE {name} LOCATION '{small_disk.tablespace}'")
    yield name
    site.execute("DROP TABLE IF EXISTS crm.ballast")
    site.execute(f"DROP TABLESPACE {name}")


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_a_full_disk_stops_the_run_and_loses_nothing(
    site: Site, small_disk: SmallDisk, tablespace: str, atomic: str
) -> None:
    build_shop(site, ("billing", FILLING))
    site.execute(f"CREATE TABLE crm.ballast (filling text, n int) TABLESPACE {tablespace}")
    # Compressed it would fit.
    site.execute("ALTER TABLE crm.ballast ALTER COLUMN filling SET STORAGE EXTERNAL")
    before = site.picture()
    small_disk.fill(leave=1)

    full = site.migrate("all-modules", "--atomic", atomic, "--staging", "off")

    assert full.code == 3, full.err
    for words in FILLING.words:
        assert words in full.said, full.said
    assert site.picture() == before
    assert site.value("SELECT category FROM migrate.incident WHERE run = 1") == "resource"
    report = site.migrate("history", "1", "--report").out
    assert "give the server what it ran out of" in report
    assert "max\\_connections" in report

    small_disk.free()
    done = site.migrate("all-modules", "--atomic", atomic, "--staging", "off")
    assert done.code == 0, done.err
    assert site.value("SELECT count(*) FROM crm.ballast") == 5000


# Goes into the write-ahead log alone.
LOGGED = Break(
    sql="SELECT pg_logical_emit_message(true, 'ballast', repeat(md5(id::text), 100000)) FROM crm.customers",
    undo="SELECT 1",
    spoil="SELECT 1",
    repair="SELECT 1",
    words=(),
)


@pytest.fixture
def own_disk() -> Iterator[SmallDisk]:
    """A file system with room for a server's data, and little more."""
    if reason := why_not_mounted():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="migrate-small-disk-", dir="/tmp"))
    with SmallDisk.mounted(folder, server_user(Path("/nonexistent")), megabytes=256) as disk:
        yield disk


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_a_log_that_is_full_ends_the_server_and_loses_nothing(
    own_disk: SmallDisk, state_directory: Path, tmp_path: Path, atomic: str
) -> None:
    """The server gives up, and does not come back before there is room."""
    with OwnServer.running(inside=own_disk.folder) as server:
        site = Site(root=tmp_path / "project", url=server.url, state=state_directory)
        build_shop(site, ("billing", LOGGED))
        before = site.picture()
        own_disk.fill(leave=2)

        full = site.migrate("all-modules", "--atomic", atomic, "--staging", "off")
        server.await_fallen()

        assert full.code == 4, full.err
        assert "Traceback" not in full.err
        assert "`migrate status` tells what is in; the next run settles the ledger" in full.said
        down = site.migrate("all-modules", "--atomic", atomic, "--staging", "off")
        assert down.code == 6, down.err

        own_disk.free()
        server.start()
        if atomic == "run":
            assert site.picture() == before
        done = site.migrate("all-modules", "--atomic", atomic, "--staging", "off")
        assert done.code == 0, done.err
        assert site.picture().versions == IN

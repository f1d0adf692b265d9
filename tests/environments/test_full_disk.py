"""A disk that is full in the middle of a step: a clean stop, everything as before, and the next run after room was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import Break, build_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.environments.small_disk import SmallDisk
    from tests.failures.site import Site

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

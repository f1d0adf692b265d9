"""The harness of the failure tests, PgBouncer in front of it, and a small disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.staging.server_user import server_user
from tests.environments.pgbouncer import PgBouncer, pgbouncer_program
from tests.environments.small_disk import SmallDisk, why_not_mounted
from tests.failures.conftest import role, site, state_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.staging.cluster import LocalCluster
    from tests.failures.site import Site

__all__ = ["role", "site", "state_directory"]


@pytest.fixture
def pgbouncer(site: Site, server: LocalCluster) -> Iterator[PgBouncer]:
    """A real PgBouncer in front of the site's target, with a name for each of its modes."""
    program = pgbouncer_program()
    if program is None:
        pytest.skip("PgBouncer is not installed: no program 'pgbouncer' (Debian: apt-get install pgbouncer)")
    with PgBouncer.running(program, site.url, server_user(server.data)) as bouncer:
        yield bouncer


@pytest.fixture(scope="module")
def small_disk(server: LocalCluster) -> Iterator[SmallDisk]:
    """A file system of a few megabytes that the tests' server may use for a tablespace."""
    reason = why_not_mounted()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="migrate-small-disk-"))
    with SmallDisk.mounted(folder, server_user(server.data)) as disk:
        yield disk

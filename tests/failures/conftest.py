"""A project on an empty target, and one staging server for all rehearsals of the test run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.staging.embedded import EmbeddedStaging
from tests.failures.roles import drop_role
from tests.failures.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl
    from coordinator.staging.cluster import LocalCluster


@pytest.fixture(scope="session")
def state_directory(server: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """MIGRATE_STATE_DIR of every command; its staging server is kept up, so that no command waits for a start."""
    base = tmp_path_factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "state"
    directory.mkdir(exist_ok=True)
    with connect(server.url(), application_name="test") as connection:
        major = connection.info.server_version // 10000
    with EmbeddedStaging(state=directory, major=major, environment=os.environ):
        yield directory


@pytest.fixture
def site(database: DatabaseUrl, state_directory: Path, tmp_path: Path) -> Site:
    """A folder without a project yet, and an empty target."""
    return Site(root=tmp_path / "project", url=database, state=state_directory)


@pytest.fixture
def role(site: Site) -> Iterator[str]:
    """The name of a role that the test makes with `make_role`; dropped after it."""
    name = f"deploy_{site.url.parameters['dbname']}"
    yield name
    drop_role(site, name)

"""A session on an empty database with the schema `crm`, and the harness of the failing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database, drop_database
from coordinator.postgres.session import Session
from coordinator.staging.names import new_database_name, new_mark
from tests.failures.conftest import role, site, state_directory
from tests.preconditions.rows import anew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl
    from coordinator.staging.cluster import LocalCluster

__all__ = ["role", "site", "state_directory"]


@pytest.fixture(scope="package")
def shared(server: LocalCluster) -> Iterator[DatabaseUrl]:
    """One database for all tests of this folder that only need rows; making one for each takes longer than they do."""
    name = new_database_name()
    yield create_database(server.url(), name, comment=new_mark())
    drop_database(server.url(), name)


@pytest.fixture
def session(shared: DatabaseUrl) -> Iterator[Session]:
    """A session on a database with the empty schemas `crm` and `billing`."""
    with Session(connect(shared, application_name="test")) as session:
        anew(session)
        yield session

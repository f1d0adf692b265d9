"""The oracle: one database for a whole file of trees, since nothing stays in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.databases import create_database, drop_database
from coordinator.staging.names import new_database_name, new_mark
from tests.order.forest import Oracle, open_oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.staging.cluster import LocalCluster


@pytest.fixture(scope="module")
def oracle(server: LocalCluster) -> Iterator[Oracle]:
    """Runs orders on a real server."""
    name = new_database_name()
    url = create_database(server.url(), name, comment=new_mark())
    with open_oracle(url.parameters) as opened:
        yield opened
    drop_database(server.url(), name)

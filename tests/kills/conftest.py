"""The ground that kills share, and the seed of what is left to chance."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.kills.ground import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.staging.cluster import LocalCluster


@pytest.fixture(scope="session")
def ground(server: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Databases on the shared server, forks of one imported process.

    The staging server is its own: what others leave there, or have there, gives a rehearsal other points.
    """
    with Ground(tmp_path_factory.mktemp("kills"), cluster=server) as ground:
        yield ground
        ground.sweep()


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Chance, the same again for the same test with the same MIGRATE_KILL_SEED; the report's head prints it."""
    return random.Random(f"{os.environ['MIGRATE_KILL_SEED']} {request.node.name}")

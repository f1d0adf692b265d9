"""What was rehearsed on another major version proves nothing: really, on two servers."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import UnreachableError
from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database, drop_database
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from coordinator.staging.names import new_database_name, new_mark
from tests.certificate.making import make
from tests.certificate.test_accepted import deploy
from tests.commands_site import apply, write_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.staging.cluster import LocalCluster as Cluster
    from tests.commands_site import Desk

MAJORS = range(18, 13, -1)


@pytest.fixture
def other(server: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """A server of another major version than the tests' own, whichever of them is on this machine."""
    with connect(server.url(), application_name="test") as connection:
        ours = connection.info.server_version // 10000
    for major in MAJORS:
        if major != ours:
            try:
                binaries = find_binaries(environment=os.environ, major=major)
            except UnreachableError:
                continue
            with LocalCluster(binaries, tmp_path / "other") as cluster:
                yield cluster
                return
    pytest.skip(f"no PostgreSQL besides {ours} is on this machine")


def test_another_major_version(desk: Desk, other: Cluster) -> None:
    write_shop(desk.root)
    name = new_database_name()
    url = create_database(other.url(), name, comment=new_mark())
    elsewhere = replace(desk, url=url)
    file = make(elsewhere)
    before = desk.picture()

    done = deploy(desk, file)

    assert done.code == 1, done.err
    assert "the plan was rehearsed on PostgreSQL" in done.said
    assert "and the target is PostgreSQL" in done.said
    assert desk.picture() == before
    # It is good where it was made for.
    done = deploy(elsewhere, file)
    assert done.code == 0, done.err
    drop_database(other.url(), name)
    apply(desk)

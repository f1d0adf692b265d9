"""Targets on which a release is pending, and certificates of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.databases import create_database, drop_database
from coordinator.staging.names import new_database_name, new_mark
from tests.certificate.making import make
from tests.certificate.release import write_base, write_release
from tests.commands_site import Desk, apply
from tests.deploy.conftest import desk, role, site, state_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.staging.cluster import LocalCluster

__all__ = ["desk", "role", "site", "state_directory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A project whose release is pending on its target, and the certificate of it."""

    desk: Desk
    file: Path


@pytest.fixture(scope="module")
def standing(
    server: LocalCluster, state_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Release]:
    """One for the tests of a module that leave the target as it is."""
    name = new_database_name()
    url = create_database(server.url(), name, comment=new_mark())
    found = Desk(root=tmp_path_factory.mktemp("standing") / "project", url=url, state=state_directory)
    write_base(found.root)
    apply(found)
    write_release(found.root)
    yield Release(desk=found, file=make(found))
    drop_database(server.url(), name)


@pytest.fixture
def release(standing: Release, tmp_path: Path) -> Release:
    """The same target, with a copy of the project and of the certificate that a test may change."""
    root = tmp_path / "project"
    shutil.copytree(standing.desk.root, root)
    file = tmp_path / "release.json"
    shutil.copy(standing.file, file)
    return Release(desk=Desk(root=root, url=standing.desk.url, state=standing.desk.state), file=file)

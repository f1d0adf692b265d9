"""Projects whose deploys went in, on a real server, driven through the command line in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands_site import Desk
from tests.failures.conftest import role, site, state_directory

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

__all__ = ["desk", "role", "site", "state_directory"]


@pytest.fixture
def desk(database: DatabaseUrl, state_directory: Path, tmp_path: Path) -> Desk:
    """A folder without a project yet, and an empty target."""
    return Desk(root=tmp_path / "project", url=database, state=state_directory)

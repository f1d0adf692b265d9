"""A small shop on a target of its own, driven in this process, and gates over it with every report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands_site import Desk, apply
from tests.failures.conftest import site, state_directory
from tests.gate.counter import Counter, write_small_shop

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

__all__ = ["site", "state_directory"]


@pytest.fixture
def desk(database: DatabaseUrl, state_directory: Path, tmp_path: Path) -> Desk:
    """The shop, with nothing applied yet."""
    desk = Desk(root=tmp_path / "project", url=database, state=state_directory)
    write_small_shop(desk.root)
    return desk


@pytest.fixture
def counter(desk: Desk, tmp_path: Path) -> Counter:
    """The shop with its first revisions applied, and the gate in front of it."""
    apply(desk)
    return Counter(desk=desk, folder=tmp_path / "reports")

"""The sample ERP on an empty target, driven through the real command line."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.failures.conftest import site, state_directory
from tests.failures.site import REPOSITORY, Site

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["erp", "site", "state_directory"]


@pytest.fixture
def erp(site: Site, tmp_path: Path) -> Site:
    """The sample ERP's own files in a folder of the test's."""
    root = tmp_path / "project"
    shutil.copytree(REPOSITORY / "modules", root / "modules", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "database_map.md"):
        shutil.copy(REPOSITORY / name, root / name)
    return site

"""A project as an image holds it: production's settings name the variable, and `migrate` is a program on the PATH."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.ci.image import Image, write_program
from tests.commands_site import write_shop
from tests.failures.site import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

SETTINGS = """[tool.migrate]
[tool.migrate.environments.production]
url_env = "MIGRATE_DATABASE_URL"
staging = "off"
"""


@pytest.fixture
def image(database: DatabaseUrl, tmp_path: Path) -> Image:
    """Two small modules whose revisions are pending on an empty target."""
    root = tmp_path / "app"
    write_shop(root)
    (root / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    program = f'PYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m coordinator "$@"'
    write_program(tmp_path / "bin" / "migrate", program)
    return Image(root=root, url=database, programs=tmp_path / "bin")

"""A command some of whose code does what a test says: what no server can be made to do to it from outside."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.failures.site import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def patched(folder: Path, code: str) -> dict[str, str]:
    """The environment of a command whose processes run `code` when they start."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join((str(folder), str(REPOSITORY)))}

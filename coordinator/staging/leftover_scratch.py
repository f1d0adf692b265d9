"""Scratch directories of workers whose coordinator was killed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.model.staging import Leftover, LeftoverKind
from coordinator.temporary import temporary_directory
from coordinator.worker.scratch import is_abandoned, maker_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def find() -> Iterator[Leftover]:
    """Those of this user that nobody holds."""
    for path in sorted(temporary_directory().glob("migrate-worker-*")):
        if maker_of(path) is not None and path.lstat().st_uid == os.geteuid() and is_abandoned(path):
            reason = f"its process {maker_of(path)} is gone"
            yield Leftover(kind=LeftoverKind.DIRECTORY, name=str(path), place=str(path.parent), reason=reason)


def is_scratch(leftover: Leftover) -> bool:
    """Whether it is one that `find` told."""
    return leftover.kind is LeftoverKind.DIRECTORY and maker_of(Path(leftover.name)) is not None


def remove(leftover: Leftover) -> bool:
    """Delete it, if it is still nobody's. True when that was done."""
    if not is_abandoned(Path(leftover.name)):
        return False
    shutil.rmtree(leftover.name)
    return True

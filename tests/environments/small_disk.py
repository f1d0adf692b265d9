"""A file system of a few megabytes, mounted for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.staging.server_user import ServerUser

_MEGABYTE = 1024 * 1024


def why_not_mounted() -> str:
    """Why a file system cannot be mounted here, or ""."""
    if not sys.platform.startswith("linux"):
        return "a small file system is mounted as tmpfs, which only Linux has"
    if os.geteuid() != 0:
        return "mounting a small file system needs root"
    # In a namespace of its own, so that nothing is left behind.
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else f"mounting is not allowed here: {done.stderr.strip()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDisk:
    """A mounted tmpfs. `tablespace` is an empty folder in it that belongs to the server's user."""

    folder: Path

    @property
    def tablespace(self) -> Path:
        """Where a tablespace can be made."""
        return self.folder / "tablespace"

    def fill(self, *, leave: int) -> None:
        """Take all of its room but `leave` megabytes."""
        room = shutil.disk_usage(self.folder).free - leave * _MEGABYTE
        (self.folder / "ballast").write_bytes(b"\0" * room)

    def free(self) -> None:
        """Give the room back."""
        (self.folder / "ballast").unlink()

    @classmethod
    @contextmanager
    def mounted(cls, folder: Path, user: ServerUser, *, megabytes: int = 32) -> Iterator[SmallDisk]:
        """Mount it on the folder during the block, and remove both after it."""
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)], check=True
        )
        try:
            disk = cls(folder=folder)
            disk.tablespace.mkdir(mode=0o700)
            user.own(disk.tablespace)
            yield disk
        finally:
            subprocess.run(["umount", str(folder)], check=True)
            folder.rmdir()

"""A project on a target whose commands run in this process, and snapshots of that target."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from coordinator.cli.main import run
from coordinator.snapshots.file import read_snapshot
from tests.commands_site import Desk
from tests.failures.conftest import role, site, state_directory
from tests.failures.site import Ended

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.model.snapshot import Snapshot
    from coordinator.model.target import DatabaseUrl

__all__ = ["role", "site", "state_directory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera(Desk):
    """A desk that takes snapshots of its target, with the staging server that all tests share."""

    def take(self, *more: str, url: DatabaseUrl | None = None, name: str = "target.json") -> Path:
        """A snapshot in a file of the project."""
        ended = self.try_to_take(*more, url=url, name=name)
        assert ended.code == 0, ended.err
        return self.root / name

    def try_to_take(self, *more: str, url: DatabaseUrl | None = None, name: str = "target.json") -> Ended:
        return self.migrate("snapshot", "--staging", "embedded", "--output", name, *more, url=url)

    def plain(self, *arguments: str, environment: Mapping[str, str]) -> Ended:
        """Run a command that is told of no database but by these variables."""
        out, err = io.StringIO(), io.StringIO()
        variables = {"MIGRATE_STATE_DIR": str(self.state), "PATH": os.environ["PATH"], **environment}
        with ExitStack() as stack:
            stack.enter_context(chdir(self.root))
            stack.enter_context(patch.dict(os.environ, variables, clear=True))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            code = run(list(arguments))
        return Ended(code=code, out=out.getvalue(), err=err.getvalue())

    def taken(self, *more: str, url: DatabaseUrl | None = None) -> Snapshot:
        """The same as a value."""
        return read_snapshot(self.take(*more, url=url))


@pytest.fixture
def camera(database: DatabaseUrl, state_directory: Path, tmp_path: Path) -> Camera:
    """A folder without a project yet, and an empty target."""
    return Camera(root=tmp_path / "project", url=database, state=state_directory)

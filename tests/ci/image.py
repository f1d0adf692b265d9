"""What an image holds and how it is started: the shipped entrypoint, few variables, and no home."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.postgres.url import as_words
from tests.failures.site import REPOSITORY, Ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from coordinator.model.target import DatabaseUrl

RECIPES = REPOSITORY / "ci" / "recipes"
ENTRYPOINT = RECIPES / "docker" / "entrypoint.sh"
_PATIENCE = 120.0  # seconds that a start may take


def write_program(path: Path, script: str) -> Path:
    """A shell script that can be started by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A checkout in `root` and the programs beside it; its target is `url`."""

    root: Path
    url: DatabaseUrl
    programs: Path

    def start(
        self,
        *application: str,
        shell: Sequence[str] = ("sh",),
        url: DatabaseUrl | None = None,
        **variables: str,
    ) -> subprocess.Popen[str]:
        """Start the entrypoint with this application; a URL is in a file, as a mounted secret is."""
        secret = self.programs.parent / f"secret-{len(list(self.programs.parent.glob('secret-*')))}"
        secret.write_text(as_words((url or self.url).parameters) + "\n", encoding="utf-8")
        return self.command(
            [*shell, str(ENTRYPOINT), *application],
            {"MIGRATE_DATABASE_URL_FILE": str(secret), "MIGRATE_WAIT_SERVER": "0s", **variables},
        )

    def command(self, words: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a program with these variables, the PATH, and no others."""
        return subprocess.Popen(
            words,
            cwd=self.root,
            env={"PATH": f"{self.programs}:{os.environ['PATH']}", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *application: str, url: DatabaseUrl | None = None, **variables: str) -> Ended:
        """Start the entrypoint and wait for the end."""
        return ended(self.start(*application, url=url, **variables))

    def session(self) -> Session:
        """A session of the test's own on the target."""
        return Session(connect(self.url, application_name="test"))

    def value(self, sql: str) -> Any:
        """The first column of the first row of a query on the target."""
        with self.session() as session:
            return session.value(sql)

    def execute(self, sql: str) -> None:
        """Run SQL on the target, committed."""
        with self.session() as session:
            session.execute(sql)


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a start; killed when it takes too long."""
    try:
        out, err = process.communicate(timeout=_PATIENCE)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return Ended(code=process.returncode, out=out, err=err)

"""A server with pg_stat_statements where it is to be had, and the sample ERP applied in it, once for all of these tests."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session
from coordinator.staging.names import new_mark
from tests.environments.own_server import OwnServer
from tests.failures.site import REPOSITORY, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Erp:
    """The sample ERP, all of it applied in a database; `watched`: the server counts statements."""

    url: DatabaseUrl
    watched: bool

    def session(self) -> Session:
        """A session on its database."""
        return Session(connect(self.url, application_name="test"))


def copy_sample(root: Path) -> Path:
    """The sample's own files in a folder of the test's, committed on `main`."""
    shutil.copytree(REPOSITORY / "modules", root / "modules", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "database_map.md"):
        shutil.copy(REPOSITORY / name, root / name)
    return root


def commit(root: Path, message: str) -> None:
    """Commit everything."""
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)


def git(root: Path, *words: str) -> None:
    """Run git as nobody in particular."""
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.hooksPath=/dev/null"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="session")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    """All of the sample applied, on a server of its own; nobody writes to it after that."""
    root = copy_sample(tmp_path_factory.mktemp("erp") / "project")
    with OwnServer.running() as server:
        watched = _watch(server)
        url = create_database(server.url, "nexus", comment=new_mark())
        site = Site(root=root, url=url, state=root.parent / "state")
        ended = site.migrate("all-modules", "--yes", "--staging", "off")
        assert ended.code == 0, ended.err
        if watched:
            with Session(connect(url, application_name="test")) as session:
                session.execute("CREATE EXTENSION pg_stat_statements SCHEMA public")
                session.execute("CREATE ROLE reporting")
                session.execute(
                    "GRANT USAGE ON SCHEMA crm TO reporting; GRANT SELECT ON crm.contacts TO reporting"
                )
        yield Erp(url=url, watched=watched)


def _watch(server: OwnServer) -> bool:
    """Have the server count statements; False where its programs come without that extension."""
    with Session(connect(server.url, application_name="test")) as session:
        try:
            session.execute("LOAD 'pg_stat_statements'")
        except StatementError as error:
            if "pg_stat_statements" not in str(error) or "shared_preload_libraries" not in str(error):
                return False
        session.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    server.stop()
    server.start()
    return True


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A copy of the sample in a repository, on a branch that adds nothing yet."""
    root = copy_sample(tmp_path / "project")
    git(root, "init", "-q", "-b", "main")
    commit(root, "the sample")
    git(root, "checkout", "-qb", "work")
    return root

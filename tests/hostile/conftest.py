"""What hostile tests share: a staging server that stays up, a project, and a login with an awkward password."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from coordinator.postgres.connect import connect
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from tests.hostile.harness import PASSWORD, small_erp, url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl


@pytest.fixture(scope="session")
def state(server: LocalCluster) -> Iterator[Path]:
    """A state directory that all tests share, with its staging server kept running between them."""
    folder = server.directory.parent / "hostile-state"
    major = server.binaries.major
    staging = LocalCluster(find_binaries(environment=os.environ, major=major), folder / f"staging-{major}")
    with staging:
        yield folder


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each project keeps its own state, wherever a developer's variables point."""
    monkeypatch.delenv("MIGRATE_STATE_DIR", raising=False)


@pytest.fixture
def shared_state(state: Path, monkeypatch: pytest.MonkeyPatch, _own_state: None) -> Path:
    """Commands of this test use the shared state directory."""
    monkeypatch.setenv("MIGRATE_STATE_DIR", str(state))
    return state


@pytest.fixture
def erp(tmp_path: Path) -> Path:
    """A project of two modules with nothing wrong."""
    return small_erp(tmp_path / "erp")


@pytest.fixture
def target(database: DatabaseUrl, login: str, shared_state: Path) -> str:
    """The URL of an empty database for a role that may migrate it, with the awkward password in it."""
    with connect(database, application_name="test") as connection:
        connection.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                sql.Identifier(database.parameters["dbname"]), sql.Identifier(login)
            )
        )
    return url(database, user=login, password=PASSWORD)


@pytest.fixture
def login(database: DatabaseUrl) -> Iterator[str]:
    """A role with the awkward password that may connect and nothing else; its name."""
    name = f"role_{secrets.token_hex(4)}"
    with connect(database, application_name="test") as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(PASSWORD))
        )
        yield name
    with connect(database, application_name="test") as connection:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

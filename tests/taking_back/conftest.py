"""A database whose tables have rows and whose first revisions are in, and copies of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from coordinator.execution.interrupts import as_before
from coordinator.model.plan import Atomicity
from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database, drop_database
from coordinator.postgres.url import as_words, with_database
from coordinator.settings.load import load_settings
from coordinator.settings.values import Flags
from coordinator.staging.names import new_database_name, new_mark
from coordinator.workflow.all_modules import Request, all_modules
from coordinator.workflow.carrying_out import OFF
from coordinator.workflow.rolling_back.release import release
from coordinator.workflow.rolling_back.rollback import Outcome, rollback
from coordinator.workflow.rolling_back.rollback import Request as RollbackRequest
from tests.failures.site import Site
from tests.taking_back.strategies import BASE
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl
    from coordinator.settings.values import Settings
    from coordinator.staging.cluster import LocalCluster
    from tests.taking_back.strategies import Drawn

SETTINGS = 'environment = "test"\n[tool.migrate.environments.test]\nurl_env = "MIGRATE_DATABASE_URL"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where databases like the first one are made, each with a project of its own."""

    server: LocalCluster
    template: str
    folder: Path

    @contextmanager
    def site(self, number: int) -> Iterator[Site]:
        """A copy of the database, and the project whose first revisions are in it."""
        name = new_database_name()
        with connect(self.server.url(), application_name="test") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(self.template)
                )
            )
        url = with_database(self.server.url(), name)
        try:
            root = self.folder / f"project{number}"
            write_base(root)
            yield Site(root=root, url=url, state=self.folder / "state")
        finally:
            drop_database(self.server.url(), name)


def write_base(root: Path) -> None:
    """Two modules whose first revisions make the tables."""
    project(root, modules=("one", "two"), settings=SETTINGS)
    for module, statements in BASE.items():
        write_revision(
            versions_of(root, module),
            f"{module[0]}1",
            upgrade=f"op.execute({statements!r})",
            downgrade=f"op.execute('DROP SCHEMA {module} CASCADE')",
            irreversible="the first tables",
        )


def write_drawn(root: Path, drawn: Sequence[Drawn]) -> None:
    """Each random revision as a file."""
    latest = {module: f"{module[0]}1" for module in BASE}
    for each in drawn:
        names: dict[str, Any] = {"deletes_rows": True} if each.deletes_rows else {}
        write_revision(
            versions_of(root, each.module),
            each.revision,
            after=latest[each.module],
            upgrade=f"op.execute({each.upgrade!r})",
            downgrade=f"op.execute({each.downgrade!r})",
            **names,
        )
        latest[each.module] = each.revision


def settings_of(site: Site) -> Settings:
    """The settings of a command in that project."""
    variables = {
        "MIGRATE_DATABASE_URL": as_words(site.url.parameters),
        "MIGRATE_STATE_DIR": str(site.state),
    }
    return load_settings(start=site.root, environment=variables, flags=Flags())


def apply(site: Site, atomicity: Atomicity) -> None:
    """`migrate all-modules --staging off`, in this process."""
    with as_before():
        all_modules(settings_of(site), Request(atomicity=atomicity, staging=OFF), lambda event: None)


def roll_back(site: Site) -> None:
    """`migrate rollback --staging off --yes`, in this process."""
    with as_before():
        report = rollback(settings_of(site), RollbackRequest(staging=OFF), lambda event: None)
    assert report.outcome is Outcome.ROLLED_BACK, report


def release_all(site: Site) -> None:
    """`migrate release --all`, in this process."""
    release(settings_of(site), lambda event: None, names=(), everything=True)


@pytest.fixture(scope="module")
def workshop(server: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """The first database; nobody is connected to it while copies are made."""
    folder = tmp_path_factory.mktemp("workshop")
    name = new_database_name()
    url: DatabaseUrl = create_database(server.url(), name, comment=new_mark())
    write_base(folder / "base")
    apply(Site(root=folder / "base", url=url, state=folder / "state"), Atomicity.AUTO)
    yield Workshop(server=server, template=name, folder=folder)
    drop_database(server.url(), name)

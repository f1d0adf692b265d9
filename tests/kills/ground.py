"""Where commands are killed: a target server with templates of its databases, a warm staging server, and a runner."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from coordinator.postgres.connect import connect
from coordinator.postgres.databases import drop_database
from coordinator.postgres.roles import drop_roles, role_names
from coordinator.postgres.session import compose, identifier
from coordinator.postgres.url import as_words, with_database
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from coordinator.staging.embedded import EmbeddedStaging
from tests.kills.ending import session_on
from tests.kills.proxy import Proxy
from tests.kills.strikes import UNANSWERED, UNSENT
from tests.kills.watched import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from coordinator.model.target import DatabaseUrl
    from coordinator.postgres.session import Session
    from tests.kills.watched import Ended, Started

_STAGING_NAME = re.compile(r"migrate_(?P<pid>\d+)_[0-9a-f]{12}")


class Ground:
    """Everything that stays up between two kills. A `with` block starts and stops it."""

    def __init__(self, folder: Path, *, cluster: LocalCluster | None = None) -> None:
        """`cluster`: a target server that is up already."""
        self.folder = folder
        self.state = folder / "state"
        self._given = cluster
        self._started: set[str] = set()  # pids, as staging databases have them in their names

    def __enter__(self) -> Self:
        self.state.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            major = os.environ.get("MIGRATE_TEST_MAJOR")
            binaries = find_binaries(environment=os.environ, major=int(major) if major else None)
            self.cluster = self._given or stack.enter_context(LocalCluster(binaries, self.folder / "server"))
            self._staging = EmbeddedStaging(state=self.state, major=binaries.major, environment=os.environ)
            stack.enter_context(self._staging)
            self.runner = stack.enter_context(Runner(self._streams()))
            self._proxy = stack.enter_context(Proxy(self.cluster.url(), self.folder))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _streams(self) -> Path:
        folder = self.folder / "streams"
        folder.mkdir(exist_ok=True)
        return folder

    def database(self, name: str, *, template: str = "template0") -> DatabaseUrl:
        """A database of that name made anew, a copy of the template."""
        admin = self.cluster.url()
        drop_database(admin, name)
        with connect(admin, application_name="test") as connection:
            connection.execute(
                compose(
                    "CREATE DATABASE {name} TEMPLATE {source}",
                    name=identifier(name),
                    source=identifier(template),
                )
            )
        return with_database(admin, name)

    @contextmanager
    def session(self, name: str) -> Iterator[Session]:
        """A session of the test's own on one of the databases."""
        with session_on(with_database(self.cluster.url(), name)) as session:
            yield session

    def migrate(
        self, *arguments: str, root: Path, database: str, at: int | None = None, how: str = "kill"
    ) -> Ended:
        """Run one command to its end, or to the point at which it is struck."""
        return self.runner.end(self.start(*arguments, root=root, database=database, at=at, how=how))

    def start(
        self, *arguments: str, root: Path, database: str, at: int | None = None, how: str = "kill"
    ) -> Started:
        """The same, while others run."""
        url = with_database(self.cluster.url(), database)
        started = self.runner.start(
            *arguments,
            root=root,
            url=self._through_proxy(url) if how in (UNSENT, UNANSWERED) else url,
            state=self.state,
            at=at,
            how=how,
            addresses={
                "admin": as_words(self.cluster.url().parameters),
                "cluster": str(self.cluster.directory),
                "sockets": self.cluster.url().parameters["host"],
                "proxy": str(self._proxy.control),
            },
        )
        self._started.add(str(started.pid))
        return started

    def _through_proxy(self, url: DatabaseUrl) -> DatabaseUrl:
        address = {"host": "127.0.0.1", "port": str(self._proxy.port)}
        return replace(url, parameters={**url.parameters, **address})

    def sweep(self) -> None:
        """Remove what our killed rehearsals and workers have left; `migrate gc` is not what is tried here."""
        for each in (self.folder / "streams" / "tmp").glob("migrate-worker-*"):
            shutil.rmtree(each, ignore_errors=True)
        admin = self._staging_url()
        with connect(admin, application_name="test") as connection:
            names = [row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()]
        for name in names:
            if (found := _STAGING_NAME.fullmatch(name)) and found["pid"] in self._started:
                drop_database(admin, name)
        with session_on(admin) as session:
            drop_roles(session, role_names(session))

    def _staging_url(self) -> DatabaseUrl:
        return self._staging._cluster.url()

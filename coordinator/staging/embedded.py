"""PostgreSQL started by us on this machine: as a target that keeps its data, and as staging."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from coordinator.model.staging import StagingKind
from coordinator.postgres.databases import create_database, databases_of_role
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster, usable
from coordinator.staging.databases import version_of
from coordinator.staging.dump import dump_arguments, dump_environment, dump_password, dumped_schemas, run_dump
from coordinator.staging.interface import Tell, quiet
from coordinator.staging.locks import exclusive
from coordinator.staging.own_server import OwnServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.target import DatabaseUrl

TARGET_DATABASE = "erp"


@contextmanager
def embedded_target(
    directory: Path, *, environment: Mapping[str, str] | None = None
) -> Iterator[DatabaseUrl]:
    """The database "erp" on a durable server in `directory`, both made at the first use.

    The server runs while at least one process is inside. UnreachableError when it cannot be had.
    """
    variables = os.environ if environment is None else environment
    binaries = find_binaries(environment=variables, major=_major_of(directory))
    with LocalCluster(binaries, directory, durable=True, environment=variables) as cluster:
        with exclusive(directory / "database.lock"):
            if TARGET_DATABASE not in {found.name for found in databases_of_role(cluster.url())}:
                create_database(cluster.url(), TARGET_DATABASE)
        yield cluster.url(
            TARGET_DATABASE,
            shown=f"embedded PostgreSQL {binaries.version} in {directory}, database {TARGET_DATABASE}",
        )


def has_embedded_target(state: Path) -> bool:
    """Whether the server of `embedded_target` was ever made."""
    return _major_of(state / "target") is not None


class EmbeddedStaging:
    """Staging databases on a disposable server in `state`/staging-MAJOR, that all commands share."""

    def __init__(
        self,
        *,
        state: Path,
        major: int,
        environment: Mapping[str, str],
        not_taken: tuple[str, ...] = (),
        tell: Tell = quiet,
    ) -> None:
        """UnreachableError when this machine has no server programs of `major`."""
        self._binaries = find_binaries(environment=environment, major=major)
        self._cluster = LocalCluster(self._binaries, state / f"staging-{major}", environment=environment)
        self._not_taken = not_taken
        self._tell = tell
        self._version = 0
        self._server: OwnServer | None = None

    @property
    def kind(self) -> StagingKind:
        """Embedded."""
        return StagingKind.EMBEDDED

    @property
    def label(self) -> str:
        """Like "embedded PostgreSQL 18.4 (installed)"."""
        return f"embedded PostgreSQL {self._binaries.version} ({self._binaries.source})"

    @property
    def not_taken(self) -> tuple[str, ...]:
        """Which ways were looked at before."""
        return self._not_taken

    @property
    def server_version(self) -> int:
        """PostgreSQL's own number; 0 before it is entered."""
        return self._version

    @property
    def keeps_owners(self) -> bool:
        """We are the superuser there."""
        return True

    def create_database(self, wanted: ServerFacts | None = None) -> DatabaseUrl:
        """A new empty database, as on `wanted` where it can be."""
        return self._entered().create_database(wanted)

    def copy_database(self, url: DatabaseUrl) -> DatabaseUrl:
        """A copy of one that we made."""
        return self._entered().copy_database(url)

    def role_mark(self, url: DatabaseUrl) -> str:
        """None is needed: it is a server of our own."""
        return ""

    def drop_database(self, url: DatabaseUrl) -> None:
        """Drop one that we made."""
        self._entered().drop_database(url)

    def dump_schemas(self, source: DatabaseUrl, schemas: tuple[str, ...]) -> str:
        """Dump with the pg_dump beside our server's programs."""
        present = dumped_schemas(source, schemas, major=self._binaries.major)
        if not present:
            return ""
        environment = dump_environment({**self._binaries.environment(), **dump_password(source)})
        command = [str(self._binaries.path / "pg_dump"), *dump_arguments(source.parameters, present)]
        return run_dump(command, environment=environment, source=source)

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        self._version = version_of(self._cluster.url())
        self._server = OwnServer(self._cluster.url(), tell=self._tell)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster.__exit__(kind, error, trace)

    def _entered(self) -> OwnServer:
        assert self._server is not None, "the staging is not entered"
        return self._server


def _major_of(directory: Path) -> int | None:
    """The version that made a cluster; None before there is one."""
    made = directory / "data" / "PG_VERSION"
    with usable(directory):
        return int(made.read_text(encoding="ascii")) if made.exists() else None

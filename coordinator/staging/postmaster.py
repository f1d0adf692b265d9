"""One PostgreSQL server process on this machine: making its directory, starting, finding and stopping it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.staging import processes
from coordinator.temporary import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.staging.binaries import ServerBinaries
    from coordinator.staging.server_user import ServerUser

_SAME_AGE_SECONDS = 3.0
PORT = 5432  # of the socket's name only: the server does not listen on the network
SUPERUSER = "postgres"
SOCKET_PREFIX = "migrate-pg-"
_LONGEST_DIRECTORY = 80  # bytes; a socket's whole path may have 103 on macOS, 107 on Linux
# A shell starts the server in the background and goes: the server then belongs to init, outlives us and
# is reaped by init. Its words are arguments, never text that the shell reads.
_IN_BACKGROUND = ("/bin/sh", "-c", '"$@" >&2 </dev/null & echo $!', "sh")
_DESCRIPTORS = Path("/proc/self/fd")
# Neither statements nor row values reach the server's log.
_QUIET = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "logging_collector": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """A running server, as its own lock file describes it and as the kernel confirms."""

    pid: int
    socket_directory: Path
    ready: bool


def make_data_directory(
    binaries: ServerBinaries, user: ServerUser, data: Path, password: str, *, durable: bool
) -> None:
    """Run initdb into `data`, that appears only when complete. UnreachableError with initdb's words."""
    part = Path(tempfile.mkdtemp(prefix="initdb-", dir=data.parent))
    private = _private_directory(user)
    try:
        user.own(part)
        secret = private / "password"
        secret.write_text(password, encoding="ascii")
        user.own(secret)
        _initdb(binaries, user, part, secret, durable=durable)
        part.rename(data)
    finally:
        shutil.rmtree(private, ignore_errors=True)
        for left in data.parent.glob("initdb-*"):  # also those of makers that were killed
            shutil.rmtree(left, ignore_errors=True)


def _initdb(
    binaries: ServerBinaries, user: ServerUser, directory: Path, secret: Path, *, durable: bool
) -> None:
    arguments = [f"--username={SUPERUSER}", f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8"]
    arguments += ["--lc-messages=C", "--no-instructions", *([] if durable else ["--no-sync"])]
    output = ""
    with _reachable(user, directory) as (name, descriptors):
        for locale in ("C.UTF-8", "C"):  # not every system has the first
            done = subprocess.run(
                [binaries.path / "initdb", "-D", name, f"--locale={locale}", *arguments],
                cwd="/",
                env=_environment(binaries),
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
                **user.identity,
            )
            if done.returncode == 0:
                return
            output = done.stdout
            if "invalid locale" not in output:
                break
    raise UnreachableError(
        f"PostgreSQL {binaries.version} could not make its data directory in '{directory.parent}'.",
        help="Read initdb's words below; MIGRATE_PG_BIN chooses other programs.",
        details=tuple(output.strip().splitlines()[-6:]),
    )


def start(
    binaries: ServerBinaries,
    user: ServerUser,
    data: Path,
    log: Path,
    settings: dict[str, str],
    *,
    timeout: float = 60,
) -> Postmaster:
    """Start a server on `data` and wait until it is ready. UnreachableError with the end of its log."""
    sockets = _private_directory(user)
    settings = {
        **_QUIET,
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        **settings,
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with log.open("ab") as output, _reachable(user, data) as (name, descriptors):
        launched = subprocess.run(
            [*_IN_BACKGROUND, str(binaries.path / "postgres"), "-D", name, *options],
            cwd="/",
            env=_environment(binaries),
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,  # Ctrl-C on the terminal is for us, not for the server
            check=True,
            **user.identity,
        )
    pid = int(launched.stdout)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and processes.started(pid):
        found = find(data)
        if found and found.pid == pid and found.ready:
            return found
        time.sleep(0.01)
    shutil.rmtree(sockets, ignore_errors=True)
    raise UnreachableError(
        f"PostgreSQL {binaries.version} did not start on '{data}'.",
        help=f"Its log is '{log}'.",
        details=tuple(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]),
    )


def find(data: Path) -> Postmaster | None:
    """The server that runs on `data`; None when there is none, whatever its lock file says."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    # 1 pid, 2 directory, 3 start, 4 port, 5 socket directory, 6 address, 7 shared memory, 8 state
    if len(lines) < 5 or not lines[0].isdigit() or not _runs_on(int(lines[0]), data, lines[2]):
        return None
    ready = len(lines) > 7 and lines[7].strip() in {"ready", "standby"}
    return Postmaster(pid=int(lines[0]), socket_directory=Path(lines[4]), ready=ready)


def written_pid(data: Path) -> str:
    """The process that the lock file names, whether or not it runs here; "" when there is no such file."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0].strip()
    except FileNotFoundError:
        return ""


def stop(data: Path, *, timeout: float = 30) -> None:
    """Stop the server on `data`, if one runs: in order, else at once. Its sockets' directory goes too."""
    server = find(data)
    if server is None:
        return
    for kind, seconds in ((signal.SIGINT, timeout), (signal.SIGQUIT, 10.0)):
        os.kill(server.pid, kind)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not processes.started(server.pid):
                remove_sockets(server)
                return
            time.sleep(0.005)
    raise UnreachableError(
        f"The server process {server.pid} on '{data}' does not stop.", help="Look at its log."
    )


def remove_sockets(server: Postmaster) -> None:
    """Remove the directory that was made for the sockets of a server that is gone."""
    if server.socket_directory.name.startswith(SOCKET_PREFIX):
        shutil.rmtree(server.socket_directory, ignore_errors=True)


def clear_stale(data: Path) -> None:
    """After `find` said that no server runs: remove what a killed one left, which could stop the next."""
    stale = data / "postmaster.pid"
    if stale.exists():
        lines = stale.read_text(encoding="utf-8").splitlines()
        if len(lines) > 4:
            remove_sockets(Postmaster(pid=0, socket_directory=Path(lines[4]), ready=False))
        stale.unlink()


def _runs_on(pid: int, data: Path, start: str) -> bool:
    """Whether `pid` is a server on `data`: the pid in a lock file may by now be anybody's."""
    if not processes.started(pid):
        return False
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", data)
    except (FileNotFoundError, PermissionError):
        # No /proc, as on macOS, or root without the right to look, as in a container: the ages must agree.
        return abs(processes.age(pid) - (time.time() - int(start))) < _SAME_AGE_SECONDS


@contextmanager
def _reachable(user: ServerUser, directory: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The directory's name for a program that runs as `user`, and the descriptors to hand it.

    A user that is not us may be unable to walk the path (a project below /root). Nobody else's
    directory changes its mode for that: an open descriptor needs no walking, and Linux gives it a name.
    The current directory would not do: up to version 15 the programs leave it and come back by its path.
    """
    if user.can_enter(directory):
        yield str(directory), ()
        return
    if not _DESCRIPTORS.exists():
        raise UnreachableError(
            f"PostgreSQL cannot run as root, and its user cannot reach '{directory}'.",
            help="Run this command as an ordinary user, or keep the project where others can enter.",
        )
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(_DESCRIPTORS / str(descriptor)), (descriptor,)
    finally:
        os.close(descriptor)


def _private_directory(user: ServerUser) -> Path:
    """A new short directory that only `user` (and root) can enter."""
    parent = temporary_directory()
    if (
        len(os.fsencode(parent)) > _LONGEST_DIRECTORY
        or set(str(parent)) & set(',"')
        or not user.can_enter(parent)
    ):
        parent = Path("/tmp")  # noqa: S108  # only as the parent of a directory that mkdtemp makes
    made = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=parent))
    user.own(made)
    return made


def _environment(binaries: ServerBinaries) -> dict[str, str]:
    """Nothing of ours reaches the server: neither PG* variables nor secrets."""
    return {"PATH": os.defpath, "LANG": "C", "TZ": "UTC", **binaries.environment()}

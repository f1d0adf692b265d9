"""Opening a connection, and saying in one sentence why it could not be opened."""

from __future__ import annotations

import math
import subprocess
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.postgres.liveness import end_with_client

if TYPE_CHECKING:
    import psycopg

    from coordinator.model.target import DatabaseUrl

# A dead peer is noticed after about a minute, also in the middle of a long statement.
_KEEPALIVE = {
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",  # milliseconds
}
_PASSWORD_COMMAND_SECONDS = 30

# Words in libpq's or the server's message, what they mean, what to do. The first that fits wins.
_CAUSES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("does not support SSL",),
        "{url} does not speak TLS, and the URL asks for it",
        "Use sslmode=prefer, or turn TLS on in the server.",
    ),
    (
        ("certificate",),
        "the TLS certificate of {url} was not accepted",
        "Check sslmode, sslrootcert and the host's name.",
    ),
    (
        (
            "invalid response to SSL",
            "expected authentication request",
            "expected SASL",
            "unexpected response",
        ),
        "what answers at {url} is not a PostgreSQL server",
        "Check the host and the port.",
    ),
    (
        ("no password supplied", "password authentication failed", "authentication failed"),
        "{url} refused the user or the password",
        "Check both; a password is taken from the URL, password_command, PGPASSWORD or ~/.pgpass.",
    ),
    (
        ("no pg_hba.conf entry",),
        "{url} does not let this user in from here",
        "Ask for a line in pg_hba.conf, or check sslmode.",
    ),
    (
        ("failed to resolve host", "could not translate host name"),
        "the host name of {url} is not known",
        "Check its spelling and the network's name service.",
    ),
    (
        ("timeout expired", "timed out"),
        "{url} did not answer in time",
        "Check the address and the firewall, or wait for the server with --wait-server 60s.",
    ),
    (
        ("Connection refused", "No such file or directory", "Network is unreachable", "No route to host"),
        "nothing answers at {url}",
        "Check that the server runs and the address is right, or wait for it with --wait-server 60s.",
    ),
    (
        ("starting up", "shutting down", "in recovery mode", "not accepting connections"),
        "{url} is starting or stopping",
        "Try again, or wait for it with --wait-server 60s.",
    ),
    (
        ("too many clients", "too many connections", "remaining connection slots"),
        "{url} has no free connection",
        "Try again later, or raise max_connections.",
    ),
    (
        ("read-only", "hot standby", "in standby mode"),
        "no server of {url} is of the wanted kind",
        "Check target_session_attrs and which server is the primary.",
    ),
    (
        ("definition of service",),
        "the service that {url} names is in no service file",
        "Check PGSERVICEFILE and ~/.pg_service.conf.",
    ),
    (
        ("server closed the connection", "connection reset", "Connection reset"),
        "{url} closed the connection at once, so it may be no PostgreSQL server",
        "Check the host and the port, and the server's log.",
    ),
)


def connect(url: DatabaseUrl, *, application_name: str, timeout: float = 10) -> psycopg.Connection:
    """Open a connection in autocommit mode; `timeout` in seconds is for each host of the URL.

    Raises UnreachableError, with the server's own words as details and never a password.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo

    parameters = {**_KEEPALIVE, "connect_timeout": str(math.ceil(timeout)), **url.parameters}
    if "host" in parameters:
        # A named server gets the named options: PGOPTIONS may not change what a URL means.
        parameters.setdefault("options", "")
    parameters |= {"application_name": application_name, "client_encoding": "UTF8"}
    password = password_of(url)
    if password is not None:
        parameters["password"] = password
    try:
        # No prepared statements: a pooler between us and the server may hand each to another backend.
        connection = psycopg.connect(make_conninfo(**parameters), autocommit=True, prepare_threshold=None)
    except psycopg.Error as exc:
        # `from None`: psycopg's own message may show the parameters.
        raise _explained(exc, url, parameters) from None
    end_with_client(connection.execute, psycopg.Error)
    return connection


def password_of(url: DatabaseUrl) -> str | None:
    """The password for one new connection: what the command prints now, else the URL's, else None.

    Ask again for each connection: a command's password may live for minutes only.
    """
    if url.password_command:
        return _run_password_command(url.password_command)
    return url.parameters.get("password")


def _explained(exc: psycopg.Error, url: DatabaseUrl, parameters: dict[str, str]) -> UnreachableError:
    words = _without_secrets(str(exc), parameters)
    sentence, remedy = _cause(words, rejected=bool(exc.pgconn and exc.pgconn.used_password))
    sentence = sentence.format(url=f"'{url}'")
    details = tuple(line.strip() for line in words.splitlines()[:6] if line.strip())
    return UnreachableError(f"{sentence[0].upper()}{sentence[1:]}.", help=remedy, details=details)


def _cause(words: str, *, rejected: bool) -> tuple[str, str]:
    """Sentence and remedy. `rejected`: a password was asked for; it tells when the words are translated."""
    if 'database "' in words and "does not exist" in words:
        return (
            "the server has no such database as {url} names",
            "Check the database's name, or create it: this program never creates the target.",
        )
    if 'role "' in words and "does not exist" in words:
        return "the server has no such user as {url} names", "Check the user's name."
    for patterns, sentence, remedy in _CAUSES:
        if any(pattern in words for pattern in patterns):
            return sentence, remedy
    if rejected:
        return "{url} refused the login", "Check the user, the password and the database's name."
    return "{url} cannot be connected to", "The server's own words are below."


def _without_secrets(words: str, parameters: dict[str, str]) -> str:
    for key in ("password", "sslpassword"):
        if parameters.get(key):
            words = words.replace(parameters[key], "***")
    return words


def _run_password_command(command: tuple[str, ...]) -> str:
    """The first line that the command prints. Neither its output nor its errors are ever shown."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PASSWORD_COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as exc:
        reason = "took too long" if isinstance(exc, subprocess.TimeoutExpired) else "cannot be run"
        raise UnreachableError(
            f"The password command '{command[0]}' {reason}.", help="Try it by hand; check password_command."
        ) from None
    password = done.stdout.partition("\n")[0].rstrip("\r")
    if done.returncode != 0 or not password:
        raise UnreachableError(
            f"The password command '{command[0]}' gave no password (it ended with {done.returncode}).",
            help="Try it by hand; check password_command.",
        )
    return password

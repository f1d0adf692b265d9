"""Which database is meant: flag, variable, the environment's table, libpq's variables; never a guess."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from coordinator.model.target import TARGET_DIRECTORY
from coordinator.settings.values import EmbeddedTarget, Flags, NoTarget, Target, UrlTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

EMBEDDED_URL: Final = "embedded:"
TARGET_KEYS: Final = ("target", "url", "url_env", "url_file", "service")
WAYS_OUT: Final = (
    "Name one: set MIGRATE_DATABASE_URL (or --database-url) to its URL, "
    'or, for the embedded database, say target = "embedded" in the environment\'s table '
    "(or --database-url embedded:)."
)

_PASSWORD_BEFORE_HOST = re.compile(r"^[\w+.-]+://[^?#]*?:[^?#]+@")
_PASSWORD_AS_PARAMETER = re.compile(r"(?:^|[?&\s])(?:ssl)?password\s*=\s*[^&\s]", re.IGNORECASE)
_LIBPQ = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGDATABASE": "dbname",
    "PGUSER": "user",
    "PGPASSWORD": "password",
}


def holds_password(url: str) -> bool:
    """Whether a URL or connection string has a password in it."""
    return bool(_PASSWORD_BEFORE_HOST.search(url) or _PASSWORD_AS_PARAMETER.search(url))


def choose_target(
    *,
    flags: Flags,
    variables: Mapping[str, str],
    table: Mapping[str, Any],
    environment: str | None,
    root: Path,
    state: Path | NoTarget,
) -> Target | NoTarget:
    """The first that is given. One that is given and empty is an error, never a reason to take the next."""
    if flags.database_url is not None:
        return _from_text(flags.database_url, "--database-url", state)
    for name in ("MIGRATE_DATABASE_URL", "MIGRATE_DATABASE_URL_FILE"):
        if name in variables:
            return _from_variable(name, variables, state)
    if any(key in table for key in TARGET_KEYS):
        return _from_table(table, f"environment {environment!r}", variables, root, state)
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        if name in variables:
            return _from_variable(name, variables, state)
    if variables.get("PGSERVICE"):
        return _service(variables["PGSERVICE"], "PGSERVICE")
    if variables.get("PGHOST"):
        return _from_libpq(variables)
    whose = f" Environment {environment!r} names none." if environment else ""
    return NoTarget(message=f"No database is named.{whose}", help=WAYS_OUT)


def _from_variable(name: str, variables: Mapping[str, str], state: Path | NoTarget) -> Target | NoTarget:
    if name.endswith("_FILE"):
        return _from_file(Path(variables[name]), name, state) if variables[name] else _empty(name)
    return _from_text(variables[name], name, state)


def _from_table(
    table: Mapping[str, Any], whose: str, variables: Mapping[str, str], root: Path, state: Path | NoTarget
) -> Target | NoTarget:
    if "target" in table:
        return _embedded(state, f"target of {whose}")
    if "url" in table:
        return _from_text(table["url"], f"url of {whose}", state)
    if "service" in table:
        return _service(table["service"], f"service of {whose}")
    if "url_file" in table:
        return _from_file(root / Path(table["url_file"]).expanduser(), f"url_file of {whose}", state)
    name = table["url_env"]
    if not variables.get(name, "").strip():
        return NoTarget(
            message=f"{whose[0].upper()}{whose[1:]} takes its URL from {name}, which is not set or empty.",
            help=f"Set {name} to the database's URL; nothing else is taken in its place.",
        )
    return _from_text(variables[name], f"{name} (url_env of {whose})", state)


def _from_text(text: str, origin: str, state: Path | NoTarget) -> Target | NoTarget:
    url = text.strip()
    if not url:
        return _empty(origin)
    if url == EMBEDDED_URL:
        return _embedded(state, origin)
    if url.startswith(EMBEDDED_URL):
        return NoTarget(
            message=f"{origin} begins with {EMBEDDED_URL!r} and goes on.",
            help=f"The embedded database is named {EMBEDDED_URL!r} and nothing more.",
        )
    return UrlTarget(text=url, origin=origin)


def _embedded(state: Path | NoTarget, origin: str) -> Target | NoTarget:
    if isinstance(state, NoTarget):
        return state
    return EmbeddedTarget(directory=state / TARGET_DIRECTORY, origin=origin)


def _from_file(file: Path, origin: str, state: Path | NoTarget) -> Target | NoTarget:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return NoTarget(
            message=f"{origin} names the file {file}, which cannot be read: {reason}.",
            help="Mount the secret there, or name the file that holds the database's URL.",
        )
    return _from_text(text, f"{file} ({origin})", state)


def _service(name: str, origin: str) -> UrlTarget:
    return UrlTarget(text="postgresql:///?" + urlencode({"service": name}, quote_via=quote), origin=origin)


def _from_libpq(variables: Mapping[str, str]) -> UrlTarget:
    given = {key: variables[name] for name, key in _LIBPQ.items() if variables.get(name)}
    return UrlTarget(text="postgresql:///?" + urlencode(given, quote_via=quote), origin="PGHOST")


def _empty(origin: str) -> NoTarget:
    return NoTarget(
        message=f"{origin} is set and empty.",
        help=f"Give it the database's URL, or leave {origin} out; nothing else is taken in its place.",
    )

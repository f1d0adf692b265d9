"""pg_dump of some schemas: its arguments, its environment, and its output without what differs each time."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from coordinator.postgres.connect import connect, password_of
from coordinator.postgres.url import as_words
from coordinator.staging.interface import StagingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.target import DatabaseUrl

_LOCK_WAIT = "10s"  # somebody may hold a table: then the dump gives up instead of queueing readers behind it
_TIMEOUT_SECONDS = 600
_SECRETS = ("password", "sslpassword")
# A key of the session that psql checks, and versions: new at each dump, without meaning for a schema.
_NOISE = re.compile(r"\\(un)?restrict \w+|-- Dumped (from database|by pg_dump) version .*")


def dumped_schemas(source: DatabaseUrl, schemas: tuple[str, ...], *, major: int) -> tuple[str, ...]:
    """Those of `schemas` that `source` has; StagingError when a pg_dump of `major` cannot read it."""
    with connect(source, application_name="migrate staging") as connection:
        version = connection.info.server_version // 10000
        if version > major:
            raise StagingError(
                f"'{source}' is PostgreSQL {version}; the staging's pg_dump {major} reads no newer server.",
                help=f"Use a staging of PostgreSQL {version}.",
            )
        rows = connection.execute(
            "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY(%s) ORDER BY nspname",
            (list(schemas),),
        ).fetchall()
    return tuple(name for (name,) in rows)


def dump_arguments(
    parameters: Mapping[str, str], schemas: Sequence[str], *, owners: bool = True
) -> list[str]:
    """What follows `pg_dump` on the command line. No secret is in it: `ps` shows it to everybody.

    `owners`: with the commands that give owners and grants.
    """
    shown = {key: value for key, value in parameters.items() if key not in _SECRETS}
    quoted = ['"' + name.replace('"', '""') + '"' for name in schemas]  # no patterns, no folding of case
    return [
        "--schema-only",
        "--encoding=UTF8",  # whatever the database's own is
        "--no-password",
        "--no-tablespaces",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
        *([] if owners else ["--no-owner", "--no-privileges"]),
        f"--lock-wait-timeout={_LOCK_WAIT}",
        *(f"--schema={name}" for name in quoted),
        "--dbname=" + as_words(shown),
    ]


def dump_password(url: DatabaseUrl) -> dict[str, str]:
    """The password as a variable for the child alone."""
    password = password_of(url)
    return {"PGPASSWORD": password} if password else {}


def run_dump(command: Sequence[str], *, environment: Mapping[str, str], source: DatabaseUrl) -> str:
    """Run pg_dump and clean its output. StagingError with its own words."""
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise StagingError(
            f"There is no pg_dump at '{command[0]}'.",
            help="Install PostgreSQL's client programs beside the server's.",
        ) from None
    except subprocess.TimeoutExpired:
        raise StagingError(
            f"pg_dump of '{source}' took longer than {_TIMEOUT_SECONDS} s.",
            help="Give a snapshot file instead.",
        ) from None
    if done.returncode != 0:
        raise failed_dump(source, done.stderr, environment.get("PGPASSWORD", ""))
    return without_noise(done.stdout)


def failed_dump(source: DatabaseUrl, words: str, password: str) -> StagingError:
    """pg_dump's failure in one sentence."""
    if password:
        words = words.replace(password, "***")
    help_text = (
        "Its words are below; the role must be able to read the catalog and lock the tables for reading."
    )
    if "timeout" in words:  # --lock-wait-timeout is a statement_timeout while it locks
        help_text = f"Somebody held a table for longer than {_LOCK_WAIT}; try again, or give a snapshot file."
    return StagingError(
        f"pg_dump of '{source}' failed.", help=help_text, details=tuple(words.strip().splitlines()[-4:])
    )


def dump_environment(own: Mapping[str, str]) -> dict[str, str]:
    """What libpq may need of our environment: certificates, password files, service files; no PGOPTIONS."""
    kept = {
        key: value for key, value in os.environ.items() if key.startswith(("PG", "KRB5")) or key == "HOME"
    }
    for unwanted in ("PGOPTIONS", "PGAPPNAME"):
        kept.pop(unwanted, None)
    return {**kept, "PATH": os.defpath, "LC_ALL": "C", "PGAPPNAME": "migrate pg_dump", **own}


def without_noise(text: str) -> str:
    """The dump without the lines of its head and foot that change with each dump or each release."""
    lines = text.splitlines(keepends=True)
    # Only there: a function's body may hold the same words.
    head, body, foot = lines[:20], lines[20:-10] if len(lines) > 30 else [], lines[20:][-10:]
    clean = [line for line in head if not _NOISE.fullmatch(line.strip())]
    return "".join(clean + body + [line for line in foot if not _NOISE.fullmatch(line.strip())])

"""The database acted upon: found in the settings, opened, and looked at before anything else."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, SettingsError, UnreachableError
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import ConnectionLostError, translated
from coordinator.postgres.pooler import Pooling, find_pooling
from coordinator.postgres.session import Session
from coordinator.postgres.url import parse_url
from coordinator.settings.values import EmbeddedTarget, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from coordinator.model.target import DatabaseUrl

OLDEST_SERVER = 140000  # server_version_num
_RETRY_EVERY = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An open target: `url` for our connections, `shown` for people."""

    url: DatabaseUrl
    shown: str
    embedded: bool
    environment: str

    def connect(self, doing: str) -> Session:
        """A new session on the target. Raises UnreachableError."""

        def opened() -> psycopg.Connection:
            connection = connect(self.url, application_name=f"migrate:{doing}"[:63])
            try:
                with translated(connection):
                    # Limits that a role or a database has for its applications; our connections wait for each
                    # other's work. Nor do its names decide what ours mean, or its way to write dates whether we can
                    # read them.
                    connection.execute(
                        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout',"
                        " 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
                    )
                    connection.execute(
                        "SET search_path = pg_catalog; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'"
                    )
            except ConnectionLostError as error:
                raise UnreachableError(error.message, help="it had just answered; try again") from error
            return connection

        return Session(opened(), reconnect=opened)


@contextmanager
def open_target(settings: Settings) -> Iterator[Target]:
    """The target that the settings name; an embedded one is started for the block.

    Raises SettingsError when none is named, UnreachableError when it cannot be had or is no fit server.
    """
    chosen = settings.target
    environment = settings.environment or "default"
    if isinstance(chosen, EmbeddedTarget):
        from coordinator.staging.embedded import embedded_target

        with embedded_target(chosen.directory) as url:
            target = Target(url=url, shown="the embedded database", embedded=True, environment=environment)
            check_fit(target)
            yield target
        return
    url = replace(parse_url(chosen.text), password_command=settings.password_command)
    target = Target(url=url, shown=str(url), embedded=False, environment=environment)
    with _wait_for_server(url, settings.wait_server) as session:
        _refuse_pooler(target, session)
    check_fit(target)
    yield target


def _wait_for_server(url: DatabaseUrl, seconds: float) -> Session:
    """Try until the server answers or the time is over; a session on which nothing was set yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _hello(url)
        except UnreachableError:
            if time.monotonic() + _RETRY_EVERY > deadline:
                raise
            time.sleep(_RETRY_EVERY)


def _hello(url: DatabaseUrl) -> Session:
    return Session(connect(url, application_name="migrate:hello"))


def _refuse_pooler(target: Target, session: Session) -> None:
    """Refuse a pooler that changes servers between transactions, before anything is set that it would hand to others."""
    pooling = find_pooling(session, lambda: _hello(target.url))
    if pooling in (Pooling.TRANSACTION, Pooling.STATEMENT):
        raise SettingsError(
            f"{target.shown} is a pooler in {pooling.value} mode: it gives each {pooling.value} another server process,"
            " so neither the lock nor a setting of a run would hold",
            help="name the server itself in MIGRATE_DATABASE_URL, which wins over DATABASE_URL; or let the pooler give"
            " this user whole sessions (PgBouncer: pool_mode=session)",
        )


def refuse_read_only(session: Session) -> None:
    """Refuse, before a run does anything, a connection whose transactions may only read. Raises RefusedError."""
    found = session.rows(
        "SELECT source, pg_catalog.current_database(), session_user FROM pg_catalog.pg_settings"
        " WHERE name = 'default_transaction_read_only' AND setting = 'on'"
    )
    if not found:
        return
    source, database, role = found[0]
    remedy = {
        "user": f"ALTER ROLE {role} RESET default_transaction_read_only",
        "database": f"ALTER DATABASE {database} RESET default_transaction_read_only",
        "database user": f"ALTER ROLE {role} IN DATABASE {database} RESET default_transaction_read_only",
    }.get(source, "turn default_transaction_read_only off where the server is configured")
    raise RefusedError(
        f"this connection may only read: default_transaction_read_only is on (set by the {source})",
        help=f"somebody, or a server whose disk is nearly full, wants no writes; when that is over: {remedy}",
    )


def check_fit(target: Target) -> None:
    """Refuse a standby and a server too old to work on."""
    with target.connect("hello") as session:
        if session.server_version < OLDEST_SERVER:
            raise UnreachableError(
                f"{target.shown} is PostgreSQL {session.server_version // 10000}, and 14 is the oldest that is supported",
                help="upgrade the server: PostgreSQL itself no longer mends this version",
            )
        if session.value("SELECT pg_is_in_recovery()"):
            raise UnreachableError(
                f"{target.shown} is a standby, which can only be read",
                help="name the primary, or several hosts with target_session_attrs=read-write",
            )

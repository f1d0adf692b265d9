"""Making, listing and dropping whole databases on a server."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coordinator.errors import UnreachableError
from coordinator.postgres.connect import connect
from coordinator.postgres.limits import lift_limits
from coordinator.postgres.url import with_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from psycopg import sql

    from coordinator.model.target import DatabaseUrl

_APPLICATION = "migrate staging"
_LIST = """
    SELECT d.datname, coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), ''),
           EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid),
           EXISTS (SELECT FROM pg_catalog.pg_stat_activity a
                    WHERE a.datid = d.oid AND a.application_name !~ '^migrate[: ]')
      FROM pg_catalog.pg_database d
     WHERE (%s OR pg_catalog.pg_has_role(d.datdba, 'MEMBER')) AND NOT d.datistemplate
     ORDER BY d.datname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """How texts of a database are encoded and compared, in the words of `ServerFacts`."""

    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str


_PROVIDERS_SINCE = 150000  # server_version_num of the release in which a database has a locale provider
# By provider: since which release, and what its locale is called in CREATE DATABASE.
_PROVIDERS = {"libc": (0, ""), "icu": (150000, "ICU_LOCALE"), "builtin": (170000, "BUILTIN_LOCALE")}


def _ways(sorting: Sorting, version: int) -> tuple[sql.Composable, ...]:
    """What to add to CREATE DATABASE, the best first; () for a provider that the server does not have."""
    from psycopg import sql

    since, word = _PROVIDERS.get(sorting.provider, (1_000_000, ""))
    if version < since:
        return ()
    encoded = sql.SQL(" ENCODING {}").format(sql.Literal(sorting.encoding))
    system = sql.SQL(" LC_COLLATE {} LC_CTYPE {}").format(
        sql.Literal(sorting.collate), sql.Literal(sorting.ctype)
    )
    provider: sql.Composable = sql.SQL("")
    if version >= _PROVIDERS_SINCE:
        provider = sql.SQL(" LOCALE_PROVIDER {}").format(sql.Literal(sorting.provider))
    if not word:
        return (encoded + provider + system,)
    named = sql.SQL(" {} {}").format(sql.SQL(word), sql.Literal(sorting.locale))
    # Another system may lack the locale of its own library, which such a database hardly uses.
    return (encoded + provider + named + system, encoded + provider + named)


def _can(connection: psycopg.Connection[Any], statement: sql.Composed) -> bool:
    """Run it; False where the server has not what it names."""
    import psycopg

    try:
        connection.execute(statement)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.DuplicateDatabase, psycopg.OperationalError):
        raise
    except psycopg.Error:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDatabase:
    """A database of a server, as its catalog shows it."""

    name: str
    comment: str
    in_use: bool  # somebody is connected to it
    in_use_by_others: bool  # somebody who is not this program


def create_database(
    admin: DatabaseUrl,
    name: str,
    *,
    comment: str = "",
    like: str = "template0",
    sorting: Sorting | None = None,
) -> DatabaseUrl:
    """Make a database and say whose it is: an empty one from template0, where nobody has put anything, or a copy.

    An empty one has that `sorting` where the server can give it, else its own. `admin` is any database of the server,
    but not the one that is copied. UnreachableError when the role may not, the name is taken, or somebody is connected
    to what is to be copied.
    """
    import psycopg
    from psycopg import sql

    plain = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(like))
    with _opened(admin) as connection:
        try:
            ways = () if sorting is None else _ways(sorting, connection.info.server_version)
            if not any(_can(connection, plain + way) for way in ways):
                connection.execute(plain)
            if comment:
                connection.execute(
                    sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(comment))
                )
        except psycopg.errors.InsufficientPrivilege:
            raise UnreachableError(
                f"The role of '{admin}' may not create databases.",
                help="Give it the right with ALTER ROLE … CREATEDB, or use another --staging.",
            ) from None
        except psycopg.Error as exc:
            raise _failed(f"The database '{name}' could not be made on '{admin}'", exc) from exc
    return with_database(admin, name)


@contextmanager
def _opened(admin: DatabaseUrl) -> Iterator[psycopg.Connection[Any]]:
    with connect(admin, application_name=_APPLICATION) as connection:
        lift_limits(connection.execute, version=connection.info.server_version)
        yield connection


def drop_database(admin: DatabaseUrl, name: str) -> None:
    """Drop a database, with whoever is still connected to it; nothing happens when it is gone."""
    import psycopg
    from psycopg import sql

    with _opened(admin) as connection:
        try:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        except psycopg.Error as exc:
            raise _failed(f"The database '{name}' could not be dropped on '{admin}'", exc) from exc


def databases_of_role(admin: DatabaseUrl) -> tuple[FoundDatabase, ...]:
    """The databases that the role of `admin` owns, alone or as a member of the owner, by name."""
    return _databases(admin, of_any_role=False)


def all_databases(admin: DatabaseUrl) -> tuple[FoundDatabase, ...]:
    """Every database of the server that is no template, by name."""
    return _databases(admin, of_any_role=True)


def _databases(admin: DatabaseUrl, *, of_any_role: bool) -> tuple[FoundDatabase, ...]:
    with connect(admin, application_name=_APPLICATION) as connection:
        rows = connection.execute(_LIST, (of_any_role,)).fetchall()
    return tuple(
        FoundDatabase(name=name, comment=comment, in_use=in_use, in_use_by_others=by_others)
        for name, comment, in_use, by_others in rows
    )


def _failed(sentence: str, exc: Exception) -> UnreachableError:
    return UnreachableError(f"{sentence}.", details=tuple(str(exc).splitlines()[:3]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What decides whether a server may serve as staging."""

    version: int  # like 150018
    identifier: int | None  # the same for a server and its copies; None when the role may not ask
    is_standby: bool
    is_superuser: bool


def server_facts(url: DatabaseUrl) -> ServerFacts:
    """Ask a server who it is and what the role may."""
    import psycopg

    with connect(url, application_name=_APPLICATION) as connection:
        row = connection.execute(
            "SELECT pg_catalog.pg_is_in_recovery(),"
            " (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)"
        ).fetchone()
        assert row is not None
        try:
            found = connection.execute(
                "SELECT system_identifier FROM pg_catalog.pg_control_system()"
            ).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            found = None
        return ServerFacts(
            version=connection.info.server_version,
            identifier=int(found[0]) if found else None,
            is_standby=bool(row[0]),
            is_superuser=bool(row[1]),
        )

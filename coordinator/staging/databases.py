"""What the staging places have in common: making and dropping marked databases on a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.connect import connect
from coordinator.postgres.databases import Sorting, create_database, drop_database
from coordinator.staging.interface import StagingError
from coordinator.staging.names import is_database_name, new_database_name, new_mark

if TYPE_CHECKING:
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.target import DatabaseUrl


def make_database(admin: DatabaseUrl, wanted: ServerFacts | None) -> DatabaseUrl:
    """A new empty database that says whose it is, on the server of `admin`; it sorts as on `wanted` where it can."""
    return create_database(admin, new_database_name(), comment=new_mark(), sorting=_sorting(wanted))


def _sorting(wanted: ServerFacts | None) -> Sorting | None:
    if wanted is None:
        return None
    return Sorting(
        encoding=wanted.encoding,
        provider=wanted.collation_provider,
        collate=wanted.collate,
        ctype=wanted.ctype,
        locale=wanted.locale,
    )


def copy_made_database(admin: DatabaseUrl, url: DatabaseUrl) -> DatabaseUrl:
    """A copy of a database that `make_database` made; nobody may be connected to it. StagingError for any other."""
    name = url.parameters.get("dbname", "")
    if not is_database_name(name):
        raise StagingError(f"'{url}' is not a staging database, so it is not copied.")
    return create_database(admin, new_database_name(), comment=new_mark(), like=name)


def drop_made_database(admin: DatabaseUrl, url: DatabaseUrl) -> None:
    """Drop a database that `make_database` made; StagingError, and nothing dropped, for any other name."""
    name = url.parameters.get("dbname", "")
    if not is_database_name(name):
        raise StagingError(f"'{url}' is not a staging database, so it is not dropped.")
    drop_database(admin, name)


def version_of(admin: DatabaseUrl) -> int:
    """PostgreSQL's own version number of a server, like 150018."""
    with connect(admin, application_name="migrate staging") as connection:
        return connection.info.server_version

"""A server of our own: its databases, and the roles, which belong to the whole server and must not outlive a rehearsal."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.postgres.databases import drop_database
from coordinator.postgres.roles import drop_roles, role_names
from coordinator.staging import leftover_databases
from coordinator.staging.databases import copy_made_database, drop_made_database, make_database
from coordinator.staging.interface import Tell, quiet
from coordinator.staging.processes import this_process
from coordinator.staging.turns import turn, turn_to_clear

if TYPE_CHECKING:
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.target import DatabaseUrl


class OwnServer:
    """Makes and drops databases on the server of `admin`, where we are the superuser and all is thrown away.

    A role that a rehearsal left would be in the way of the next one that makes it. Roles are dropped only while no
    other process has a database there, since whose they are cannot be told. Who makes a database, or drops roles,
    holds the server's lock meanwhile, so nobody comes between the look and the dropping.
    """

    def __init__(self, admin: DatabaseUrl, *, tell: Tell = quiet) -> None:
        self._admin = admin
        self._tell = tell
        self._before: dict[str, frozenset[str]] = {}  # database -> the roles that were there when it was made

    def create_database(self, wanted: ServerFacts | None) -> DatabaseUrl:
        """A new empty database, as on `wanted` where it can be; the only one finds nothing that others have left."""
        with turn(self._admin, self._tell) as session:
            if not leftover_databases.living_owners(self._admin):
                for left in leftover_databases.find(self._admin, place=""):
                    drop_database(self._admin, left.name)
                drop_roles(session, role_names(session))
            return self._noted(make_database(self._admin, wanted), role_names(session))

    def copy_database(self, url: DatabaseUrl) -> DatabaseUrl:
        """A copy of one that we made; StagingError for any other."""
        with turn(self._admin, self._tell) as session:
            return self._noted(copy_made_database(self._admin, url), role_names(session))

    def drop_database(self, url: DatabaseUrl) -> None:
        """Drop one that we made, and the roles that were made since; StagingError for any other."""
        drop_made_database(self._admin, url)
        before = self._before.pop(_name(url), None)
        if before is None:
            return
        # How the rehearsal ended is known by now, and roles that stay are no part of that.
        with suppress(CoordinatorError), turn_to_clear(self._admin, self._tell) as session:
            if leftover_databases.living_owners(self._admin) <= {this_process()}:
                drop_roles(session, role_names(session) - before)

    def _noted(self, made: DatabaseUrl, before: frozenset[str]) -> DatabaseUrl:
        self._before[_name(made)] = before
        return made


def _name(url: DatabaseUrl) -> str:
    return url.parameters.get("dbname", "")

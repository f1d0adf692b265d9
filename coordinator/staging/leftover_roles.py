"""Roles that a rehearsal made on a named server and left there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.staging import Leftover, LeftoverKind
from coordinator.postgres.databases import all_databases
from coordinator.postgres.roles import drop_roles, loose_roles, session_on
from coordinator.staging.interface import quiet
from coordinator.staging.names import new_role_mark, read_role_mark
from coordinator.staging.turns import turn

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.model.target import DatabaseUrl
    from coordinator.postgres.session import Session


def left_roles(session: Session, admin: DatabaseUrl, *, going: Collection[str] = ()) -> dict[str, str]:
    """Role -> the staging database that it was made in, which is gone or among those that are `going`.

    Those on which something stands are not among them: by now they are somebody's.
    """
    marked = {
        name: database
        for name, comment in loose_roles(session, new_role_mark("%"), but_in=going)
        if (database := read_role_mark(comment))
    }
    if not marked:
        return {}
    there = {found.name for found in all_databases(admin)} - set(going)
    return {name: database for name, database in marked.items() if database not in there}


def find(admin: DatabaseUrl, *, place: str, going: Collection[str]) -> tuple[Leftover, ...]:
    """Those of the server; `going` are the staging databases there that are left themselves."""
    with session_on(admin) as session:
        found = left_roles(session, admin, going=going)
    return tuple(
        Leftover(
            kind=LeftoverKind.ROLE,
            name=name,
            place=place,
            reason=f"made in the staging database {database}, which is left or gone",
        )
        for name, database in found.items()
    )


def remove(leftover: Leftover, admin: DatabaseUrl) -> bool:
    """Drop it, if it is still there and still nobody's. True when it was dropped."""
    with turn(admin, quiet) as session:
        if leftover.name not in left_roles(session, admin):
            return False
        drop_roles(session, (leftover.name,))
        return leftover.name not in left_roles(session, admin)

"""Staging databases whose maker was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.staging import Leftover, LeftoverKind
from coordinator.postgres.databases import all_databases, databases_of_role, drop_database
from coordinator.staging.names import is_database_name, read_mark, why_left
from coordinator.staging.processes import Life, life

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl
    from coordinator.postgres.databases import FoundDatabase
    from coordinator.staging.processes import Owner


def find(admin: DatabaseUrl, *, place: str) -> tuple[Leftover, ...]:
    """Those of the role that have our name, our comment, a dead owner and nobody else connected."""
    return tuple(
        Leftover(kind=LeftoverKind.DATABASE, name=found.name, place=place, reason=reason)
        for found in databases_of_role(admin)
        if (reason := _reason(found))
    )


def living_owners(admin: DatabaseUrl, *, of_any_role: bool = False) -> frozenset[Owner]:
    """The processes that have a staging database of the role, or of any on that server, and may still use it."""
    return frozenset(
        mark.owner
        for found in (all_databases if of_any_role else databases_of_role)(admin)
        if is_database_name(found.name) and (mark := read_mark(found.comment)) and not _reason(found)
    )


def remove(leftover: Leftover, admin: DatabaseUrl) -> bool:
    """Drop it, if it is still there and still nobody's. True when it was dropped."""
    found = [one for one in databases_of_role(admin) if one.name == leftover.name and _reason(one)]
    if found:
        drop_database(admin, leftover.name)
    return bool(found)


def _reason(found: FoundDatabase) -> str | None:
    mark = read_mark(found.comment) if is_database_name(found.name) else None
    if mark is None:
        return None
    # A server process goes on with the statement of a client that was killed, for as long as it takes. Nobody but
    # its owner works in a staging database, so when that one is dead our own connections are no use of it.
    owner_is_dead = life(mark.owner) is Life.DEAD
    return why_left(mark, in_use=found.in_use_by_others if owner_is_dead else found.in_use)

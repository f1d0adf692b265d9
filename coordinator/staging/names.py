"""How a thing that we make says whose it is: the name and the comment of a staging database."""

from __future__ import annotations

import os
import re
import secrets
import time
from dataclasses import dataclass

from coordinator.staging.processes import Life, Owner, life, read_owner, this_process

_NAME = re.compile(r"migrate_\d+_[0-9a-f]{12}")
_OLD_SECONDS = 24 * 3600
_ON_ROLE = "migrate staging, made in "
_COMMENT = re.compile(r"migrate staging, made by (\S+) at (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Who made it, and when (seconds since 1970, by the maker's clock)."""

    owner: Owner
    made: int


def new_database_name() -> str:
    """A name that no other process takes."""
    return f"migrate_{os.getpid()}_{secrets.token_hex(6)}"


def is_database_name(name: str) -> bool:
    """Whether `new_database_name` could have made it."""
    return _NAME.fullmatch(name) is not None


def new_mark() -> str:
    """The comment of a thing made now by this process."""
    return f"migrate staging, made by {this_process().text} at {int(time.time())}"


def new_role_mark(database: str) -> str:
    """The comment of a role that is made in this staging database."""
    return f"{_ON_ROLE}{database}"


def read_role_mark(comment: str) -> str | None:
    """The inverse of `new_role_mark`; None when somebody else wrote the comment."""
    database = comment.removeprefix(_ON_ROLE)
    return database if comment.startswith(_ON_ROLE) and is_database_name(database) else None


def read_mark(comment: str) -> Mark | None:
    """The inverse of `new_mark`; None when somebody else wrote the comment."""
    match = _COMMENT.fullmatch(comment)
    owner = read_owner(match[1]) if match else None
    return Mark(owner=owner, made=int(match[2])) if match and owner else None


def why_left(mark: Mark, *, in_use: bool) -> str | None:
    """Why a thing with this mark is used by nobody any more; None when somebody may still use it.

    Where the owner cannot be seen (another machine, a boot before this one) only age tells.
    """
    if in_use:
        return None
    state = life(mark.owner)
    if state is Life.DEAD:
        return f"its process {mark.owner.pid} is gone"
    old = time.time() - mark.made > _OLD_SECONDS
    return (
        "made more than a day ago, not by a process of this machine"
        if state is Life.UNKNOWN and old
        else None
    )

"""Drops indexes that nobody needs any more: by who may, for as long as it takes, and nobody waits for it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from coordinator.postgres.session import compose, identifier
from coordinator.postgres.setting import set_during

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from coordinator.model.effect import ObjectName
    from coordinator.postgres.session import Session

# Membership in the owner may be without its rights (NOINHERIT); then its rights come with its role.
_OWNER_TO_BE = (
    "SELECT pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = %s AND c.relname = %s"
    " AND NOT pg_has_role(c.relowner, 'USAGE') AND pg_has_role(session_user, c.relowner, 'MEMBER')"
)


def drop_index(session: Session, index: ObjectName) -> None:
    """Drop an index CONCURRENTLY, outside of any transaction; quiet when it is not there.

    The session's role and lock_timeout are afterwards as they were. Raises StatementError.
    """
    # It waits for everybody who may still use the index, so with a limit it would fail on a busy server.
    with set_during(session, "lock_timeout", "0"), as_owner(session, index):
        session.execute(
            compose("DROP INDEX CONCURRENTLY IF EXISTS {index}", index=identifier(index.schema, index.name))
        )


def as_owner(session: Session, relation: ObjectName) -> AbstractContextManager[None]:
    """Act during the block, outside of any transaction, as who may drop the relation; as before where that is us."""
    owner = session.value(_OWNER_TO_BE, (relation.schema, relation.name))
    return nullcontext() if owner is None else set_during(session, "role", owner)

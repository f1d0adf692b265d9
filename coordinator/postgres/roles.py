"""Roles belong to a whole server: which there are, and dropping those that nothing stands on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session, compose, identifier

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from coordinator.model.target import DatabaseUrl

_KEY = 0x6D69677261746531  # of the advisory lock, which counts in the one database that `admin` names


def session_on(admin: DatabaseUrl) -> Session:
    """A session on that database, to look at the server's roles."""
    return Session(connect(admin, application_name="migrate staging"))


@contextmanager
def one_at_a_time(admin: DatabaseUrl) -> Iterator[Session]:
    """The same, which no other process has in such a block at the same time."""
    with session_on(admin) as session:
        session.execute("SELECT pg_catalog.pg_advisory_lock(%s)", (_KEY,))
        yield session


def role_names(session: Session) -> frozenset[str]:
    """Every role of the server but PostgreSQL's own and the one that connects."""
    rows = session.rows("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> session_user")
    return frozenset(row[0] for row in rows)


def drop_roles(session: Session, names: Collection[str]) -> None:
    """Drop those of these roles on which nothing stands in any database; what we may not drop stays."""
    left = sorted(names)
    while left:
        still = [name for name in left if not _dropped(session, name)]
        if len(still) == len(left):
            return
        left = still  # one may have stood on another


def _dropped(session: Session, name: str) -> bool:
    try:
        session.execute(compose("DROP ROLE IF EXISTS {name}", name=identifier(name)))
    except StatementError:
        return False
    return True

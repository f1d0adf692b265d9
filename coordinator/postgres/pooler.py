"""A pooler between us and the server: found out by what it does, since none of them says that it is there."""

from __future__ import annotations

import enum
import secrets
from typing import TYPE_CHECKING

from coordinator.postgres.failure import ConnectionLostError, StatementError

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.postgres.session import Session

_MARK = "migrate.pooler_probe"  # a setting of ours: no pooler knows that it would have to carry it along
_TRIES = 3


class Pooling(enum.Enum):
    """How long a connection of ours keeps its server process."""

    NONE = "none"  #: there is no pooler, or one that cannot be told from none
    SESSION = "session"  #: for as long as we are connected
    TRANSACTION = "transaction"  #: until the transaction ends
    STATEMENT = "statement"  #: until the statement ends


def find_pooling(session: Session, another: Callable[[], Session]) -> Pooling:
    """Whether the session goes through a pooler, and how that shares server processes.

    A connection without a pooler costs one comparison; else `another` opens a second connection to tell the rest.
    """
    if session.pid_when_open == session.cancel_pid:
        return Pooling.NONE
    with another() as other:
        if not _shares(session, other):
            return Pooling.SESSION
        return Pooling.TRANSACTION if _may_begin(other) else Pooling.STATEMENT


def _shares(session: Session, other: Session) -> bool:
    """Whether one server process works for both connections, or one connection changes its server process."""
    token = secrets.token_hex(8)
    session.execute("SELECT pg_catalog.set_config(%s, %s, false)", (_MARK, token))
    first = _pid(session)
    for _ in range(_TRIES):
        # The pooler hands out next what was given back last, or whichever comes in turn.
        if _pid(other) == first or _marked(other) == token:
            return True
        if _pid(session) != first or _marked(session) != token:
            return True
    return False


def _may_begin(session: Session) -> bool:
    try:
        with session.transaction(read_only=True):
            _pid(session)
    except (StatementError, ConnectionLostError):
        return False
    return True


def _pid(session: Session) -> int:
    return int(session.value("SELECT pg_catalog.pg_backend_pid()"))


def _marked(session: Session) -> str:
    return str(session.value("SELECT pg_catalog.current_setting(%s, true)", (_MARK,)))

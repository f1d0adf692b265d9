"""Reading a target without the right to write: what a role lacks is told with the way to get it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.postgres.failure import StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.postgres.session import Session
    from coordinator.workflow.target import Target

_NO_RIGHT = "42501"


@contextmanager
def reader(target: Target, doing: str) -> Iterator[Session]:
    """A session that can only read: the server itself refuses every write on it.

    Raises UnreachableError when the role may not read what the block asks for.
    """
    with target.connect(doing) as session:
        session.execute("SET default_transaction_read_only = on")
        try:
            yield session
        except StatementError as error:
            if error.sqlstate != _NO_RIGHT:
                raise
            role = session.value("SELECT current_user") if not session.failed else "this role"
            raise UnreachableError(
                f"The role {role!r} may not read what this needs: {error.message}.",
                help="`migrate check --rights` prints the GRANT statements.",
            ) from error

"""One segment's transaction on the main connection: it is ours from BEGIN to COMMIT, or the run stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import UnsettledError
from coordinator.postgres.failure import StatementError
from coordinator.postgres.liveness import end_with_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.postgres.session import Session

# What a role, a database or a revision may have set must not decide how a step ends. For the session, since an
# autocommit block is outside of every transaction.
OWN_SETTINGS = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "standard_conforming_strings": "on",
    "check_function_bodies": "on",
    "DateStyle": "ISO",  # only how dates are written: in which order they are read stays the role's
    "IntervalStyle": "postgres",
    "row_security": "off",  # a role that may not see all rows is stopped instead of working on half of them
}
_LIMITS_TRANSACTIONS = 170000  # server_version_num of the first release with transaction_timeout


class Transaction:
    """BEGIN and COMMIT of a segment, and the proof that nobody else ended it in between.

    `lock_wait` is how long a statement may wait for a lock; one outside of it, in an autocommit block, is tried again
    for `lock_patience` (seconds). `before_alone` is asked before each statement there, which nothing takes back.
    """

    def __init__(
        self,
        session: Session,
        *,
        lock_wait: float,
        lock_patience: float = 0.0,
        at_begin: Callable[[], None] = lambda: None,
        before_commit: Callable[[], None] = lambda: None,
        before_alone: Callable[[], None] = lambda: None,
        after_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._session = session
        self._lock_wait = lock_wait
        self.lock_patience = lock_patience
        self._at_begin = at_begin
        self._before_commit = before_commit
        self.before_alone = before_alone
        self._after_commit = after_commit
        self._xid: str | None = None
        self.committing = False  # COMMIT was sent and not answered: whether it is in, only the server knows

    def begin(self) -> None:
        """Open the transaction, with our own settings for its length."""
        # What a step of an earlier transaction set for the session was put back only until its commit.
        name = self._session.value("SELECT current_setting('application_name')")
        self._session.execute("RESET ALL; RESET ROLE; SET SESSION search_path = pg_catalog")
        self._session.execute("SELECT set_config('application_name', %s, false)", (name,))
        settings = dict(OWN_SETTINGS)
        if self._session.server_version >= _LIMITS_TRANSACTIONS:
            settings["transaction_timeout"] = "0"
        self._session.execute("; ".join(f"SET SESSION {name} = {value}" for name, value in settings.items()))
        end_with_client(self._session.execute, StatementError)  # RESET ALL has ended it
        # Under a stricter default isolation a catalog would be read as it was when the transaction began.
        self._session.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        self.limit_waits()
        self._at_begin()
        self._xid = str(self._session.value("SELECT pg_current_xact_id()"))

    def limit_waits(self, *, local: bool = True) -> None:
        """Let no statement of this transaction (`local`), or of the session, wait longer for a lock than it may."""
        how = "LOCAL" if local else "SESSION"
        self._session.execute(f"SET {how} lock_timeout = {max(1, int(self._lock_wait * 1000))}")

    def check_ours(self) -> None:
        """Raise UnsettledError unless this is still the transaction that `begin` opened."""
        ours = self._session.in_transaction and self._xid == str(
            self._session.value("SELECT pg_current_xact_id_if_assigned()")
        )
        if not ours:
            raise UnsettledError(
                "the transaction of this run was ended by something inside it",
                help="look at what is in with `migrate status`, then `migrate recover`",
            )

    def commit(self) -> None:
        """Commit, after a last look that the run may."""
        self.check_ours()
        self._before_commit()
        self.committing = True
        self._session.execute("COMMIT")
        self.committing = False
        self._xid = None
        self._after_commit()

    def rollback(self) -> None:
        """Give everything back; quiet when there is nothing, or nobody left, to roll back."""
        self._xid = None
        if not self._session.closed and self._session.in_transaction:
            self._session.execute("ROLLBACK")

"""A step that commits statement by statement: what must hold before it, and what is done when it stops half way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, UnsettledError
from coordinator.execution.words import recorded
from coordinator.ledger.checkpoints import write_commit, write_start
from coordinator.postgres.presence import KNOWN_KINDS, is_there
from coordinator.postgres.session import compose, identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from uuid import UUID

    from coordinator.execution.step import StepRunner
    from coordinator.execution.transaction import Transaction
    from coordinator.ledger.lock import Lock
    from coordinator.ledger.store import Ledger
    from coordinator.model.catalog import Catalog
    from coordinator.model.plan import Step
    from coordinator.planning.way_back import WayBack
    from coordinator.postgres.session import Session

_QUIET_WITHIN = 5.0  # seconds; a ping or a look of ours holds a snapshot for the moment of its statement


def refuse_own_snapshots(session: Session, others: Collection[int]) -> None:
    """Make sure that none of our own other connections (their server processes) holds a snapshot.

    CREATE INDEX CONCURRENTLY waits for every older snapshot of the database: one of ours would make it wait for
    ourselves, which the server cannot see. Raises UnsettledError.
    """
    deadline = time.monotonic() + _QUIET_WITHIN
    while rows := session.rows(
        # Inside a transaction the first look would be repeated for ever: what was seen then is kept.
        "SELECT pg_stat_clear_snapshot();"
        " SELECT pid, application_name FROM pg_stat_activity WHERE pid = ANY (%s) AND backend_xmin IS NOT NULL",
        (list(others),),
    ):
        if time.monotonic() > deadline:
            pid, name = rows[0]
            raise UnsettledError(
                f"our own connection {name!r} (server process {pid}) holds a snapshot, for which a concurrent index"
                " build would wait without end",
                help="nothing of the step was run; please report this",
            )
        time.sleep(0.1)


def tidy(runner: StepRunner, start: Catalog) -> None:
    """Drop the indexes that it made. They hold no data."""
    session = runner.session
    session.execute("RESET ROLE; RESET search_path; RESET lock_timeout")
    created = {(each.schema, each.part or each.name) for each in runner.catalog().difference(start).created}
    indexes = session.rows(
        "SELECT n.nspname, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
    )
    for schema, name in indexes:
        if (schema, name) in created:
            session.execute(compose("DROP INDEX CONCURRENTLY {index}", index=identifier(schema, name)))


def bring_back(
    runner: StepRunner,
    transaction: Transaction,
    way: WayBack,
    there: Collection[str],
    is_as_before: Callable[[], bool],
    *,
    token: str,
) -> str | None:
    """Take away what a half done step left; None when the catalog is as it was before it, else why it is not.

    First the opposite function, passing over what is done already. `there` are objects of `way.made` that were
    there before the step: nothing is run that could drop one of these. What was committed by it stays committed
    only when the catalog is as before, or when it commits statement by statement itself.
    """
    if is_as_before():
        return None
    if way.back is None:
        return way.why_not
    older = next((each for each in way.made if str(each) in there), None)
    if older is not None:
        return f"{older.shown} was there before the step, and its {way.back.direction.value}() may drop it"
    try:
        transaction.begin()
        runner.run(way.back, transaction, runner.catalog(), token=token, lenient=True)
        if way.back.transactional and not is_as_before():
            transaction.rollback()
            return (
                f"its {way.back.direction.value}() ran, and the database was not as before the step after it"
            )
        transaction.commit()
    except CoordinatorError as error:
        transaction.rollback()
        told = recorded(error, runner.source(way.back))  # a recovery writes it down
        return f"its {way.back.direction.value}() was tried: {told}"
    return None if is_as_before() else f"its {way.back.direction.value}() ran, and something is left"


@dataclass(slots=True, kw_only=True)
class LoneSegment:
    """One run of a segment that commits statement by statement: its checkpoints, and what is done when it fails.

    `way` is None where nothing but indexes may be taken away. `left` says why something stayed half done, and
    `unproved` that rows may have been changed, which no catalog shows.
    """

    runner: StepRunner
    ledger: Ledger
    lock: Lock
    token: UUID
    way: WayBack | None
    left: str | None = None
    unproved: bool = False
    _there: tuple[str, ...] = ()
    _commits: int = 0

    def begin(self, start: Catalog) -> None:
        """Checkpoint 0, right before the step."""
        session = self.runner.session
        refuse_own_snapshots(session, (self.lock.pid, self.ledger.pid))
        made = self.way.made if self.way is not None else ()
        self._there = tuple(
            str(each) for each in made if each.kind in KNOWN_KINDS and is_there(session, each)
        )
        write_start(self.ledger, self.token, start.fingerprint, self._there)

    def before_commit(self) -> None:
        """The lock must still be ours, and the commit says of itself that it is in."""
        self.lock.ping()
        self._commits += 1
        write_commit(self.runner.session, self.token, self._commits)

    def bring_back(self, start: Catalog, transaction: Transaction, step: Step) -> None:
        """After a failure: take away what it had committed, as far as that cannot destroy what was there before."""
        tidy(self.runner, start)
        if not self._commits or self.way is None:
            return
        self.unproved = self.way.writes
        self.left = bring_back(
            self.runner,
            transaction,
            self.way,
            self._there,
            lambda: not self.runner.catalog().difference(start),
            token=f"half done {step.key}",
        )

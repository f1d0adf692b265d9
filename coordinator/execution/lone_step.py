"""A step that commits statement by statement: what must hold before it, and what is done when it stops half way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, UnsettledError
from coordinator.execution.progress import Progress
from coordinator.execution.words import recorded
from coordinator.ledger.checkpoints import write_commit, write_start
from coordinator.model.capture import Direction
from coordinator.model.catalog import DATABASE_WIDE
from coordinator.postgres.leftovers import drop_indexes, transient_indexes
from coordinator.postgres.presence import KNOWN_KINDS, invalid_indexes, is_there

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from uuid import UUID

    from coordinator.execution.project import Project
    from coordinator.execution.step import StepRunner
    from coordinator.execution.transaction import Transaction
    from coordinator.execution.unseen import Writing
    from coordinator.ledger.lock import Lock
    from coordinator.ledger.store import Ledger
    from coordinator.model.catalog import Catalog
    from coordinator.model.finding import Finding
    from coordinator.model.plan import Step
    from coordinator.model.recovery import HalfDone
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


def around(step: Step, way: WayBack | None, project: Project) -> frozenset[str]:
    """The schemas in which the step may leave something: its module's, those that it touches, those of what it makes."""
    modules = (
        project.module(step.key.module),
        *(each for each in project.all_modules if each.name in step.touches),
    )
    made = way.made if way is not None else ()
    schemas = (schema for each in modules for schema in each.schemas)
    return frozenset({*schemas, *(each.schema for each in made), DATABASE_WIDE})


def tidy(
    runner: StepRunner, start: Catalog, schemas: frozenset[str], *, whole: bool, lock_wait: float
) -> None:
    """Drop the indexes that it built, and what its reindexing left. They hold no data.

    Without `whole` only those that are invalid.
    """
    session = runner.session
    created = {
        (each.schema, each.part or each.name)
        for each in runner.catalog().difference(start).created
        if each.kind == "index"
    }
    built = runner.built if whole else invalid_indexes(session, runner.built)
    ours = (*built, *transient_indexes(session, schemas))
    drop_indexes(session, [each for each in ours if (each.schema, each.name) in created], lock_wait=lock_wait)


def bring_back(
    runner: StepRunner,
    transaction: Transaction,
    way: WayBack,
    there: Collection[str],
    is_as_before: Callable[[], bool],
    undone: Callable[[], None],
    *,
    token: str,
    findings: list[Finding],
    stopped: Callable[[CoordinatorError], None] = lambda _: None,
) -> str | None:
    """Take away what a half done step left; None when the catalog is as it was before it, else why it is not.

    First the opposite function, passing over what is done already. `there` are objects of `way.made` that were
    there before the step: nothing is run that could drop one of these. What was committed by it stays committed
    only when the catalog is as before, or when it commits statement by statement itself. `undone` writes down, with
    the last of it, that nothing is left, unless rows may have been changed; `findings` gets what was worth saying,
    and `stopped` the failure that ended it.
    """
    if is_as_before():
        _note_undone(transaction, way, undone)
        return None
    if way.back is None:
        return way.why_not
    older = next((each for each in way.made if str(each) in there), None)
    if older is not None:
        return f"{older.shown} was there before the step, and its {way.back.direction.value}() may drop it"
    try:
        transaction.begin()
        result = runner.run(way.back, transaction, runner.catalog(), token=token, lenient=True)
        done = is_as_before()
        if way.back.transactional and not done:
            transaction.rollback()
            return (
                f"its {way.back.direction.value}() ran, and the database was not as before the step after it"
            )
        if done and not way.writes:
            undone()
        transaction.commit()
        findings.extend(result.findings)
    except CoordinatorError as error:
        transaction.rollback()
        stopped(error)
        told = recorded(error, runner.source(way.back))  # a recovery writes it down
        return f"its {way.back.direction.value}() was tried: {told}"
    return None if is_as_before() else f"its {way.back.direction.value}() ran, and something is left"


def _note_undone(transaction: Transaction, way: WayBack, undone: Callable[[], None]) -> None:
    if not way.writes:
        transaction.begin()
        undone()
        transaction.commit()


@dataclass(slots=True, kw_only=True)
class LoneSegment:
    """One run of a segment that commits statement by statement: its checkpoints, and what is done when it fails.

    `schemas` are those around the step. `way` is None where nothing but indexes may be taken away. `left` says why
    something stayed half done when it failed, and `unproved` that rows may have been changed, which no catalog shows;
    `unseen` gets what it may write outside of its transactions.
    One that goes on with a try that was cut off keeps on writing that one's checkpoints: `continued`.
    """

    step: Step
    runner: StepRunner
    ledger: Ledger
    lock: Lock
    token: UUID
    schemas: frozenset[str]
    lock_wait: float
    way: WayBack | None
    unseen: Writing
    continued: HalfDone | None = None
    left: str | None = None
    unproved: bool = False
    progress: Progress = field(init=False)
    _starts: tuple[Catalog, ...] = ()
    _there: tuple[str, ...] = ()
    _commits: int = 0
    _counted: int = 0  # statements whose counts are written down
    _going_back: bool = False
    _undone: bool = False

    def __post_init__(self) -> None:
        if self.continued is None:
            self.progress = Progress(unseen=self.unseen)
        else:
            self.progress = Progress(again=True, done=self.continued.done, unseen=self.unseen)
            self._commits = self.continued.commits
            self._counted = 0 if self.continued.done is None else len(self.continued.done.counts)

    def begin(self, start: Catalog, bare: Catalog) -> None:
        """Checkpoint 0, right before the step.

        `bare` is what was there before its own transaction made the module's schemas: these go with the run.
        """
        self._starts = (start, bare)
        session = self.runner.session
        refuse_own_snapshots(session, (self.lock.pid, self.ledger.pid))
        made = self.way.made if self.way is not None else ()
        self._there = tuple(
            str(each)
            for each in (*made, *transient_indexes(session, self.schemas))
            if each.kind in KNOWN_KINDS and is_there(session, each)
        )
        write_start(self.ledger, self.token, start.in_schemas(self.schemas).fingerprint, self._there)

    def before_commit(self) -> None:
        """The lock must still be ours, and the commit says of itself that it is in."""
        self.lock.ping()
        # While it is brought back, what its own function had sent is no measure any more.
        mark = None if self._going_back else self.progress.mark
        counts = () if mark is None else mark.counts[self._counted :]
        write_commit(self.runner.session, self._books, self._commits + 1, mark, counts, undone=self._undone)
        self._commits += 1
        self._counted += len(counts)
        self.progress.committed()

    @property
    def _books(self) -> UUID:
        continued = self.continued
        return self.token if continued is None or continued.token is None else continued.token

    @property
    def has_committed(self) -> bool:
        """Whether anything of the step may be in."""
        return self._commits > 0

    def stopped(self) -> None:
        """It failed: until something shows otherwise, what it had committed is in, and rows may be others than before."""
        if self._commits:
            self.left = "that could not be tried"
            self.unproved = self.way is None or self.way.writes

    def bring_back(self, transaction: Transaction) -> None:
        """After a failure: take away what it had committed, as far as that cannot destroy what was there before."""
        if not self._starts:
            return
        self.runner.session.execute("RESET ROLE; RESET search_path")
        whole = self._takes_back_whole(transaction)
        tidy(self.runner, self._starts[0], self.schemas, whole=whole, lock_wait=self.lock_wait)
        if not self._commits or self.way is None:
            return
        self._going_back = True
        self.left = bring_back(
            self.runner,
            transaction,
            self.way,
            self._there,
            self._is_as_before,
            self._note_undone,
            token=f"half done {self.step.key}",
            findings=[],
        )

    def _takes_back_whole(self, transaction: Transaction) -> bool:
        """Whether indexes may go that were built to their end.

        A downgrade that was cut off is gone on with behind its mark, and what that says is in must stay in. Only where
        it left nothing else, its indexes go too; first the mark does, since that may be cut off as well.
        """
        if self.step.direction is Direction.UPGRADE or not self._commits:
            return True
        if self.way is None or self.way.writes or not self._left_only_indexes():
            return False
        self._going_back = True
        transaction.begin()
        transaction.commit()
        return True

    def _left_only_indexes(self) -> bool:
        difference = self._catalog().difference(self._starts[0].in_schemas(self.schemas))
        built = {(each.schema, each.name) for each in self.runner.built}
        return (
            not difference.dropped
            and not difference.changed
            and all((each.schema, each.part or each.name) in built for each in difference.created)
        )

    def _is_as_before(self) -> bool:
        catalog = self._catalog()
        return any(not catalog.difference(each.in_schemas(self.schemas)) for each in self._starts)

    def _note_undone(self) -> None:
        self._undone = True

    def _catalog(self) -> Catalog:
        return self.runner.catalog().in_schemas(self.schemas)

"""The rollback manager: takes back what a run has committed, newest first, and proves that nothing is left of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.errors import UnsettledError
from coordinator.execution.events import Listener, Phase, PhaseStarted, StepFailed
from coordinator.execution.failure import StepFailedError
from coordinator.execution.kept.not_back import not_back
from coordinator.execution.lost_commit import connect_anew
from coordinator.execution.transaction import Transaction
from coordinator.execution.versions import unprepare_module
from coordinator.ledger.lock import stand_behind_fence
from coordinator.ledger.made import erase_made, read_made
from coordinator.ledger.system import refuse_elsewhere
from coordinator.planning.hidden_writes import writes_besides
from coordinator.planning.holders import partitioned, reached
from coordinator.postgres.failure import ConnectionLostError
from coordinator.postgres.harmless import harmless_functions
from coordinator.postgres.rows import named

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.execution.segment import SegmentRunner
    from coordinator.execution.starting import Starting
    from coordinator.model.plan import RunPlan, Segment
    from coordinator.postgres.rows import Table

_TRIES = 3  # of reversing a segment whose connection is lost again and again


@dataclass(slots=True, kw_only=True)
class RollbackManager:
    """Reverses committed segments by their downgrades. What was never committed is the transaction's business."""

    segments: SegmentRunner
    reverse: Callable[[tuple[Segment, ...]], RunPlan]
    tell: Listener
    where: str
    _left: list[str] = field(default_factory=list)
    _others: tuple[str, ...] = ()

    @property
    def remaining(self) -> tuple[str, ...]:
        """Steps whose opposite did not run when `take_back` failed, as module:revision: still in, of a rollback still out."""
        return tuple(self._left)

    @property
    def others(self) -> tuple[str, ...]:
        """What somebody else changed in the catalog while the run was at work, as far as it can be told from ours."""
        return self._others

    def take_back(self, plan: RunPlan, committed: tuple[Segment, ...], starting: Starting) -> None:
        """Reverse the committed segments and compare with the start.

        Raises whatever a reversal raised, with `remaining` set, or UnsettledError when something differs, or when it
        could not be asked whether the last segment is in.
        """
        self._left = [str(step.key) for segment in committed for step in segment.steps]
        if self.segments.unasked is not None:
            # What stands below it must stay, and a comparison would prove nothing: it may come in later.
            raise UnsettledError("nothing was taken back, since nobody knows whether the last segment is in")
        self._refuse_half_done(starting)
        wrote = bool(committed or self.segments.made or self.segments.half_done is not None)
        if committed or self.segments.made:
            # What is in on a server that took over is not known to be what this run was told is in.
            refuse_elsewhere(self.segments.runner.session, self.segments.journal.run)
            self.segments.lock.regain()
        if committed:
            self._reverse(self.reverse(committed))
        self._unprepare()
        if wrote:
            self._prove(plan, starting)
        else:
            # The server gave back all that was ours, with its transaction: what differs now is somebody else's.
            self._others = self.segments.runner.catalog().difference(starting.catalog).sentences()

    def _refuse_half_done(self, starting: Starting) -> None:
        """What a half done step is measured by when it is recovered is what it stands on: that must stay till then."""
        lone = self.segments.half_done
        if lone is not None and lone.left is not None:
            raise UnsettledError(
                f"{lone.step.key} is half done, and what it stands on stays until it is recovered",
                details=self.segments.runner.catalog().difference(starting.catalog).sentences(),
            )

    def _reverse(self, plan: RunPlan) -> None:
        self.tell(PhaseStarted(phase=Phase.ROLL_BACK, plan=plan, where=self.where))
        for segment in plan.segments:
            self._reverse_segment(segment)
            for step in segment.steps:
                self._left.remove(str(step.key))

    def _reverse_segment(self, segment: Segment) -> None:
        """Reverse it, and once more when only the connection was lost: nothing of it is in then."""
        session = self.segments.runner.session
        tries = _TRIES
        while True:
            server_process = session.pid_when_open
            tries -= 1
            try:
                self.segments.run(segment, Phase.ROLL_BACK)
            except (StepFailedError, ConnectionLostError) as error:
                connected_anew = session.pid_when_open != server_process and not session.closed
                if not (tries and connected_anew and segment.transactional):
                    if isinstance(error, StepFailedError):
                        self.tell(StepFailed(phase=Phase.ROLL_BACK, failure=error.failure))
                    raise
                self.segments.lock.regain()
            else:
                return

    def _unprepare(self) -> None:
        """Drop the schemas and version tables that this run made for new modules."""
        if not self.segments.made:
            return
        session, run = self.segments.runner.session, self.segments.journal.run
        try:
            self._drop_made()
        except ConnectionLostError as error:
            connect_anew(session, run, error)
            if read_made(session, run):  # else they went with the commit whose answer was lost
                self.segments.lock.regain()
                self._drop_made()
        self.segments.made.clear()

    def _drop_made(self) -> None:
        session = self.segments.runner.session
        transaction = Transaction(
            session,
            lock_wait=self.segments.lock_wait,
            at_begin=lambda: stand_behind_fence(session, self.segments.journal.run),
            before_commit=self.segments.lock.ping,
        )
        transaction.begin()
        try:
            for name, made in reversed(self.segments.made.items()):
                unprepare_module(session, self.segments.project.module(name), made)
                erase_made(session, self.segments.journal.run, name)
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise

    def _prove(self, plan: RunPlan, starting: Starting) -> None:
        difference = self.segments.runner.catalog().difference(starting.catalog)
        if difference:
            raise UnsettledError(
                "everything was reversed, but the database is not as it was", details=difference.sentences()
            )
        lone = self.segments.half_done
        if starting.rows is None and lone is not None and lone.unproved:
            raise UnsettledError(
                "everything that the catalog shows was taken back, but a step that commits statement by statement may"
                " have changed rows, and there are too many to compare them"
            )
        if starting.rows is not None and (now := starting.rows()) != starting.sums:
            changed = {table for table in now if now[table] != starting.sums.get(table)}
            if self.segments.written is not None:  # what differs elsewhere is somebody else's
                changed &= named(self.segments.runner.session, self.segments.written)
            if changed:
                differing = ", ".join(sorted(".".join(table) for table in changed))
                raise UnsettledError(f"everything was reversed, but rows differ in {differing}")
        if starting.rows is not None:
            self._refuse_not_compared(starting)
        self._refuse_unproved(plan, starting)

    def _refuse_not_compared(self, starting: Starting) -> None:
        """The rows that were compared prove nothing of what the run has written elsewhere."""
        unseen, session = self.segments.unseen, self.segments.runner.session
        there = {each.relation for each in starting.catalog.definitions if each.is_relation}
        by_names = reached(starting.catalog, unseen.tables & there)
        changed = self.segments.changed - partitioned(starting.catalog)  # its partitions count for themselves
        elsewhere = ((changed | by_names.holders) & there).difference(starting.sums)
        if elsewhere:
            named_there = ", ".join(sorted(".".join(table) for table in elsewhere))
            raise UnsettledError(
                f"everything was reversed, but the run has changed rows of {named_there}, which nobody compared",
                help="a revision that changes rows of another module says so in `touches`: then they are",
            )
        by_more = writes_besides(
            starting.catalog,
            dict.fromkeys(unseen.tables | by_names.relations, ("INSERT", "UPDATE", "DELETE", "TRUNCATE")),
        )
        calls = unseen.calls | by_names.calls
        if unseen.anything or by_more or calls - harmless_functions(session, calls):
            raise UnsettledError(
                "everything was reversed, but a step ran code in an autocommit block that may have changed rows of"
                " other modules, which nobody compared"
            )

    def _refuse_unproved(self, plan: RunPlan, starting: Starting) -> None:
        """Where its rows were not compared, all that the run had destroyed must have been put back."""
        session, run = self.segments.runner.session, self.segments.journal.run
        lost = [
            each
            for each in not_back(session, run, plan.direction)
            if starting.rows is None or not self._is_compared(each.relation, starting)
        ]
        if lost:
            raise UnsettledError(
                "everything was reversed, but not all that the run had destroyed could be put back",
                details=tuple(each.shortfall for each in lost),
            )

    @staticmethod
    def _is_compared(table: Table, starting: Starting) -> bool:
        """Whether all rows that were in the table at the start are among those that were compared.

        The run has given it that name where there was none of it: then it may have been any table of the schema.
        """
        tables = {each[1:3] for each in starting.catalog.definitions if each.kind == "table"}
        names = {table} if table in tables else {each for each in tables if each[0] == table[0]}
        return reached(starting.catalog, names).holders <= starting.sums.keys()

"""Reads and writes the ledger: values in, values out.

The invariant: a row in `migrate.applied` means that the revision is in, and it is committed together with the
revision's own change and version row. Nothing else is ever inferred from a row of `migrate.run`.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from coordinator import __version__
from coordinator.errors import RefusedError
from coordinator.ledger.applied import read_applied
from coordinator.ledger.schema import VERSION, locks_of, scripts_from
from coordinator.model.capture import Direction
from coordinator.model.names import RevisionKey
from coordinator.model.run import Run, RunStatus, StepRecord, StepStatus
from coordinator.postgres.failure import ConnectionLostError
from coordinator.postgres.table_locks import take_locks

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.model.plan import Segment
    from coordinator.model.run import AppliedRevision
    from coordinator.postgres.session import Row, Session

_RUN_COLUMNS = "number, kind, status, plan, guarantee, environment, host, pid, program, rehearsal, started, finished, error"
_SINCE_2 = "attempt, final"
_BEFORE_2 = "'', false"
_SINCE_4 = "planned"
_BEFORE_4 = "'{}'::text[]"

_STEPS = (
    "SELECT run, sequence, module, revision, direction, status, seconds, finished, error"
    " FROM migrate.step WHERE run = %s"
)
_OR_RECOVERED = (
    " OR (run IN (SELECT number FROM migrate.run WHERE kind = 'recover' AND number > %s)"
    " AND module || ':' || revision IN (SELECT unnest(steps) FROM migrate.intent WHERE run = %s))"
)

_INSERT_STEP = (
    "INSERT INTO migrate.step (run, sequence, module, revision, direction, status, seconds, error)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run, sequence) DO NOTHING"
)


_INTENTS = (
    "SELECT i.run, i.sequence, i.token, i.direction, i.transactional, i.steps, o.token IS NOT NULL"
    " FROM migrate.intent i LEFT JOIN migrate.outcome o USING (token) WHERE {condition} ORDER BY i.run, i.sequence"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A segment that was about to run, and whether its transaction is in."""

    run: int
    sequence: int
    token: UUID
    direction: Direction
    transactional: bool
    steps: tuple[RevisionKey, ...]
    committed: bool


class LedgerReader:
    """What the ledger remembers; every method is a SELECT and answers emptily while there is no ledger."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.exists = session.value("SELECT to_regclass('migrate.version') IS NOT NULL") is True
        self._version: int | None = None

    @property
    def pid(self) -> int:
        """The server process of the ledger's connection."""
        return self._session.pid_when_open

    @property
    def version(self) -> int:
        """Version of the ledger's tables; 0 while there are none."""
        if self._version is None:
            known = self._session.value("SELECT max(number) FROM migrate.version") if self.exists else 0
            self._version = int(known or 0)
        return self._version

    def refuse_newer(self) -> None:
        """Raise RefusedError when a newer program made the tables: only that one may write to them."""
        if self.version > VERSION:
            raise RefusedError(
                f"the ledger was written by a newer coordinator (version {self.version}; this one knows {VERSION})",
                help="use that coordinator; this one only reads",
            )

    @property
    def session(self) -> Session:
        """The connection that it reads from."""
        return self._session

    def runs(self, *, limit: int = 20) -> tuple[Run, ...]:
        """The latest runs, newest first, without their steps."""
        if not self.exists:
            return ()
        rows = self._session.rows(
            f"SELECT {self._run_columns} FROM migrate.run ORDER BY number DESC LIMIT %s",  # noqa: S608 - constants
            (limit,),
        )
        return tuple(_run(row) for row in rows)

    def run(self, number: int, *, recoveries: bool = False) -> Run | None:
        """One run with all its steps, or None; `recoveries`: and what later recoveries did with the same steps."""
        if not self.exists:
            return None
        rows = self._session.rows(f"SELECT {self._run_columns} FROM migrate.run WHERE number = %s", (number,))  # noqa: S608 - constants
        return _run(rows[0], self.steps(number, recoveries=recoveries)) if rows else None

    def steps(self, run: int, *, recoveries: bool = False) -> tuple[StepRecord, ...]:
        """What a run did, in order; `recoveries`: then what later recoveries did with the same steps."""
        rows = (
            self._session.rows(f"{_STEPS}{_OR_RECOVERED} ORDER BY run, sequence", (run, run, run))
            if recoveries
            else self._session.rows(f"{_STEPS} ORDER BY sequence", (run,))
        )
        return tuple(_step(row) for row in rows)

    def open_runs(self) -> tuple[Run, ...]:
        """Runs that are running, cut off or unsettled, oldest first."""
        if not self.exists:
            return ()
        rows = self._session.rows(
            f"SELECT {self._run_columns} FROM migrate.run WHERE status IN ('running', 'unsettled') ORDER BY number"  # noqa: S608 - constants
        )
        return tuple(_run(row) for row in rows)

    def intents(self, run: int) -> tuple[Intent, ...]:
        """The segments that a run tried, in order, each with whether it is in."""
        return self._intents("i.run = %s", run)

    def intents_of_recoveries(self, *, after: int) -> tuple[Intent, ...]:
        """The segments that recoveries have tried which began after that run, in order."""
        return self._intents(
            "i.run IN (SELECT number FROM migrate.run WHERE kind = 'recover' AND number > %s)", after
        )

    def _intents(self, condition: str, run: int) -> tuple[Intent, ...]:
        rows = self._session.rows(_INTENTS.format(condition=condition), (run,))
        return tuple(
            Intent(
                run=row[0],
                sequence=row[1],
                token=row[2],
                direction=Direction(row[3]),
                transactional=row[4],
                steps=tuple(RevisionKey.parse(step) for step in row[5]),
                committed=row[6],
            )
            for row in rows
        )

    def applied(self, *, whole: bool = True) -> tuple[AppliedRevision, ...]:
        """Every revision that the ledger knows to be in; without `whole` only what most looks need."""
        return read_applied(self._session, self.version, whole=whole)

    @property
    def _run_columns(self) -> str:
        since_2 = _SINCE_2 if self.version > 1 else _BEFORE_2
        return f"{_RUN_COLUMNS}, {since_2}, {_SINCE_4 if self.version > 3 else _BEFORE_4}"


class Ledger(LedgerReader):
    """The ledger connection: autocommit, and never a row that an open transaction of the steps may hold.

    After a run has begun its writes survive a lost connection: each may be sent twice, and says the same then.
    """

    def create(self, *, lock_wait: float) -> None:
        """Make the tables, or bring older ones up to date, in one committed transaction.

        Raises RefusedError when a newer program made them, StatementError when their locks are not to be had within
        `lock_wait` seconds.
        """
        self.refuse_newer()
        if self.version < VERSION:
            scripts = scripts_from(self.version)
            with self._session.transaction():
                take_locks(self._session, locks_of(scripts), seconds=lock_wait)
                for script in scripts:
                    self._session.execute(script)
            self.exists, self._version = True, VERSION

    def begin_run(
        self,
        *,
        kind: str,
        plan: str,
        guarantee: str,
        environment: str,
        rehearsal: str,
        attempt: str = "",
        planned: tuple[RevisionKey, ...] = (),
    ) -> int:
        """Write the run down; its number. The caller holds the advisory lock."""
        host = socket.gethostname()
        number = self._session.value(
            "INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program, rehearsal,"
            " attempt, planned) VALUES (%s, 'running', %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING number",
            (
                kind,
                plan,
                guarantee,
                environment,
                host,
                os.getpid(),
                __version__,
                rehearsal,
                attempt,
                [str(each) for each in planned],
            ),
        )
        return int(number)

    def finish_run(
        self, number: int, status: RunStatus, *, error: str | None = None, final: bool = False
    ) -> None:
        """Say what the run came to; `final`: the same attempt would fail again. Once said, that stays."""
        self._write(
            "UPDATE migrate.run SET status = %s, finished = clock_timestamp(), error = %s, final = final OR %s"
            " WHERE number = %s",
            (status.value, _storable(error), final, number),
        )

    def note_failure(self, number: int, error: str, *, final: bool) -> None:
        """Say that a run has failed and why, while it is not yet known what that comes to."""
        self._write(
            "UPDATE migrate.run SET error = %s, final = final OR %s WHERE number = %s",
            (_storable(error), final, number),
        )

    def intend(self, run: int, sequence: int, segment: Segment, direction: Direction) -> UUID:
        """Commit the intent to run a segment; the token that will prove it."""
        token = uuid4()
        self._write(
            "INSERT INTO migrate.intent (run, sequence, token, direction, transactional, steps)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (token) DO NOTHING",
            (
                run,
                sequence,
                token,
                direction.value,
                segment.transactional,
                [str(step.key) for step in segment.steps],
            ),
        )
        return token

    def note_steps(self, records: tuple[StepRecord, ...]) -> None:
        """Write down steps whose transaction is over and left no row of its own."""
        # A server that has not yet noticed the loss of the main connection still holds its rows of the same keys.
        self._write("SET lock_timeout = '5s'", ())
        for record in records:
            self._write(_INSERT_STEP, _step_values(record))

    def revive(self) -> None:
        """Connect anew if the connection was lost."""
        self._write("SELECT", ())

    def moment(self) -> datetime:
        """The moment by the server's clock, which all moments of the ledger are told by."""
        found: datetime = self._session.value("SELECT pg_catalog.clock_timestamp()")
        return found

    def write(self, text: str, parameters: tuple[object, ...]) -> None:
        """Send a write that says the same when it is sent twice, as it is after the connection was lost."""
        self._write(text, parameters)

    def _write(self, text: str, parameters: tuple[object, ...]) -> None:
        try:
            self._session.execute(text, parameters)
        except ConnectionLostError:
            self._session.reopen()
            self._session.execute(text, parameters)


def write_step(session: Session, record: StepRecord) -> None:
    """Insert one row of `migrate.step` on the given connection."""
    session.execute(_INSERT_STEP, _step_values(record))


def _step_values(record: StepRecord) -> tuple[object, ...]:
    return (
        record.run,
        record.sequence,
        record.key.module,
        record.key.revision,
        record.direction.value,
        record.status.value,
        record.seconds,
        _storable(record.error),
    )


def _storable(text: str | None) -> str | None:
    """An author's words as PostgreSQL can keep them: no NUL, no half of a surrogate pair."""
    return None if text is None else text.replace("\x00", "").encode("utf-8", "replace").decode()


def write_outcome(session: Session, run: int, token: UUID) -> None:
    """Prove, inside the segment's own transaction, that it is in."""
    session.execute("INSERT INTO migrate.outcome (token, run) VALUES (%s, %s)", (token, run))


def _run(row: Row, steps: tuple[StepRecord, ...] = ()) -> Run:
    return Run(
        number=row[0],
        kind=row[1],
        status=RunStatus(row[2]),
        plan=row[3],
        guarantee=row[4],
        environment=row[5],
        host=row[6],
        pid=row[7],
        program=row[8],
        rehearsal=row[9],
        started=row[10],
        finished=row[11],
        error=row[12],
        steps=steps,
        attempt=row[13],
        final=row[14],
        planned=tuple(RevisionKey.parse(each) for each in row[15]),
    )


def _step(row: Row) -> StepRecord:
    return StepRecord(
        run=row[0],
        sequence=row[1],
        key=RevisionKey(row[2], row[3]),
        direction=Direction(row[4]),
        status=StepStatus(row[5]),
        seconds=row[6],
        finished=row[7],
        error=row[8],
    )

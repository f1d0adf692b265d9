"""Reads and writes the ledger: values in, values out.

The invariant: a row in `migrate.applied` means that the revision is in, and it is committed together with the
revision's own change and version row. Nothing else is ever inferred from a row of `migrate.run`.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from coordinator import __version__
from coordinator.errors import RefusedError
from coordinator.ledger.schema import VERSION, scripts_from
from coordinator.model.capture import Direction
from coordinator.model.names import RevisionKey
from coordinator.model.run import AppliedRevision, Run, RunStatus, StepRecord, StepStatus
from coordinator.postgres.failure import ConnectionLostError

if TYPE_CHECKING:
    from coordinator.model.plan import Segment
    from coordinator.postgres.session import Row, Session

_RUN_COLUMNS = "number, kind, status, plan, guarantee, environment, host, pid, program, rehearsal, started, finished, error"

_INSERT_STEP = (
    "INSERT INTO migrate.step (run, sequence, module, revision, direction, status, seconds, error)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run, sequence) DO NOTHING"
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

    @property
    def version(self) -> int:
        """Version of the ledger's tables; 0 while there are none."""
        return int(self._session.value("SELECT max(number) FROM migrate.version")) if self.exists else 0

    def runs(self, *, limit: int = 20) -> tuple[Run, ...]:
        """The latest runs, newest first, without their steps."""
        if not self.exists:
            return ()
        rows = self._session.rows(
            f"SELECT {_RUN_COLUMNS} FROM migrate.run ORDER BY number DESC LIMIT %s",  # noqa: S608 - a constant
            (limit,),
        )
        return tuple(_run(row) for row in rows)

    def run(self, number: int) -> Run | None:
        """One run with all its steps, or None."""
        if not self.exists:
            return None
        rows = self._session.rows(f"SELECT {_RUN_COLUMNS} FROM migrate.run WHERE number = %s", (number,))  # noqa: S608 - a constant
        return _run(rows[0], self.steps(number)) if rows else None

    def steps(self, run: int) -> tuple[StepRecord, ...]:
        """What a run did, in order."""
        rows = self._session.rows(
            "SELECT run, sequence, module, revision, direction, status, seconds, finished, error"
            " FROM migrate.step WHERE run = %s ORDER BY sequence",
            (run,),
        )
        return tuple(_step(row) for row in rows)

    def open_runs(self) -> tuple[Run, ...]:
        """Runs that are running, cut off or unsettled, oldest first."""
        if not self.exists:
            return ()
        rows = self._session.rows(
            f"SELECT {_RUN_COLUMNS} FROM migrate.run WHERE status IN ('running', 'unsettled') ORDER BY number"  # noqa: S608 - a constant
        )
        return tuple(_run(row) for row in rows)

    def intents(self, run: int) -> tuple[Intent, ...]:
        """The segments that a run tried, in order, each with whether it is in."""
        rows = self._session.rows(
            "SELECT i.run, i.sequence, i.token, i.direction, i.transactional, i.steps, o.token IS NOT NULL"
            " FROM migrate.intent i LEFT JOIN migrate.outcome o USING (token) WHERE i.run = %s ORDER BY i.sequence",
            (run,),
        )
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

    def applied(self) -> tuple[AppliedRevision, ...]:
        """Every revision that the ledger knows to be in, by module and revision."""
        if not self.exists:
            return ()
        rows = self._session.rows(
            "SELECT module, revision, run, digest, source, parents, file, changes::text, grade"
            " FROM migrate.applied ORDER BY module, applied, revision"
        )
        return tuple(
            AppliedRevision(
                key=RevisionKey(row[0], row[1]),
                run=row[2],
                digest=row[3],
                source=row[4],
                parents=tuple(row[5]),
                file=row[6],
                changes=row[7],
                grade=row[8],
            )
            for row in rows
        )


class Ledger(LedgerReader):
    """The ledger connection: autocommit, and never a row that an open transaction of the steps may hold.

    After a run has begun its writes survive a lost connection: each may be sent twice, and says the same then.
    """

    def create(self) -> None:
        """Make the tables, or bring older ones up to date, in one committed transaction.

        Raises RefusedError when a newer program made them.
        """
        version = self.version
        if version > VERSION:
            raise RefusedError(
                f"the ledger was written by a newer coordinator (version {version}; this one knows {VERSION})",
                help="use that coordinator; this one only reads",
            )
        if version < VERSION:
            with self._session.transaction():
                for script in scripts_from(version):
                    self._session.execute(script)
            self.exists = True

    def begin_run(self, *, kind: str, plan: str, guarantee: str, environment: str, rehearsal: str) -> int:
        """Write the run down and take the fence for it; its number. The caller holds the advisory lock."""
        number = self._session.value(
            "INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program, rehearsal)"
            " VALUES (%s, 'running', %s, %s, %s, %s, %s, %s, %s) RETURNING number",
            (kind, plan, guarantee, environment, socket.gethostname(), os.getpid(), __version__, rehearsal),
        )
        return int(number)

    def finish_run(self, number: int, status: RunStatus, *, error: str | None = None) -> None:
        """Say what the run came to."""
        self._write(
            "UPDATE migrate.run SET status = %s, finished = clock_timestamp(), error = %s WHERE number = %s",
            (status.value, _storable(error), number),
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


def write_applied(session: Session, revision: AppliedRevision) -> None:
    """Say that a revision is in; on the main connection, in the transaction of its change."""
    session.execute(
        "INSERT INTO migrate.applied (module, revision, run, digest, source, parents, file, changes, grade)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        # A tree that ran before under plain Alembic may be taken back and applied again by either of us.
        " ON CONFLICT (module, revision) DO UPDATE SET run = EXCLUDED.run, digest = EXCLUDED.digest,"
        " source = EXCLUDED.source, parents = EXCLUDED.parents, file = EXCLUDED.file, changes = EXCLUDED.changes,"
        " grade = EXCLUDED.grade, applied = clock_timestamp()",
        (
            revision.key.module,
            revision.key.revision,
            revision.run,
            revision.digest,
            revision.source,
            list(revision.parents),
            revision.file,
            json.dumps(json.loads(revision.changes)),
            revision.grade,
        ),
    )


def erase_applied(session: Session, key: RevisionKey) -> None:
    """Say that a revision is no longer in; on the main connection, in the transaction of its reversal."""
    session.execute(
        "DELETE FROM migrate.applied WHERE module = %s AND revision = %s", (key.module, key.revision)
    )


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

"""Calls an author's function in its worker, and tells what failed in it, with the place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.execution.failure import (
    StepFailedError,
    StepFailure,
    connection_lost,
    from_statement,
    own_connection,
)
from coordinator.model.finding import Finding, Severity
from coordinator.model.incident import Category
from coordinator.model.names import Place
from coordinator.revisions.inputs import input_files
from coordinator.worker.process import WorkerError

if TYPE_CHECKING:
    from coordinator.execution.conduit import SessionConduit
    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.model.capture import InputFile
    from coordinator.model.plan import Step
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A function that ended well: what is worth saying of it, and the files that it read or imported."""

    findings: tuple[Finding, ...]
    inputs: tuple[InputFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """Calls the functions of revisions for steps on one session."""

    session: Session
    project: Project
    workers: Workers

    def call(self, step: Step, conduit: SessionConduit, token: str) -> Called:
        """Run the author's function; a warning for what it looked for in the environment and did not get.

        Raises StepFailedError. `token` names the state of Alembic's memory before the step, for `forget`.
        """
        module = self.project.module(step.key.module)
        revision = self.project.revision(step.key)
        part = f"{step.direction.value}()"
        try:
            worker = self.workers.for_module(module, self.session.server_version)
            report = worker.run(module, revision, step.direction, conduit, token=token)
        except WorkerError as error:
            if conduit.stopped is not None:
                raise conduit.stopped from error
            failure = replace(self._failure(step, part, conduit, error), opened=error.connections)
            raise StepFailedError(failure) from error
        if conduit.stopped is not None:
            raise conduit.stopped
        if conduit.refused:
            raise StepFailedError(self._refused(step, part, conduit))
        if conduit.lost is not None:
            raise StepFailedError(connection_lost(step, part, *conduit.lost))
        if conduit.failed is not None and self.session.failed:
            # The author's code caught the error, but without a savepoint the whole transaction is lost.
            sent, refusal = conduit.failed
            raise StepFailedError(from_statement(step, part, refusal, sql=sent.sql, line=sent.line))
        if report.connections:
            # It was refused the connection, caught the error, and went on without what it wanted there.
            raise StepFailedError(own_connection(step, part, report.connections))
        return Called(
            findings=self._withheld(step, report.withheld), inputs=input_files(module, report.inputs)
        )

    def _withheld(self, step: Step, names: tuple[str, ...]) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                rule="withheld-environment",
                severity=Severity.WARNING,
                message=f"{step.key} looked for {name} in the environment, which a revision is not given",
                module=step.key.module,
                revision=step.key,
                place=step.place,
                help="op.get_bind() is the connection; write what else it needs into the file",
            )
            for name in names
        )

    def forget(self, step: Step, token: str) -> None:
        """Bring Alembic's memory of the step's module back to the state `token`, as the database went back too."""
        module = self.project.module(step.key.module)
        self.workers.for_module(module, self.session.server_version).restore(module, token)

    def _failure(self, step: Step, part: str, conduit: SessionConduit, error: WorkerError) -> StepFailure:
        if conduit.refused:
            return self._refused(step, part, conduit)
        if conduit.failed is not None and not error.killed:  # else the code might have caught it and gone on
            sent, refusal = conduit.failed
            return from_statement(step, part, refusal, sql=sent.sql, line=sent.line or error.line)
        if conduit.lost is not None:
            return connection_lost(step, part, *conduit.lost)
        # A process that hangs or has died cannot say where; the last statement that it sent is near.
        near = conduit.sent if error.kind in ("hung", "died") else None
        return StepFailure(
            step=step,
            part=part,
            message=error.message,
            place=Place(step.place.file, error.line or (near.line if near else 0) or step.place.line),
            sql=near.sql if near else None,
            traceback=error.traceback,
            category=Category.RESOURCE if error.killed else None,
        )

    def _refused(self, step: Step, part: str, conduit: SessionConduit) -> StepFailure:
        why, line = conduit.refused[0]
        sql = conduit.sent.sql if conduit.sent is not None and conduit.sent.line == line else None
        return StepFailure(
            step=step, part=part, message=why, place=Place(step.place.file, line or step.place.line), sql=sql
        )

"""Runs a revision with nobody behind the pipe and writes down all that it sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.postgres.render import render
from coordinator.revisions.inputs import input_files
from coordinator.worker.process import Reply, Worker, WorkerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.module import Module
    from coordinator.model.revision import Revision

_READS = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN")
_TEXT_OID = 25


@dataclass(slots=True)
class Recorder:
    """Stands behind the pipe, answers every query with no rows, and remembers what was sent."""

    statements: list[Statement] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    inside_autocommit: bool = False

    def execute(self, sql: str, parameters: Sequence[Any], line: int) -> Reply:
        for each in parameters:
            self._write(sql, each, line)
        if sql.lstrip(" \n\t(").upper().startswith(_READS) or " RETURNING " in sql.upper():
            return Reply(columns=(("?column?", _TEXT_OID),), rowcount=0)
        return Reply(rowcount=len(parameters))

    def _write(self, sql: str, parameters: Any, line: int) -> None:
        try:
            text = render(sql, parameters)
        except ValueError as error:
            self.unreadable.append(f"the statement at line {line} cannot be rendered: {error}")
            return
        self.statements.append(Statement(sql=text, line=line, autocommit=self.inside_autocommit))

    def autocommit(self, *, enter: bool, line: int) -> None:
        self.inside_autocommit = enter

    def end(self, how: str, line: int) -> None:
        """Write the attempt down as the statement it would be; whoever judges the capture refuses it."""
        self.statements.append(
            Statement(sql=how.upper() if how in ("commit", "rollback") else f"SET SESSION {how}", line=line)
        )


def capture(worker: Worker, module: Module, revision: Revision, direction: Direction) -> Capture:
    """What one direction of a revision sends. Never raises for what the author's code does: that is in the value.

    A query's answer is empty here, so whatever follows one may differ on a real database; `unknown` says so.
    """
    recorder = Recorder()
    token = f"capture {revision.key} {direction.value}"
    error: WorkerError | None = None
    withheld: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    asked: tuple[int, ...] = ()
    inputs: tuple[str, ...] = ()
    try:
        report = worker.run(module, revision, direction, recorder, token=token, capture=True)
        withheld, connections, asked = report.withheld, report.connections, report.asked
        inputs = report.inputs
    except WorkerError as failure:
        error = failure
        withheld, connections, asked = failure.withheld, failure.connections, failure.asked
        inputs = failure.inputs
        if failure.kind not in ("died", "hung"):
            worker.restore(module, token)
    unknown = [
        f"it asks the database at line {line}" if line else "it asks the database"
        for line in dict.fromkeys(asked)
    ]
    return Capture(
        key=revision.key,
        direction=direction,
        statements=tuple(recorder.statements),
        unknown=(*unknown, *recorder.unreadable),
        error=None if error is None else error.message,
        loaded=error is None or error.kind != "load",
        error_line=0 if error is None else error.line,
        empty=not recorder.statements and error is None and not asked,
        withheld=withheld,
        connections=connections,
        inputs=input_files(module, inputs or (revision.place.file,)),
    )

"""Carries a revision's statements to a database: inspects each one, sends what was inspected, refuses the rest."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from coordinator.errors import CoordinatorError
from coordinator.execution.made_roles import marking_roles
from coordinator.execution.sent import Sent
from coordinator.ledger.lock import LockLostError
from coordinator.postgres.failure import ConnectionLostError, StatementError
from coordinator.postgres.render import render
from coordinator.sql.command import Command, CommandKind
from coordinator.sql.parser import commands
from coordinator.sql.tree import SqlSyntaxError
from coordinator.worker.process import Reply, StatementRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coordinator.execution.kept.putting_back import PuttingBack
    from coordinator.execution.progress import Progress
    from coordinator.execution.tracing import StepTracer
    from coordinator.postgres.session import Answer, Session
    from coordinator.sql.mandatory import Relaxed

OUR_SAVEPOINTS = "migrate_"
_FILLED = re.compile(r"not\s+null|\badd\b", re.IGNORECASE)  # no other text needs help
_REMEMBERED = 500  # statements of one step
_NEVER = frozenset(
    {"SET SESSION AUTHORIZATION", "RESET SESSION AUTHORIZATION", "DISCARD", "LISTEN", "PREPARE"}
)


class Blocks(Protocol):
    """Who can leave the transaction for an autocommit block, send statements there, and come back."""

    def leave(self) -> None: ...

    def come_back(self) -> None: ...

    def before_statement(self) -> None: ...

    def send(self, text: str, make_way: Callable[[str], bool] | None) -> Answer: ...

    def send_together(self, work: Callable[[], Answer]) -> Answer: ...


@dataclass(slots=True)
class SessionConduit:
    """Stands behind the pipe with a session. One for each run of one function of one revision."""

    session: Session
    blocks: Blocks | None = None  # None: the step shares a transaction and may not leave it
    schema: str = ""  # where unqualified names go
    putting_back: PuttingBack | None = None  # what was kept of columns that the revision adds again
    destroys: Callable[[str], str | None] | None = None  # what of the data that was there a text destroys
    before: Callable[[str], bool] | None = None  # is shown each text; true: it is passed over
    progress: Progress | None = None  # counts the texts of a step that commits statement by statement
    tracer: StepTracer | None = None  # watches what each statement does to tables
    sent: Sent | None = None  # the latest statement
    recent: deque[Sent] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    failed: tuple[Sent, StatementError] | None = (
        None  # what the server refused, after which it did nothing more
    )
    lost: tuple[Sent, ConnectionLostError] | None = None  # the statement during which the connection ended
    stopped: CoordinatorError | None = None  # why the run itself may not go on; no fault of the revision's
    refused: list[tuple[str, int]] = field(default_factory=list)
    changed_settings: dict[str, str | None] = field(default_factory=dict)  # name -> value before
    _outside: bool = False  # in an autocommit block

    def execute(self, sql: str, parameters: Sequence[Any], line: int) -> Reply:
        reply = Reply(rowcount=0)
        total = 0
        for each in parameters:
            reply = self._send(sql, each, line)
            total += max(reply.rowcount, 0)
        return reply if len(parameters) == 1 else Reply(rowcount=total)

    def _send(self, sql: str, parameters: Any, line: int) -> Reply:
        try:
            text = render(sql, parameters)
        except ValueError as error:
            raise self._refuse(str(error), line) from error
        # What is shown of it must not hold values of rows; `%%` was only written for the parameters' sake.
        self.sent = Sent(sql=sql if parameters is None else sql.replace("%%", "%"), line=line)
        self.recent.append(self.sent)
        for command in _commands(text):
            self._inspect(command, line)
        if (changed := self._is_in(text)) is not None:
            return Reply(rowcount=changed)
        self._refuse_loss(text, line)
        try:
            if self._outside and self.blocks is not None:
                self.blocks.before_statement()
            if self.before is not None and self.before(text):
                return Reply(rowcount=0)
            answer = self._sent_filling(text)
        except StatementError as error:
            if self.failed is None:
                self.failed = (self.sent, error)
            raise
        except ConnectionLostError as error:
            self.lost = self.lost or (self.sent, error)
            raise
        except LockLostError as error:
            self.stopped = error
            raise
        if self.progress is not None:
            self.progress.changed(answer.rowcount)
        self.failed = None  # the server goes on, so what it refused before was caught, with a savepoint
        return Reply(columns=answer.columns, rows=answer.rows, rowcount=answer.rowcount)

    def _is_in(self, text: str) -> int | None:
        """How many rows this statement changed, where an earlier try of the step has committed it already."""
        if self.progress is None:
            return None
        assert self.sent is not None
        try:
            return self.progress.passes(text, self.schema, written=self.sent.sql, outside=self._outside)
        except CoordinatorError as error:
            self.stopped = self.stopped or error
            raise

    def _sent_filling(self, text: str) -> Answer:
        """Send the text; a column that it makes mandatory gets its kept values before it is, a computed one at once."""
        help_needed = self._help_needed(text)
        if help_needed is None:
            return self._sent(text)
        if self.blocks is None or not self._outside:
            return self._filled_around(help_needed)
        # One commit for all of it: what is off while we write, and a column without its values, nobody may see.
        return self.blocks.send_together(lambda: self._filled_around(help_needed))

    def _filled_around(self, help_needed: Relaxed) -> Answer:
        self._filler.fill(help_needed.tightened)
        answer = self._sent(help_needed.sql)
        self._filler.fill(help_needed.added, mandatory=True)
        self._filler.fill(help_needed.computed, computed=True)
        return answer

    def _sent(self, text: str) -> Answer:
        """Send the text, watched where that was asked for."""
        if self.session.role_mark:
            return marking_roles(self.session, text, self._watched)
        return self._watched(text)

    def _watched(self, text: str) -> Answer:
        if self.tracer is None:
            return self._executed(text)
        assert self.sent is not None
        return self.tracer.watch(text, self.sent, self._executed)

    def _executed(self, text: str) -> Answer:
        if self.blocks is None or not self._outside or self.session.in_transaction:
            return self.session.execute(text)
        return self.blocks.send(text, self.before)

    @property
    def _filler(self) -> PuttingBack:
        assert self.putting_back is not None
        return self.putting_back

    def _help_needed(self, text: str) -> Relaxed | None:
        """What must be filled around the text, of columns with kept values."""
        if self.putting_back is None or _FILLED.search(text) is None:
            return None
        return self._filler.around(text, schema=self.schema)

    def last_naming(self, table: str | None) -> Sent | None:
        """The latest statement in whose text the table's name stands, or None."""
        if table is None:
            return None
        name = re.compile(rf"\b{re.escape(table)}\b", re.IGNORECASE)
        return next((each for each in reversed(self.recent) if name.search(each.sql)), None)

    def _inspect(self, command: Command, line: int) -> None:
        if command.kind is CommandKind.TRANSACTION:
            raise self._refuse(
                f"it sends {command.verb} itself, and the transaction belongs to the whole run;"
                " for what cannot run in one, write `with op.get_context().autocommit_block():`",
                line,
            )
        if command.kind is CommandKind.COPY_STREAM:
            raise self._refuse(
                f"it sends {command.verb}, whose rows would go over a connection that a revision does not have;"
                " use op.bulk_insert() or INSERT",
                line,
            )
        if command.kind is CommandKind.SAVEPOINT and (command.name or "").startswith(OUR_SAVEPOINTS):
            raise self._refuse(
                f"it uses a savepoint named {command.name!r}, and names that begin with {OUR_SAVEPOINTS!r} are ours",
                line,
            )
        if command.kind is CommandKind.SESSION:
            if command.verb in _NEVER:
                raise self._refuse(
                    f"it sends {command.verb}, which outlives the step on a connection that all modules share",
                    line,
                )
            self._remember(command)

    def _refuse_loss(self, text: str, line: int) -> None:
        """Outside of a transaction no copy can be made under the lock of the statement that destroys."""
        lost = self.destroys(text) if self._outside and self.destroys is not None else None
        if lost is not None:
            raise self._refuse(
                f"it destroys {lost} in autocommit_block(), where nothing can be kept: do that in a step of its own",
                line,
            )

    def _remember(self, command: Command) -> None:
        """Note a setting's value before the revision changes it, so that it can be put back after the step."""
        name = command.name
        if name and name not in self.changed_settings:
            self.changed_settings[name] = self.session.value("SELECT current_setting(%s, true)", (name,))

    def autocommit(self, *, enter: bool, line: int) -> None:
        if self.blocks is None:
            raise self._refuse(
                "it enters autocommit_block() here, but it did not when it was read, so its step shares a transaction",
                line,
            )
        self.sent = Sent(sql="COMMIT" if enter else "BEGIN", line=line)
        try:
            if enter:
                self.blocks.leave()
            else:
                self.blocks.come_back()
        except StatementError as error:
            self.failed = (self.sent, error)
            raise
        except ConnectionLostError as error:
            self.lost = self.lost or (self.sent, error)
            raise
        except CoordinatorError as error:  # the lock or the fence is another run's by now
            self.stopped = error
            raise
        self._outside = enter

    def end(self, how: str, line: int) -> None:
        raise self._refuse(
            f"it calls {how}() on a connection or session, and the transaction belongs to the whole run", line
        )

    def _refuse(self, why: str, line: int) -> StatementRefusedError:
        """Remember a refusal: the step fails even when the author's code swallows the error."""
        self.refused.append((why, line))
        return StatementRefusedError(why)


def _commands(text: str) -> tuple[Command, ...]:
    try:
        return commands(text)
    except SqlSyntaxError:
        # The server's own grammar decides. A text that it refuses runs nothing; should it accept one that our
        # parser does not know, the transaction's identity is checked after the step.
        return ()

"""A step that failed: everything that is known about it, and nothing that must not be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.model.incident import Category
from coordinator.model.names import Place

if TYPE_CHECKING:
    from coordinator.execution.sent import Sent
    from coordinator.model.finding import Finding
    from coordinator.model.plan import Step
    from coordinator.postgres.failure import ConnectionLostError, StatementError

_SHOWN_SQL_LINES = 12
# What the server does not say itself, by SQLSTATE. 25001: what is partitioned is reindexed and clustered like that.
_HINTS = {"25001": "send it by itself inside `with op.get_context().autocommit_block():`"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """What failed (`part`: upgrade(), downgrade(), an integrity check, a constraint at the step's end …) and why.

    `detail` is PostgreSQL's DETAIL: it may hold a row's values, so it is for the terminal only.
    """

    step: Step
    part: str
    message: str
    place: Place
    sqlstate: str | None = None
    sql: str | None = None
    hint: str | None = None
    detail: str | None = None
    findings: tuple[Finding, ...] = ()
    traceback: str = ""
    category: Category | None = None  # None: what its SQLSTATE or part says
    raised_in: str | None = None  # where an author's RAISE chose the words
    opened: tuple[str, ...] = ()  # what it tried to reach outside of its connection before it failed

    @property
    def sentence(self) -> str:
        """One sentence: who, where, what; without values of rows."""
        code = f" (SQLSTATE {self.sqlstate})" if self.sqlstate else ""
        return f"{self.step.key} failed in {self.part} at {self.place}: {self.message}{code}"

    @property
    def lines(self) -> tuple[str, ...]:
        """What to show below the sentence on a terminal."""
        shown: list[str] = []
        if self.sql:
            sql = self.sql.strip().splitlines()
            shown.extend(
                f"SQL: {line}" if not number else f"     {line}"
                for number, line in enumerate(sql[:_SHOWN_SQL_LINES])
            )
            if len(sql) > _SHOWN_SQL_LINES:
                shown.append(f"     … {len(sql) - _SHOWN_SQL_LINES} more lines")
        shown.extend(
            f"{name}: {text}" for name, text in (("DETAIL", self.detail), ("HINT", self.hint)) if text
        )
        shown.extend(f"{each.rule}: {each.message}" for each in self.findings)
        return tuple(shown)


class StepFailedError(CoordinatorError):
    """A step failed. The exit code depends on what could be taken back, so whoever knows that raises anew."""

    exit_code = 1

    def __init__(self, failure: StepFailure) -> None:
        super().__init__(failure.sentence, details=failure.lines)
        self.failure = failure


def from_statement(
    step: Step, part: str, error: StatementError, *, sql: str | None = None, line: int = 0
) -> StepFailure:
    """The server refused a statement of the step, or one that we sent because of it."""
    return StepFailure(
        step=step,
        part=part,
        message=error.message,
        place=Place(step.place.file, line or step.place.line),
        sqlstate=error.sqlstate,
        sql=sql,
        hint=error.hint or _HINTS.get(error.sqlstate or ""),
        detail=error.detail,
        raised_in=error.raised_in,
    )


def connection_lost(step: Step, part: str, sent: Sent, error: ConnectionLostError) -> StepFailure:
    """The connection ended during a statement of the step."""
    return StepFailure(
        step=step,
        part=part,
        message=error.message,
        place=Place(step.place.file, sent.line or step.place.line),
        sql=sent.sql,
        category=Category.CONNECTION,
    )


def own_connection(step: Step, part: str, opened: tuple[str, ...]) -> StepFailure:
    """The step tried to connect by itself; it was refused, caught the error, and went on."""
    return StepFailure(
        step=step,
        part=part,
        message=f"it opens a connection of its own ({', '.join(opened)}), and nothing done there could be taken back",
        place=step.place,
        hint="use op.get_bind(): it is the database that is being migrated",
    )

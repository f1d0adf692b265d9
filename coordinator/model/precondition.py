"""What a step demands of the rows that are there, and whether they meet it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.capture import Direction
    from coordinator.model.names import Place, RevisionKey
    from coordinator.model.question import Question


class PreconditionKind(enum.Enum):
    """What a step can demand of rows; the value is the rule of the finding when they do not meet it."""

    NOT_NULL = "null-rows"
    UNIQUE = "duplicate-rows"
    CHECK = "rows-break-check"
    FOREIGN_KEY = "rows-without-parent"
    EXCLUDE = "rows-exclude-each-other"
    TYPE = "rows-do-not-fit"
    DOMAIN = "rows-break-domain"
    PARTITION = "rows-outside-partition"
    REFERENCED = "rows-still-referenced"
    UNREAD = "demands-not-read"  # what the steps demand could not be told


class PreconditionOutcome(enum.Enum):
    """What the target's rows say."""

    HOLDS = "holds"
    VIOLATED = "violated"
    NOT_CHECKED = "not checked"


_HAVE = {
    PreconditionKind.UNREAD: ("row breaks it", "rows break it"),
    PreconditionKind.NOT_NULL: ("row has no value there", "rows have no value there"),
    PreconditionKind.UNIQUE: ("value stands in more than one row", "values stand in more than one row"),
    PreconditionKind.CHECK: ("row breaks it", "rows break it"),
    PreconditionKind.FOREIGN_KEY: ("row points at no row", "rows point at no row"),
    PreconditionKind.EXCLUDE: ("pair of rows excludes each other", "pairs of rows exclude each other"),
    PreconditionKind.TYPE: ("value does not fit", "values do not fit"),
    PreconditionKind.DOMAIN: ("value breaks it", "values break it"),
    PreconditionKind.PARTITION: ("row does not belong there", "rows do not belong there"),
    PreconditionKind.REFERENCED: ("row still points there", "rows still point there"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """One demand of one step. `what` is a phrase ("NOT NULL on crm.customers.email").

    `question` asks for rows that break it; without one, `why` says why nothing can be asked. `added` says who adds
    rows before: then none found says nothing of those that come.
    """

    kind: PreconditionKind
    key: RevisionKey
    direction: Direction
    place: Place
    what: str
    question: Question | None
    why: str = ""
    added: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreconditionResult:
    """What came of it.

    `count` is how many rows break it (for duplicates: values that stand in several rows), at most the limit up to
    which is counted (then `capped`), or None when the server only said that there are some. `query` shows these rows
    to whoever sends it; no value of a row is in it. `why` says why it was not checked, `mendable` whether a user
    can do something about that, as `help` says.
    """

    precondition: Precondition
    outcome: PreconditionOutcome
    count: int | None = 0
    capped: bool = False
    query: str = ""
    why: str = ""
    help: str | None = None

    @property
    def breaking(self) -> str:
        """How many rows break it, for a sentence."""
        one, many = _HAVE[self.precondition.kind]
        if self.count is None:
            return f"at least one {one}"
        if self.capped:
            return f"at least {self.count} {many}"
        return f"1 {one}" if self.count == 1 else f"{self.count} {many}"

    @property
    def mendable(self) -> bool:
        """Whether it could have been checked, with another setting or other rights."""
        return self.help is not None

"""Who holds what a run waits for."""

from __future__ import annotations

from dataclasses import dataclass

_MINUTE = 60.0
_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """A server process that holds a lock, or stands in the queue before us.

    `age` is its transaction's, in seconds; None where there is none, or where our role may not see it. `query` is
    its latest statement, shortened and without values; empty where our role may not see it.
    """

    pid: int  # 0: a prepared transaction, which has no process
    user: str
    application: str
    state: str
    age: float | None
    query: str

    def __str__(self) -> str:
        if not self.pid:
            return "a prepared transaction (see pg_prepared_xacts)"
        of = f"{self.application or 'an unnamed connection'} of {self.user or 'an unknown role'}"
        since = f", in a transaction for {span(self.age)}" if self.age is not None else ""
        query = f": {self.query}" if self.query else ""
        return f"pid {self.pid} ({of}, {self.state or 'doing what our role may not see'}{since}{query})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a connection waits for, in words (`on`: "crm.customers"), and who holds it."""

    on: str
    blockers: tuple[Blocker, ...] = ()

    def __str__(self) -> str:
        held = f", held by {' and '.join(str(each) for each in self.blockers)}" if self.blockers else ""
        return f"a lock on {self.on}{held}"


def span(seconds: float) -> str:
    """A length of time for a sentence: "12 s", "5 min", "3.5 h"."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"

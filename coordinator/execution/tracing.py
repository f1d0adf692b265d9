"""Watches the statements of one step in a rehearsal: what each newly locks, writes anew, reads whole, how long it takes.

Only where a trace was asked for: it asks the server once more after each statement.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.execution.trace_differences import TraceDifference
from coordinator.model.locks import LockMode
from coordinator.model.trace import StatementTrace, TableWork, TracedLock, WorkKind
from coordinator.postgres.failure import StatementError
from coordinator.postgres.tracing import held_relations, sizes_of, traced_relations
from coordinator.sql.named import is_definition, named_relations, says_truncate, stands_alone
from coordinator.sql.shown import without_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coordinator.execution.sent import Sent
    from coordinator.model.plan import Step
    from coordinator.postgres.session import Answer, Session
    from coordinator.postgres.tracing import HeldRelation, TracedRelation

_SHOWN = 200  # characters of a statement
_BUILD = "every transaction that has written to the table, then every one with an older snapshot"
# A statement says that it cannot be in a transaction, or that it may not end the one that it is in.
_NOT_INSIDE = frozenset({"25001", "2D000"})
_ALONE = {
    "CREATE INDEX CONCURRENTLY": _BUILD,
    "REINDEX CONCURRENTLY": _BUILD,
    "DROP INDEX CONCURRENTLY": "every transaction that may still use the index",
    "DETACH PARTITION CONCURRENTLY": "every transaction that still sees the partition",
}


@dataclass(slots=True)
class StepTracer:
    """Traces the statements of one step on one session; `schema` is where its unqualified names go.

    `first` are the tables by number, as they were called before the first step.
    """

    session: Session
    step: Step
    schema: str
    first: Mapping[int, tuple[str, str]]
    traces: list[StatementTrace] = field(default_factory=list)
    _known: dict[int, TracedRelation] = field(default_factory=dict)  # by the names before the next statement
    _held: Mapping[int, HeldRelation] = field(default_factory=dict)
    _begun: bool = False

    def watch(self, text: str, sent: Sent, execute: Callable[[str], Answer]) -> Answer:
        """Execute a statement and note what it did. Raises what `execute` raises; nothing is noted then."""
        if self.session.in_transaction:
            return self._inside(text, sent, execute)
        verb = stands_alone(text)
        if verb:
            return self._alone(text, sent, execute, verb)
        # Between an autocommit block's commits each statement is a transaction of its own; so it is here, only that
        # it ends after a look at it.
        self._begun = False
        try:
            with self.session.transaction():
                answer = self._inside(text, sent, execute, alone=True)
        except StatementError as error:
            if error.sqlstate not in _NOT_INSIDE:
                raise
            # Its text does not tell: REINDEX and CLUSTER of what is partitioned, DO and CALL that commit.
            return self._alone(text, sent, execute, verb)
        self._begun = False
        return answer

    def _begin(self) -> None:
        """Look at what is there and what is held; again after a commit, with which all locks went."""
        self._known = traced_relations(self.session)
        self._held = held_relations(self.session) if self.session.in_transaction else {}
        self._begun = True

    def _inside(
        self, text: str, sent: Sent, execute: Callable[[str], Answer], *, alone: bool = False
    ) -> Answer:
        if not self._begun:
            self._begin()
        began = time.monotonic()
        answer = execute(text)
        seconds = time.monotonic() - began
        if self.session.failed or not self.session.in_transaction:
            self._begun = False
            return answer
        after = held_relations(self.session)
        done = TraceDifference(known=self._known, before=self._held, after=after, first=self.first)
        sizes = sizes_of(self.session, done.changed_files) if done.changed_files else {}
        self._note(
            sent,
            seconds,
            rows=done.rows,
            locks=done.locks(named_relations(text, schema=self.schema)),
            works=done.works(sizes, definition=is_definition(text), empties=says_truncate(text)),
            alone=alone,
        )
        self._known.update({number: each.now for number, each in after.items() if each.now is not None})
        self._held = after
        return answer

    def _alone(self, text: str, sent: Sent, execute: Callable[[str], Answer], verb: str) -> Answer:
        """What PostgreSQL runs in transactions of its own cannot be looked at in the middle: only before and after."""
        before = traced_relations(self.session)
        began = time.monotonic()
        answer = execute(text)
        seconds = time.monotonic() - began
        after = traced_relations(self.session)
        self._begun = False
        works = _done_alone(before, after, self.first)
        named = named_relations(text, schema=self.schema)
        weakest = LockMode.SHARE_UPDATE_EXCLUSIVE if verb else LockMode.SHARE
        locks = _held_alone(before, after, works, named, self.first, weakest=weakest)
        self._note(sent, seconds, locks=locks, works=works, alone=True, waits_for=_ALONE.get(verb, ""))
        return answer

    def _note(
        self,
        sent: Sent,
        seconds: float,
        *,
        rows: int = 0,
        locks: tuple[TracedLock, ...],
        works: tuple[TableWork, ...],
        alone: bool,
        waits_for: str = "",
    ) -> None:
        self.traces.append(
            StatementTrace(
                key=self.step.key,
                direction=self.step.direction,
                line=sent.line,
                sql=without_values(sent.sql, limit=_SHOWN),
                seconds=seconds,
                rows=rows,
                locks=locks,
                works=works,
                alone=alone,
                waits_for=waits_for,
            )
        )


def _done_alone(
    before: Mapping[int, TracedRelation],
    after: Mapping[int, TracedRelation],
    first: Mapping[int, tuple[str, str]],
) -> tuple[TableWork, ...]:
    """Tables and indexes of tables that were there, with a file that was not."""
    changed = {
        number
        for number, each in after.items()
        if each.owner in before and (number not in before or before[number].file != each.file)
    }
    return tuple(
        TableWork(
            kind=WorkKind.REWRITE if each.is_table else WorkKind.INDEX_BUILD,
            schema=before[each.owner].schema,
            table=before[each.owner].name,
            what="" if each.is_table else each.name,
            first=first.get(each.owner),
        )
        for number, each in after.items()
        if number in changed
        and (each.kind in "rm" or (each.kind == "i" and each.owner not in changed))
        and before[each.owner].is_table
    )


def _held_alone(
    before: Mapping[int, TracedRelation],
    after: Mapping[int, TracedRelation],
    works: tuple[TableWork, ...],
    named: frozenset[tuple[str, str]],
    first: Mapping[int, tuple[str, str]],
    *,
    weakest: LockMode,
) -> tuple[TracedLock, ...]:
    """What such a command holds while it runs, as PostgreSQL documents it: only a rewrite keeps readers out."""
    tables = {(each.schema, each.name): number for number, each in before.items() if each.is_table}
    found = {each: "" for each in named if each in tables}
    for number, each in before.items():
        owner = before.get(each.owner)
        if each.kind in "iI" and owner is not None and number not in after:
            found.setdefault((owner.schema, owner.name), each.name)
    rewritten = {(each.schema, each.table) for each in works if each.kind is WorkKind.REWRITE}
    for work in works:
        found.setdefault((work.schema, work.table), work.what)
    return tuple(
        TracedLock(
            schema=schema,
            table=table,
            mode=LockMode.ACCESS_EXCLUSIVE if (schema, table) in rewritten else weakest,
            named=(schema, table) in named,
            through=through,
            first=first.get(tables[schema, table]),
        )
        for (schema, table), through in sorted(found.items())
    )

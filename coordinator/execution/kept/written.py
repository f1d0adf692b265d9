"""What one step wrote by the server's counters, and whether its SQL says all of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from coordinator.planning.hidden_writes import (
    Table,
    calls_own_code,
    key_writes,
    reaches_others,
    writes_besides,
    written_tables,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import RevisionEffects
    from coordinator.postgres.rows import TableMark


@dataclass(frozen=True, kw_only=True)  # without slots: what is found out once is remembered
class Written:
    """The writing of one step, between two looks at the catalog and at the counters of its transaction.

    `effects` are what its SQL says, None when that is not known.
    """

    effects: RevisionEffects | None
    before: Catalog
    after: Catalog
    marks_before: Mapping[int, TableMark]
    marks_after: Mapping[int, TableMark]

    def touches(self, oid: int) -> bool:
        """Whether rows that were in the table may have been changed or removed."""
        return self._updated(oid) or self._deleted(oid) or self._moved(oid)

    def is_said(self, oid: int, *, foreseen: bool) -> bool:
        """Whether what was written in the table is what the step's SQL says; `foreseen`: that it updates its rows."""
        if self._deleted(oid) or not self._sql_says_all:
            return False
        table = self.marks_before[oid].table
        if self._updated(oid) and not (foreseen and not self._key_writes(oid)):
            return False
        return not self._moved(oid) or table in self._altered

    def _updated(self, oid: int) -> bool:
        return self.marks_after[oid].updated > self.marks_before[oid].updated

    def _deleted(self, oid: int) -> bool:
        return self.marks_after[oid].deleted > self.marks_before[oid].deleted

    def _moved(self, oid: int) -> bool:
        return self.marks_after[oid].file != self.marks_before[oid].file

    @cached_property
    def _altered(self) -> frozenset[Table]:
        """Tables that got a new file since their definition is another one."""
        difference = self.after.difference(self.before)
        changed = (
            each.address for each in difference.changed if each.address.kind in {"table", "column", "index"}
        )
        columns = (each for each in (*difference.created, *difference.dropped) if each.kind == "column")
        return frozenset(each[1:3] for each in (*changed, *columns))

    @cached_property
    def _sql_says_all(self) -> bool:
        """Whether nothing of the step's writing is hidden in a body, a trigger, a rule or a view, or in other tables."""
        if self.effects is None or self.effects.unknown:
            return False
        catalogs = (self.before, self.after)
        return not (
            calls_own_code(self.effects, catalogs)
            or reaches_others(self.effects, catalogs)
            or any(writes_besides(each, self._events) for each in catalogs)
        )

    @cached_property
    def _events(self) -> Mapping[Table, set[str]]:
        """How tables were written, by each of their names, in the words of triggers; also where no row was found."""
        said = {} if self.effects is None else written_tables(self.effects)
        events = {table: set(how) for table, how in said.items()}
        for oid, now in self.marks_after.items():
            then = self.marks_before.get(oid)
            how = {
                event
                for event, is_so in (
                    ("INSERT", now.inserted > (then.inserted if then else 0)),
                    ("UPDATE", now.updated > (then.updated if then else 0)),
                    ("DELETE", now.deleted > (then.deleted if then else 0)),
                    ("TRUNCATE", then is not None and now.file != then.file),
                )
                if is_so
            }
            for each in self._names(oid) if how else ():
                events.setdefault(each, set()).update(how)
        return events

    def _names(self, oid: int) -> set[Table]:
        """What a table was and is called, and the partitioned one that it belongs to."""
        marks = [side[oid] for side in (self.marks_before, self.marks_after) if oid in side]
        roots = {each.root for each in marks if each.root is not None}
        sides = (self.marks_before, self.marks_after)
        return {
            *(each.table for each in marks),
            *(side[root].table for side in sides for root in roots if root in side),
        }

    def _key_writes(self, oid: int) -> bool:
        """Whether a foreign key with an action may have written in the table."""
        others = [each for each in self.marks_before if each in self.marks_after]
        updated = any(self._updated(each) for each in others if each != oid)
        deleted = any(self._deleted(each) for each in others)
        return any(
            key_writes(catalog, table, updated=updated, deleted=deleted)
            for catalog in (self.before, self.after)
            for table in self._names(oid)
        )

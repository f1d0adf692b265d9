"""What a statement did to tables: the difference between what the transaction held before it and after it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.locks import LockMode
from coordinator.model.trace import TableWork, TracedLock, WorkKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from coordinator.postgres.tracing import HeldRelation, TracedRelation

Table = tuple[str, str]
_ANYBODY = frozenset({LockMode.ACCESS_SHARE})  # reading, which only the strongest lock of all minds
_WITH_FILES = frozenset({"r", "m"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDifference:
    """Two moments of one transaction. `known` are all relations by number, as they were called before the statement.

    `first` are the tables by number, as they were called before the first step.
    """

    known: Mapping[int, TracedRelation]
    before: Mapping[int, HeldRelation]
    after: Mapping[int, HeldRelation]
    first: Mapping[int, Table]

    @property
    def rows(self) -> int:
        """How many rows were written, in all tables together."""
        return sum(
            max(each.now.written - (self.known[number].written if number in self.known else 0), 0)
            for number, each in self.after.items()
            if each.now is not None
        )

    @property
    def changed_files(self) -> tuple[int, ...]:
        """Relations that are new, or have another file than before."""
        return tuple(
            number
            for number, each in self.after.items()
            if each.now is not None
            and each.now.file
            and (number not in self.known or self.known[number].file != each.now.file)
        )

    def locks(self, named: Collection[Table]) -> tuple[TracedLock, ...]:
        """The strongest new lock on each table that was there before; `named` are those of the statement's text."""
        strongest: dict[int, tuple[LockMode, str]] = {}
        for number, held in self.after.items():
            known, mode = self.known.get(number), self._new_mode(number, held)
            if known is None or mode is None or known.kind == "t":
                continue
            table = number if known.is_table else known.owner
            if table != number and self._is_held(table, mode):
                continue  # an index of a table that is held as firmly keeps nobody else waiting
            through = "" if known.is_table else known.name
            there = strongest.get(table)
            if there is None or (mode.strength, not through) > (there[0].strength, not there[1]):
                strongest[table] = (mode, through)
        return tuple(sorted(self._traced(strongest, named), key=lambda each: (each.schema, each.table)))

    def _traced(
        self, strongest: Mapping[int, tuple[LockMode, str]], named: Collection[Table]
    ) -> Iterator[TracedLock]:
        for number, (mode, through) in strongest.items():
            table = self.known.get(number)
            if table is not None and table.is_table:
                name = (table.schema, table.name)
                yield TracedLock(
                    schema=table.schema,
                    table=table.name,
                    mode=mode,
                    named=name in named,
                    through=through,
                    first=self.first.get(number),
                )

    def _is_held(self, number: int, mode: LockMode) -> bool:
        """Whether the transaction held it before, in this mode or a stronger one."""
        before = self.before[number].modes if number in self.before else frozenset()
        return any(each.strength >= mode.strength for each in before)

    def _new_mode(self, number: int, held: HeldRelation) -> LockMode | None:
        """The strongest mode that is new, if it is stronger than all that was held before."""
        before = self.before[number].modes if number in self.before else frozenset()
        new = held.modes - before - _ANYBODY
        if not new:
            return None
        mode = max(new, key=lambda each: each.strength)
        return mode if all(mode.strength > each.strength for each in before) else None

    def works(self, sizes: Mapping[int, int], *, definition: bool, empties: bool) -> tuple[TableWork, ...]:
        """What was done to whole tables that were there before.

        `sizes` are those of the changed files. `definition`: the statement reads nothing but what it must read whole.
        `empties`: it says TRUNCATE, which gives a table and its indexes new files as well.
        """
        found = [*self._rewrites(sizes, empties=empties), *self._index_builds(sizes)]
        if definition:
            done = {(each.schema, each.table) for each in found}
            found.extend(each for each in self._scanned() if (each.schema, each.table) not in done)
        return tuple(sorted(found, key=lambda each: (each.schema, each.table, each.what)))

    def _rewrites(self, sizes: Mapping[int, int], *, empties: bool) -> Iterator[TableWork]:
        for number in self.changed_files:
            known, now = self.known.get(number), self.after[number].now
            if known is None or now is None or known.kind not in _WITH_FILES:
                continue
            # Another tablespace takes all rows along unread.
            written = not empties and (self._scans(number) > 0 or now.space != known.space)
            kind = WorkKind.REWRITE if written else WorkKind.EMPTIED
            yield TableWork(
                kind=kind,
                schema=known.schema,
                table=known.name,
                bytes=sizes.get(number, 0),
                first=self.first.get(number),
            )

    def _index_builds(self, sizes: Mapping[int, int]) -> Iterator[TableWork]:
        changed = set(self.changed_files)
        for number in changed:
            now = self.after[number].now
            table = self.known.get(now.owner) if now is not None and now.kind == "i" else None
            if now is not None and table is not None and now.owner not in changed:
                yield TableWork(
                    kind=WorkKind.INDEX_BUILD,
                    schema=table.schema,
                    table=table.name,
                    what=now.name,
                    bytes=sizes.get(number, 0),
                    first=self.first.get(now.owner),
                )

    def _scanned(self) -> Iterator[TableWork]:
        for number in self.after:
            known = self.known.get(number)
            if known is not None and known.kind in _WITH_FILES and self._scans(number) > 0:
                yield TableWork(
                    kind=WorkKind.SCAN,
                    schema=known.schema,
                    table=known.name,
                    first=self.first.get(number),
                )

    def _scans(self, number: int) -> int:
        """How often the statement began to read it from its beginning, be it empty or not."""
        now, known = self.after[number].now, self.known.get(number)
        return 0 if now is None else now.scans - (0 if known is None else known.scans)

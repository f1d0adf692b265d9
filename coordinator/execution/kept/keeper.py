"""Keeps what the steps of a run destroy: who knows what was there before the run, and what trying has shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.execution.kept.keeping import Keeping
from coordinator.model.kept import LossKind
from coordinator.planning.losses import losses_of, merged
from coordinator.postgres.keeping.source import columns_in, columns_there, find_source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from coordinator.execution.kept.keep_plan import KeepPlan
    from coordinator.execution.project import Project
    from coordinator.model.capture import Direction
    from coordinator.model.catalog import Catalog
    from coordinator.model.kept import Loss
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step
    from coordinator.postgres.keeping.source import Source, SourceColumn
    from coordinator.postgres.session import Session


class Keeper:
    """Keeps data for the steps of one run."""

    def __init__(self, session: Session, project: Project, run: int, plan: KeepPlan) -> None:
        self.session = session
        self.project = project
        self.run = run
        self.plan = plan
        self.there: Mapping[int, int] | None = None  # tables before the run, by OID, and their highest column
        # Tables by OID, and numbers of their columns that were personal then, whatever they are called by now.
        self._personal: frozenset[tuple[int, int]] = frozenset()
        # What trying a step has shown that it destroys.
        self._learned: dict[tuple[RevisionKey, Direction], tuple[Loss, ...]] = {}
        # Tables by OID, and numbers of their columns that hold kept values again.
        self._restored: set[tuple[int, int]] = set()
        # Columns that the run made and copied with whole rows, by the table's name then.
        self._own: dict[tuple[str, str], set[str]] = {}

    def begin(self, step: Step, before: Catalog) -> Keeping:
        """Copy what the step is going to destroy, and look at what it is going to bring back.

        As ourselves, before the author's function. Raises StepFailedError when something cannot be kept.
        """
        if self.there is None:
            self.there = columns_there(self.session)
            self._personal = self._find_personal()
        known = self.plan.effects.get((step.key, step.direction))
        forward = step.direction is self.plan.forward
        gone = self.plan.gone.get(step.key, ()) if forward else ()
        losses = losses_of(known, gone, before)
        learned = self._learned.get((step.key, step.direction), ())
        losses = replace(losses, losses=merged((*losses.losses, *learned)))
        keeping = Keeping(self, step, before, losses)
        keeping.begin()
        return keeping

    def _find_personal(self) -> frozenset[tuple[int, int]]:
        policy = self.plan.policy
        found = columns_in(self.session, {schema for schema, *_ in policy.personal})
        return frozenset(
            (oid, number)
            for oid, number, schema, table, column in found
            if policy.personal_of([(schema, table)], [column])
        )

    def left_out(self, source: Source) -> tuple[str, ...]:
        """Those of a table's columns that are not copied because they are personal."""
        return () if self.plan.policy.keep_personal else self.personal(source)

    def personal(self, source: Source) -> tuple[str, ...]:
        """A table's personal columns, by the names that it and they have now or had before the run."""
        now = self.plan.policy.personal_of(source.lineage, [each.name for each in source.columns])
        return tuple(
            each.name
            for each in source.columns
            if each.name in now or (source.oid, each.number) in self._personal
        )

    def learn(self, step: Step, missed: tuple[Loss, ...]) -> None:
        """Note what the step destroys; it is run once more. Also of an empty table: it is locked then, and stays so."""
        key = step.key, step.direction
        self._learned[key] = (*self._learned.get(key, ()), *missed)

    def was_there(self, source: Source, column: SourceColumn | None = None) -> bool:
        """Whether a table, or a column of it, was there before the run, under whatever name.

        One that the run made and into which it has put back what an earlier run had kept counts as well: there is
        no other copy of these values any more, and the run may be taken back.
        """
        return self.has(source.oid, None if column is None else column.number)

    def has(self, oid: int, number: int | None = None) -> bool:
        """The same by the table's OID and the column's number."""
        assert self.there is not None
        highest = self.there.get(oid)
        if number is None:
            return highest is not None or any(each == oid for each, _ in self._restored)
        return (highest is not None and number <= highest) or (oid, number) in self._restored

    def note_put_back(self, source: Source, names: Collection[str]) -> None:
        """Note that these columns hold values again that an earlier run had kept; its own are made by it once more."""
        own = self._own.get((source.schema, source.name), ())
        self._restored.update(
            (source.oid, each.number)
            for each in source.columns
            if each.name in names and each.name not in own
        )

    def note_own(self, table: tuple[str, str], names: Collection[str]) -> None:
        """Note columns of the run's own whose values are copied with the rows of a table that was there."""
        self._own.setdefault(table, set()).update(names)

    def note_made_anew(self, loss: Loss, before: Catalog) -> None:
        """Note that what a step destroyed may be there again, under the same names, with the old values moved into it.

        Its copy holds the values as they were; those that the step has left belong to nobody's copy. `before` is the
        catalog before the step.
        """
        now = None if loss.kind is LossKind.ROWS else find_source(self.session, *loss.relation)
        if now is not None:
            names = {each.part for each in before.numbers if each[:3] == ("column", *loss.relation)}
            self.note_put_back(now, set(loss.columns) or names)

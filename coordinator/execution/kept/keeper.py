"""Keeps what the steps of a run destroy: who knows what was there before the run, and what trying has shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.execution.kept.keeping import Keeping
from coordinator.planning.losses import losses_of, merged
from coordinator.postgres.keeping.source import columns_there, find_source, has_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from coordinator.execution.kept.keep_plan import KeepPlan, Missed
    from coordinator.execution.project import Project
    from coordinator.model.capture import Direction
    from coordinator.model.catalog import Address, Catalog
    from coordinator.model.kept import Loss
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step
    from coordinator.postgres.keeping.source import Source, SourceColumn
    from coordinator.postgres.session import Session


@dataclass(slots=True, kw_only=True)
class Learned:
    """What was found out about a step by trying it. `harmless` are addresses and tables that lost nothing."""

    gone: list[Address] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    harmless: set[object] = field(default_factory=set)


class Keeper:
    """Keeps data for the steps of one run."""

    def __init__(self, session: Session, project: Project, run: int, plan: KeepPlan) -> None:
        self.session = session
        self.project = project
        self.run = run
        self.plan = plan
        self.there: Mapping[int, int] | None = None  # tables before the run, by OID, and their highest column
        self._learned: dict[tuple[RevisionKey, Direction], Learned] = {}
        # Tables by OID, and numbers of their columns that hold kept values again.
        self._restored: set[tuple[int, int]] = set()

    def begin(self, step: Step, before: Catalog) -> Keeping:
        """Copy what the step is going to destroy, and look at what it is going to bring back.

        As ourselves, before the author's function. Raises StepFailedError when something cannot be kept.
        """
        if self.there is None:
            self.there = columns_there(self.session)
        learned = self.learned(step)
        known = self.plan.effects.get((step.key, step.direction))
        forward = step.direction is self.plan.forward
        gone = self.plan.gone.get(step.key, ()) if forward else ()
        losses = losses_of(known, (*gone, *learned.gone), before)
        losses = replace(losses, losses=merged((*losses.losses, *learned.losses)))
        keeping = Keeping(self, step, before, losses)
        keeping.begin()
        return keeping

    def learned(self, step: Step) -> Learned:
        """What earlier tries of the step have shown."""
        return self._learned.setdefault((step.key, step.direction), Learned())

    def learn(self, step: Step, missed: Missed) -> None:
        """Note what the step destroys; the database is back where it was before it."""
        learned = self.learned(step)
        for address in missed.gone:
            if self._is_harmless(address, missed):
                learned.harmless.add(address)
            else:
                learned.gone.append(address)
        for loss in missed.losses:
            source = find_source(self.session, loss.schema, loss.table)
            if source is None or not self.was_there(source) or not has_rows(self.session, source):
                learned.harmless.add(loss.relation)
            else:
                learned.losses.append(loss)

    def _is_harmless(self, address: Address, missed: Missed) -> bool:
        """Whether nothing is lost with a table or column: it only moves, is new, is computed, or has no rows."""
        source = find_source(self.session, address.schema, address.name)
        if source is None:
            return True
        column = source.column(address.part) if address.part else None
        moved = (
            any(oid == source.oid for oid, _ in missed.identities)
            if column is None
            else (source.oid, column.number) in missed.identities
        )
        computed = column is not None and column.generated
        return moved or computed or not self.was_there(source, column) or not has_rows(self.session, source)

    def was_there(self, source: Source, column: SourceColumn | None = None) -> bool:
        """Whether a table, or a column of it, was there before the run, under whatever name.

        One that the run made and into which it has put back what an earlier run had kept counts as well: there is
        no other copy of these values any more, and the run may be taken back.
        """
        assert self.there is not None
        highest = self.there.get(source.oid)
        if column is None:
            return highest is not None or any(oid == source.oid for oid, _ in self._restored)
        return (highest is not None and column.number <= highest) or (
            source.oid,
            column.number,
        ) in self._restored

    def note_put_back(self, source: Source, names: Collection[str]) -> None:
        """Note that these columns hold values again that an earlier run had kept."""
        self._restored.update((source.oid, each.number) for each in source.columns if each.name in names)

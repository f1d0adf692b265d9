"""What is known before a run about the data that its steps destroy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.kept import LossKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from coordinator.model.capture import Direction
    from coordinator.model.catalog import Address
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.kept import KeepPolicy, Loss
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step
    from coordinator.postgres.keeping.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPlan:
    """What is known before a run about what its steps destroy.

    `effects` by revision and direction, as far as they were read; `gone` are tables and columns that each step
    dropped in its rehearsal. `forward` is the run's own direction: a step in the other one takes it back.
    """

    policy: KeepPolicy
    forward: Direction
    effects: Mapping[tuple[RevisionKey, Direction], RevisionEffects] = field(default_factory=dict)
    gone: Mapping[RevisionKey, tuple[Address, ...]] = field(default_factory=dict)

    def row_key(self, step: Step, loss: Loss, source: Source, left_out: Collection[str]) -> tuple[str, ...]:
        """The key that tells the rows of a copy apart when they are put back; () when there is none.

        `left_out` are those of the table's columns that may not be copied.

        A column that the step gives another type may be part of it, for want of a better one: it will do if each
        of its values is printed as before. What the step drops and what may not be copied cannot be.
        """
        never = {*self._dropped(step, loss), *left_out}
        lost = loss.columns if loss.kind is LossKind.COLUMNS else ()
        return source.key_without({*never, *lost}) or source.key_without(never)

    def _dropped(self, step: Step, loss: Loss) -> set[str]:
        """Columns of the table that the step drops, as far as that is known."""
        effects = self.effects.get((step.key, step.direction))
        said = {
            each.object.part
            for each in (effects.of(Verb.DROP) if effects is not None else ())
            if each.object.kind is ObjectKind.COLUMN
            and (each.object.schema, each.object.name) == loss.relation
        }
        seen = {each.part for each in self.gone.get(step.key, ()) if each.relation == loss.relation}
        return said | (seen & set(loss.columns))  # the rehearsal saw renamed ones go as well

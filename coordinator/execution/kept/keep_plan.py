"""What is known about the keeping of data: before a run, and after a step that destroyed more than was foreseen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.capture import Direction
    from coordinator.model.catalog import Address
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.kept import KeepPolicy, Loss
    from coordinator.model.names import RevisionKey


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What a step destroyed that nobody had foreseen. `identities` tell where each column is now, by number."""

    gone: tuple[Address, ...] = ()
    losses: tuple[Loss, ...] = ()
    identities: frozenset[tuple[int, int]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.gone or self.losses)

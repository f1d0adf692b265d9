"""What the rules may ask: how things were and will be, in which order steps run, who lets go before whom. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.impact.world import Alteration
    from coordinator.model.effect import ObjectName
    from coordinator.model.impact import Consumption, Verdict
    from coordinator.model.known_objects import KnownObjects
    from coordinator.model.names import RevisionKey

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a consumer, and why: the end of a sentence that begins with its name.

    `refused`: it breaks in so far as PostgreSQL refuses the change, so that nothing becomes of it in the end.
    `may_fail`: a consumer that degrades may fail, rather than give something else or take longer.
    """

    verdict: Verdict
    why: str
    refused: bool = False
    may_fail: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`start` is where the branch begins, `final` where it ends.

    `steps` are the places of pending revisions in the plan (none: it could not be planned), `releases` where holders are
    dropped or replaced. `stands_on` are the columns of indexes and constraints, `looked_up` those with which indexes of
    the branch begin, `retyped` where columns get another type.
    """

    start: KnownObjects
    final: KnownObjects
    steps: Mapping[RevisionKey, int] = field(default_factory=dict)
    releases: Mapping[ObjectName, tuple[tuple[Position, RevisionKey], ...]] = field(default_factory=dict)
    stands_on: Mapping[ObjectName, frozenset[ObjectName]] = field(default_factory=dict)
    looked_up: frozenset[ObjectName] = frozenset()
    retyped: Mapping[ObjectName, tuple[tuple[Position, RevisionKey], ...]] = field(default_factory=dict)

    @property
    def enums(self) -> frozenset[str]:
        """The names of enum types, without their schemas."""
        return frozenset(name for known in (self.start, self.final) for _, name in known.labels)

    def released(
        self, consumption: Consumption, alteration: Alteration, *, late: bool = False
    ) -> RevisionKey | None:
        """The pending revision that drops or replaces the consumer before this alteration; None: none does.

        `late`: it holds nothing until it runs, so being replaced in the same revision as the alteration is early enough.
        """
        holder = consumption.holder
        if holder is None:
            return None
        since = self._since(consumption)
        until = (alteration.position[0] + 1, 0) if late else alteration.position
        names = [holder, *([holder.relation] if holder.part else [])]
        names.extend(
            name for name in self.releases if name.kind is ObjectKind.SCHEMA and name.schema == holder.schema
        )
        for name in names:
            for position, key in self.releases.get(name, ()):
                if since <= position < until and key != consumption.since:
                    return key
        return None

    def retyped_first(self, consumption: Consumption, alteration: Alteration) -> RevisionKey | None:
        """The pending revision that gives a column another type before this alteration of its type; None: none does."""
        if consumption.holder is None or alteration.object.kind is not ObjectKind.TYPE:
            return None
        since = self._since(consumption)
        for position, key in self.retyped.get(consumption.holder, ()):
            if since <= position < alteration.position:
                return key
        return None

    def comes_later(self, consumption: Consumption, alteration: Alteration) -> bool:
        """Whether the consumer is a pending revision, or made by one, that runs after the alteration."""
        return consumption.since is not None and self._since(consumption) > alteration.position

    def _since(self, consumption: Consumption) -> Position:
        if consumption.since is None:
            return (-1, 0)
        return (self.steps.get(consumption.since, -1), 0)

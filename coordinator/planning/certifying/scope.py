"""What of a database a plan touches or reads: a difference there may make another run of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from coordinator.model.effect import Effect, LastingUse, ObjectName, RevisionEffects
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan, Step
    from coordinator.model.rehearsal import Rehearsal

_ANYTHING_WIDE = "database"  # in `touches`: what lies in no schema


@dataclass(slots=True)
class Scope:
    """Names (schema, name) that a plan depends on, and schemas of which it may depend on anything."""

    bound: set[tuple[str, str]] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)

    def add(self, name: ObjectName | None) -> None:
        """Depend on an object, and on the relation that it is a part of."""
        if name is not None:
            self.bound.add((name.schema, name.name))


def scope_of(
    plan: RunPlan,
    rehearsal: Rehearsal,
    effects: Sequence[Mapping[RevisionKey, RevisionEffects]],
    uses: Iterable[LastingUse],
    modules: Iterable[Module],
) -> Scope:
    """What the plan's steps touch or read, by their SQL in both directions and by what their rehearsal did.

    Whoever holds what they touch is part of it, and so is what that uses. A step of which not all is known may reach
    anything of its own module and of those that it says it touches.
    """
    scope = Scope()
    schemas = {module.name: module.schemas for module in modules}
    for step in plan.steps:
        for known in (each[step.key] for each in effects if step.key in each):
            _add_effects(scope, known.effects)
            if known.unknown:
                scope.whole.update(_reach(step, schemas))
    for rehearsed in rehearsal.steps:
        scope.bound.update((each.schema, each.name) for each in rehearsed.made.objects)
    for locks in rehearsal.locks:
        scope.bound.update((each.schema, each.table) for each in locks.tables)
    _add_holders(scope, tuple(uses))
    return scope


def _add_effects(scope: Scope, effects: Iterable[Effect]) -> None:
    for each in effects:
        for name in (each.object, each.holder, each.to, *each.alternatives):
            scope.add(name)


def _reach(step: Step, schemas: Mapping[str, tuple[str, ...]]) -> set[str]:
    names = {step.key.module, *step.touches} - {_ANYTHING_WIDE}
    return {schema for name in names for schema in schemas.get(name, (name,))}


def _add_holders(scope: Scope, uses: tuple[LastingUse, ...]) -> None:
    """Views over views over a touched table, and so on; and one step down: what a touched object uses."""
    waiting = True
    while waiting:
        before = len(scope.bound)
        for each in uses:
            if (each.used.schema, each.used.name) in scope.bound:
                scope.add(each.holder)
        waiting = len(scope.bound) > before
    for each in [each for each in uses if (each.holder.schema, each.holder.name) in scope.bound]:
        scope.add(each.used)

"""Each module's part of a run: its changes, whom they affect, what they need, and how to take them back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.plan import MigrationPlan, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from coordinator.model.capture import Capture
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency, Step


def parts_of(
    steps: Sequence[Step], dependencies: Sequence[Dependency], ways_back: Mapping[RevisionKey, Capture]
) -> tuple[MigrationPlan, ...]:
    """One part for each module that has steps, in the order in which they first appear."""
    own: dict[str, list[Step]] = {}
    for step in steps:
        own.setdefault(step.key.module, []).append(step)
    touching: dict[str, list[Dependency]] = {name: [] for name in own}
    for each in dependencies:
        if each.before.module != each.after.module:
            for name in (each.before.module, each.after.module):
                touching.setdefault(name, []).append(each)
    return tuple(_part(name, own[name], touching[name], ways_back) for name in own)


_ENDING = frozenset({Reason.ENDS, Reason.RELEASES, Reason.TIGHTENS})


def with_impact(steps: Iterable[Step], dependencies: Iterable[Dependency]) -> tuple[Step, ...]:
    """The steps with their changes saying which other modules use what they end or tighten, a sentence each."""
    told: dict[RevisionKey, dict[int, dict[str, None]]] = {}
    for each in dependencies:
        if each.before.module != each.after.module and each.reason in _ENDING:
            lines = told.setdefault(each.after, {})
            lines.setdefault(each.place.line if each.place else 0, {})[each.why] = None
    return tuple(_told(step, told[step.key]) if step.key in told else step for step in steps)


def _told(step: Step, lines: Mapping[int, Mapping[str, None]]) -> Step:
    changes = (replace(each, impact_analysis=tuple(lines.get(each.line, ()))) for each in step.changes)
    return replace(step, changes=tuple(changes))


def _part(
    module: str,
    own: Sequence[Step],
    dependencies: Sequence[Dependency],
    ways_back: Mapping[RevisionKey, Capture],
) -> MigrationPlan:
    needs = (each for each in dependencies if each.after.module == module)
    return MigrationPlan(
        module=module,
        changes=tuple(change for step in own for change in step.changes),
        affected_modules=_affected(module, dependencies),
        dependencies=tuple(dict.fromkeys(each.why for each in needs)),
        rollback_script="\n".join(_script(step, ways_back.get(step.key)) for step in reversed(own)),
    )


def _affected(module: str, dependencies: Sequence[Dependency]) -> tuple[str, ...]:
    """Modules that use what this one makes, or used what it ends."""
    users = {
        each.after.module
        for each in dependencies
        if each.before.module == module and each.reason is Reason.USES
    }
    losers = {
        each.before.module for each in dependencies if each.after.module == module and each.reason in _ENDING
    }
    return tuple(sorted((users | losers) - {module}))


def _script(step: Step, capture: Capture | None) -> str:
    """The SQL that takes one step back, with a comment for what is not known."""
    lines = [f"-- {step.key} {' '.join(step.message.split())}".rstrip()]
    if capture is None:
        return "\n".join([*lines, "-- not captured: its downgrade() was not run"])
    lines.extend(f"-- not complete: {' '.join(reason.split())}" for reason in capture.unknown)
    if capture.error is not None:
        lines.append(f"-- its downgrade() raised {' '.join(capture.error.split())}")
    if capture.empty:
        lines.append("-- its downgrade() does nothing")
    lines.extend(f"{statement.sql.strip().rstrip(';')};" for statement in capture.statements)
    return "\n".join(lines)

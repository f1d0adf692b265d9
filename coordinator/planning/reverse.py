"""The way back: applied steps reversed by their downgrades, newest first. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.capture import Direction
from coordinator.model.plan import Atomicity, RunPlan, Segment
from coordinator.planning.digest import digest_of
from coordinator.planning.parts import parts_of
from coordinator.sql.command import Command, CommandKind
from coordinator.sql.parser import commands
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from coordinator.model.capture import Capture
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step


def reverse_plan(
    segments: Sequence[Segment],
    upgrades: Mapping[RevisionKey, Capture],
    downgrades: Mapping[RevisionKey, Capture],
) -> RunPlan:
    """The plan that takes these segments back: last segment first, and in each the last step first.

    The segments mirror those given, so what was committed together is taken back together; a reversal that
    cannot share a transaction is a segment of its own. A revision without a capture counts as transactional.
    """
    groups: list[tuple[Step, ...]] = []
    for segment in reversed(segments):
        back = [opposite_step(step, upgrades, downgrades) for step in reversed(segment.steps)]
        groups.extend(_split(back))
    numbered = _numbered(groups)
    plan = RunPlan(segments=numbered, atomicity=Atomicity.AUTO)
    captures = downgrades if plan.direction is Direction.DOWNGRADE else upgrades
    modules = parts_of(plan.steps, (), upgrades if captures is downgrades else downgrades)
    return replace(plan, modules=modules, digest=digest_of(plan))


def opposite_step(
    step: Step, upgrades: Mapping[RevisionKey, Capture], downgrades: Mapping[RevisionKey, Capture]
) -> Step:
    """The same revision in the other direction, at the same position."""
    direction = step.direction.opposite
    capture = (upgrades if direction is Direction.UPGRADE else downgrades).get(step.key)
    return replace(
        step,
        direction=direction,
        transactional=capture is None or is_transactional(capture),
        because=(),
        changes=(),
    )


def is_transactional(capture: Capture) -> bool:
    """Whether all that a revision sent can run inside a transaction block."""
    return capture.transactional and not any(
        command.kind is CommandKind.ALONE for each in capture.statements for command in _commands(each.sql)
    )


def _commands(sql: str) -> Iterable[Command]:
    try:
        return commands(sql)
    except SqlSyntaxError:
        return ()  # the server will refuse it, with the place; it says nothing about transactions


def _split(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """Runs of steps that can share a transaction; the others each alone."""
    groups: list[list[Step]] = []
    for step in steps:
        if groups and step.transactional and groups[-1][-1].transactional:
            groups[-1].append(step)
        else:
            groups.append([step])
    return [tuple(group) for group in groups]


def _numbered(groups: Sequence[Sequence[Step]]) -> tuple[Segment, ...]:
    position = 0
    segments = []
    for number, group in enumerate(groups, start=1):
        steps = tuple(replace(step, position=position + offset) for offset, step in enumerate(group, start=1))
        position += len(group)
        segments.append(
            Segment(position=number, steps=steps, transactional=all(each.transactional for each in steps))
        )
    return tuple(segments)

"""Plans in a few words, for tests of what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.capture import Direction
from coordinator.model.change import ChangeType, DatabaseChange
from coordinator.model.names import Place, RevisionKey
from coordinator.model.plan import Dependency, MigrationPlan, Reason, RunPlan, Segment, Step

if TYPE_CHECKING:
    from collections.abc import Sequence


def key(name: str) -> RevisionKey:
    return RevisionKey.parse(name)


def edge(before: str, after: str, reason: Reason = Reason.USES, why: str = "") -> Dependency:
    """An edge whose sentence is like the planner's."""
    told = why or f"'{after}' uses table 'crm.customers', which '{before}' creates (modules/crm/a.py:17)"
    return Dependency(before=key(before), after=key(after), reason=reason, why=told, place=Place("b.py", 20))


def follows(before: str, after: str) -> Dependency:
    return edge(before, after, Reason.FOLLOWS, f"'{after}' follows '{before}' in its own tree")


def change(description: str, *, loses_data: bool = False, impact: tuple[str, ...] = ()) -> DatabaseChange:
    return DatabaseChange(
        type=ChangeType.ADD_TABLE,
        table="customers",
        schema="crm",
        description=description,
        loses_data=loses_data,
        impact_analysis=impact,
    )


def step(
    position: int,
    name: str,
    *because: Dependency,
    message: str = "",
    changes: tuple[DatabaseChange, ...] = (),
    transactional: bool = True,
    irreversible: str | None = None,
) -> Step:
    return Step(
        position=position,
        key=key(name),
        direction=Direction.UPGRADE,
        message=message or f"message of {name}",
        place=Place(f"modules/{name.replace(':', '/')}.py", 9),
        transactional=transactional,
        because=because,
        changes=changes,
        irreversible=irreversible,
    )


def plan(*segments: Sequence[Step], modules: tuple[MigrationPlan, ...] = ()) -> RunPlan:
    """A plan of these segments; one with a step that cannot share a transaction commits by itself."""
    return RunPlan(
        segments=tuple(
            Segment(
                position=number, steps=tuple(steps), transactional=all(each.transactional for each in steps)
            )
            for number, steps in enumerate(segments, start=1)
        ),
        modules=modules,
        digest="d" * 64,
    )

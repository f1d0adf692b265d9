"""Trees for the planner in a few words: revisions with the SQL of their upgrade, and what is applied of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.module import Module
from coordinator.model.names import Place, RevisionKey
from coordinator.model.revision import ModuleTree, Revision
from coordinator.planning.planner import PlanCandidates, plan_run
from coordinator.revisions.effects import effects_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.effect import RevisionEffects
    from coordinator.model.plan import RunPlan


@dataclass(frozen=True, slots=True)
class Rev:
    """One revision; without `after` it follows the one listed before it, and () makes it a base.

    `sql` holds statements, the first of them at line 11 of the file, each on its own line.
    """

    name: str
    sql: str = ""
    after: tuple[str, ...] | None = None
    depends_on: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    seen: tuple[tuple[str, str], ...] = ()
    autocommit: bool = False


Forest = dict[str, "Sequence[Rev]"]


def key(name: str) -> RevisionKey:
    return RevisionKey.parse(name)


def tree(module: str, revisions: Sequence[Rev]) -> ModuleTree:
    found: list[Revision] = []
    for each in revisions:
        before = (found[-1].key.revision,) if found else ()
        found.append(
            Revision(
                key=RevisionKey(module, each.name),
                place=Place(f"{module}/{each.name}.py", 1),
                message=f"message of {each.name}",
                down_revisions=before if each.after is None else each.after,
                depends_on=each.depends_on,
                requires=tuple(key(name) for name in each.requires),
                seen=each.seen,
            )
        )
    return ModuleTree(
        module=Module(name=module, path=Path(module), schemas=(module,)), revisions=tuple(found)
    )


def captured(module: str, each: Rev, direction: Direction = Direction.UPGRADE) -> Capture:
    lines = [line.strip() for line in each.sql.strip().splitlines() if line.strip()]
    return Capture(
        key=RevisionKey(module, each.name),
        direction=direction,
        statements=tuple(
            Statement(sql=line, line=number, autocommit=each.autocommit)
            for number, line in enumerate(lines, start=11)
        ),
    )


def effects(forest: Forest) -> dict[RevisionKey, RevisionEffects]:
    return {
        RevisionKey(module, each.name): effects_of(captured(module, each), schema=module)
        for module, revisions in forest.items()
        for each in revisions
    }


def applied_set(names: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name in names.split():
        found.setdefault(key(name).module, set()).add(key(name).revision)
    return {module: frozenset(revisions) for module, revisions in found.items()}


def candidates(forest: Forest, *, applied: str = "", **options: Any) -> PlanCandidates:
    return plan_run(
        trees=[tree(module, revisions) for module, revisions in forest.items()],
        applied=applied_set(applied),
        effects=effects(forest),
        **options,
    )


def plan(forest: Forest, *, applied: str = "", **options: Any) -> RunPlan:
    """The first plan."""
    return candidates(forest, applied=applied, **options).plans[0]


def order(of: RunPlan) -> str:
    """The steps as "one:a1 two:b1"; segments are parted by a bar."""
    return " | ".join(" ".join(step.name for step in segment.steps) for segment in of.segments)


def rules(of: RunPlan) -> list[str]:
    return [finding.rule for finding in of.findings]

"""All modules' versions together: what one module makes another may end, and both then speak of one version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind
from coordinator.planning.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from coordinator.model.effect import Effect, ObjectName, RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree
    from coordinator.planning.versions import ModuleHistory, Point, Version


@dataclass(frozen=True, slots=True)
class History:
    """Every version of every object, and each module's uses, writes, tightenings and releases."""

    versions: Mapping[ObjectName, tuple[Version, ...]]
    columns: Mapping[tuple[str, str], tuple[Version, ...]]  # of a relation, all that it ever had
    modules: Mapping[str, ModuleHistory]

    def known(self, names: Iterable[ObjectName]) -> ObjectName | None:
        """The first of these that any revision makes or ends."""
        return next((name for name in names if name in self.versions), None)

    def tightenings(self, relation: ObjectName) -> list[tuple[Point, Effect]]:
        """Where any module tightens that relation, in the order of modules and trees."""
        return [each for _, one in sorted(self.modules.items()) for each in one.tightenings.get(relation, ())]


def history_of(trees: Sequence[ModuleTree], effects: Mapping[RevisionKey, RevisionEffects]) -> History:
    """Walk every tree and join what they say about the same objects."""
    modules = {
        tree.module.name: walk(tree, effects) for tree in sorted(trees, key=lambda tree: tree.module.name)
    }
    gathered: dict[ObjectName, list[Version]] = {}
    for one in modules.values():
        for name, some in one.versions.items():
            gathered.setdefault(name, []).extend(some)
    joined = {name: _joined(versions) for name, versions in gathered.items()}
    versions = {name: each for name, each in joined.items() if each}
    columns: dict[tuple[str, str], list[Version]] = {}
    for name, each in versions.items():
        if name.kind is ObjectKind.COLUMN:
            columns.setdefault((name.schema, name.name), []).extend(each)
    return History(
        versions=versions, columns={key: tuple(each) for key, each in columns.items()}, modules=modules
    )


def _joined(versions: list[Version]) -> tuple[Version, ...]:
    """One object's versions as all modules tell them; an end without a beginning closes another's open version."""
    begun = [each for each in versions if each.begin is not None]
    kept: list[Version] = []
    for ended in (each for each in versions if each.begin is None):
        opened = [each for each in begun if each.end is None and each.home != ended.home]
        if opened:
            opened[-1].end, opened[-1].ended_by, opened[-1].next = ended.end, ended.ended_by, ended.next
            if ended.next is not None and ended.next.type is None:
                ended.next.type = opened[-1].type
        elif not ended.conditional:  # DROP IF EXISTS of what nobody makes says nothing
            kept.append(ended)
    return (*kept, *begun)

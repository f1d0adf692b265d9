"""What is known before anything is decided: the trees, what is applied, and every version of every object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.planning.history import History, history_of
from coordinator.planning.sentences import Sentences

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from coordinator.model.effect import ObjectName, RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree, Revision
    from coordinator.planning.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The planner's inputs, looked up by what they are asked for.

    `positions` gives a revision's place in its own tree; `linear` are the modules whose tree is a plain chain.
    """

    trees: Mapping[str, ModuleTree]
    revisions: Mapping[RevisionKey, Revision]
    positions: Mapping[RevisionKey, int]
    linear: frozenset[str]
    applied: Mapping[str, frozenset[str]]
    effects: Mapping[RevisionKey, RevisionEffects]
    history: History
    sentences: Sentences
    absent: frozenset[str] = frozenset()  # modules that have no files here

    def is_applied(self, key: RevisionKey) -> bool:
        """Whether the database has it; it may have no file here."""
        return key.revision in self.applied.get(key.module, frozenset())

    def is_pending(self, key: RevisionKey) -> bool:
        """Whether it is known and still to come."""
        return key in self.revisions and not self.is_applied(key)

    @property
    def pending(self) -> tuple[RevisionKey, ...]:
        """Revisions still to come, by module name and place in the tree."""
        return tuple(key for key in self.revisions if not self.is_applied(key))

    def is_past(self, module: str, position: int) -> bool:
        """Whether the module's revision at that position has already run."""
        tree = self.trees.get(module)
        if tree is None or position >= len(tree.revisions):
            return False
        return self.is_applied(tree.revisions[position].key)

    def current(self, name: ObjectName) -> Version | None:
        """The version that is in the database now under that name, or under the one it was given since."""
        found: Version | None = None
        for version in self.history.versions.get(name, ()):
            if version.begin is None or self.is_applied(version.begin.key):
                found = version
        while found is not None and found.end is not None and self.is_applied(found.end.key):
            found = found.next
        return found


def situate(
    trees: Sequence[ModuleTree],
    applied: Mapping[str, frozenset[str]],
    effects: Mapping[RevisionKey, RevisionEffects],
    absent: Collection[str] = (),
) -> Situation:
    """Look at the trees once, from every side that the planner asks about; their order does not matter."""
    by_name = {tree.module.name: tree for tree in sorted(trees, key=lambda tree: tree.module.name)}
    revisions = {each.key: each for tree in by_name.values() for each in tree.revisions}
    return Situation(
        trees=by_name,
        revisions=revisions,
        positions={each.key: place for tree in by_name.values() for place, each in enumerate(tree.revisions)},
        linear=frozenset(name for name, tree in by_name.items() if _is_linear(tree)),
        applied=applied,
        effects=effects,
        history=history_of(tuple(by_name.values()), effects),
        sentences=Sentences(revisions),
        absent=frozenset(absent),
    )


def _is_linear(tree: ModuleTree) -> bool:
    """Whether each revision but the first follows the one before it and nothing else."""
    return all(
        revision.parents == ((tree.revisions[index - 1].key.revision,) if index else ())
        for index, revision in enumerate(tree.revisions)
    )

"""Two people added a revision to the same parent, and nobody merged."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.revision import ModuleTree


class SeveralHeads:
    """A tree ends in one head; more are meant only where each is on a labelled branch of its own."""

    name = "several-heads"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(finding for tree in facts.trees for finding in self._look(tree))

    def _look(self, tree: ModuleTree) -> tuple[Finding, ...]:
        heads = _unmeant_heads(tree)
        if len(heads) < 2:
            return ()
        revisions = [each for each in tree.revisions if each.key.revision in heads]
        others = ", ".join(f"{each.key.revision!r} ({each.place})" for each in revisions[:-1])
        ids = " ".join(each.key.revision for each in revisions)
        return (
            about(
                revisions[-1],
                self.name,
                f"is a head of module {tree.module.name!r}, and so is {others}; a tree ends in one.",
                help=f"In {tree.module.path}: `alembic merge -m merge {ids}`, "
                "or let one of them follow the other (down_revision).",
            ),
        )


def _unmeant_heads(tree: ModuleTree) -> tuple[str, ...]:
    """The heads without a branch label of their own; one such head is the trunk."""
    parents = {each.key.revision: each.down_revisions for each in tree.revisions}
    own = {each.key.revision: each.branch_labels for each in tree.revisions}

    def labels(head: str) -> frozenset[str]:
        found: set[str] = set()
        waiting, walked = [head], {head}
        while waiting:
            current = waiting.pop()
            found.update(own[current])
            fresh = [parent for parent in parents[current] if parent in parents and parent not in walked]
            walked.update(fresh)
            waiting.extend(fresh)
        return frozenset(found)

    carried = {head: labels(head) for head in tree.heads}
    count = Counter(label for each in carried.values() for label in each)
    return tuple(head for head, each in carried.items() if not any(count[label] == 1 for label in each))

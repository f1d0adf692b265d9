"""The rows of a version table after one step, by Alembic's own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.capture import Direction

if TYPE_CHECKING:
    from coordinator.model.revision import ModuleTree, Revision


def heads_after(
    tree: ModuleTree, heads: frozenset[str], revision: Revision, direction: Direction
) -> frozenset[str]:
    """The rows that the version table holds once `revision` was applied, or reversed, on top of `heads`.

    Branches, merges, several bases and `depends_on` are treated as plain `alembic` treats them, so both can
    work on one database in turn. Raises ValueError when the step is impossible: applied twice, or not a head.
    """
    name = revision.key.revision
    if direction is Direction.UPGRADE:
        if name in heads:
            raise ValueError(f"{revision.key} is applied already")
        return (heads - _replaced(tree, heads, revision)) | {name}
    if name not in heads:
        raise ValueError(f"{revision.key} is no head, so it cannot be reversed before what follows it")
    rest = heads - {name}
    return rest | _uncovered(tree, rest, _followed(tree, revision))


def _replaced(tree: ModuleTree, heads: frozenset[str], revision: Revision) -> frozenset[str]:
    """The rows that an upgrade takes away: what it follows, unless another head still stands on that."""
    followed = _followed(tree, revision)
    present = heads & followed
    others = heads - followed
    return present - tree.ancestors(others) if len(present) > 1 and others else present


def _uncovered(tree: ModuleTree, rest: frozenset[str], followed: frozenset[str]) -> frozenset[str]:
    """The rows that come back with a downgrade: what it followed, unless another row implies it."""
    if rest:
        return followed - tree.ancestors(rest)
    if len(followed) < 2:
        return followed
    return frozenset(
        each
        for each in followed
        if not any(each in tree.ancestors(frozenset({other})) for other in followed - {each})
    )


def _followed(tree: ModuleTree, revision: Revision) -> frozenset[str]:
    """What a revision stands on: its down_revisions, and dependencies that none of its ancestors has too."""
    dependencies = set(revision.depends_on)
    if dependencies:
        known = {each.key.revision: each for each in tree.revisions}
        waiting, seen = list(revision.down_revisions), set(revision.down_revisions)
        while waiting:
            ancestor = known.get(waiting.pop())
            if ancestor is not None:
                dependencies -= set(ancestor.depends_on)
                waiting.extend(each for each in ancestor.down_revisions if each not in seen)
                seen |= set(ancestor.down_revisions)
    return frozenset(revision.down_revisions) | dependencies

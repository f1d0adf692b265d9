"""From `--to` to the revisions that are to be reversed: Alembic's own ways to name a place in a tree. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree

_RELATIVE = re.compile(r"(?P<start>.*?)(?P<steps>[-+]\d+)", re.DOTALL)


def above(tree: ModuleTree, applied: frozenset[str], wanted: str) -> frozenset[RevisionKey]:
    """The applied revisions above the one that `wanted` names: those that go when the tree goes down to it.

    `wanted` is a revision id or its beginning, a branch label, `base`, `head`, `-2` (from the head) or `id-1`. Raises
    UsageError for what names nothing, RefusedError for what is not in or may mean several.
    """
    name = tree.module.name
    wanted = wanted.removeprefix(f"{name}:")
    present = [each for each in tree.revisions if each.key.revision in applied]
    if wanted in ("head", "heads"):
        return frozenset()
    if wanted == "base":
        return frozenset(each.key for each in present)
    place = _place(tree, applied, wanted)
    if place is None:
        return frozenset(each.key for each in present)
    if place not in applied:
        raise RefusedError(
            f"{name}:{place} is not in the database, so nothing can go down to it",
            help="`migrate status` shows what is in",
        )
    return frozenset(
        each.key
        for each in present
        if each.key.revision != place and place in tree.ancestors(frozenset({each.key.revision}))
    )


def _place(tree: ModuleTree, applied: frozenset[str], wanted: str) -> str | None:
    """The revision id that is meant; None for the place below all of them."""
    found = _find(tree, wanted)
    if found is not None:
        return found
    relative = _RELATIVE.fullmatch(wanted)
    if relative is None:
        raise _unknown(tree, wanted)
    start = _find(tree, relative["start"]) if relative["start"] else _only_head(tree, applied)
    if start is None:
        raise _unknown(tree, relative["start"])
    steps = int(relative["steps"])
    place: str | None = start
    for _ in range(abs(steps)):
        place = _down(tree, place, wanted) if steps < 0 else _up(tree, place, wanted)
    return place


def _find(tree: ModuleTree, wanted: str) -> str | None:
    """The revision of that id, label or beginning of an id."""
    if tree.find(wanted) is not None:
        return wanted
    labelled = [each.key.revision for each in tree.revisions if wanted in each.branch_labels]
    fitting = labelled or [name for name in sorted(tree.ids) if wanted and name.startswith(wanted)]
    if len(fitting) > 1:
        raise UsageError(f"{wanted!r} may mean {' or '.join(fitting)}.", help="Write more of the id.")
    return fitting[0] if fitting else None


def _only_head(tree: ModuleTree, applied: frozenset[str]) -> str:
    followed = {parent for each in tree.revisions if each.key.revision in applied for parent in each.parents}
    heads = sorted(each for each in applied & tree.ids if each not in followed)
    if len(heads) == 1:
        return heads[0]
    if not heads:
        raise RefusedError(f"nothing of module {tree.module.name!r} is in the database")
    raise RefusedError(
        f"module {tree.module.name!r} has {len(heads)} heads, so a number of steps down may mean several things",
        help=f"name the revision to go down to; the heads are {', '.join(heads)}",
    )


def _down(tree: ModuleTree, place: str | None, wanted: str) -> str | None:
    revision = tree.find(place) if place is not None else None
    if revision is None:
        raise RefusedError(f"{wanted!r} goes below the first revision of module {tree.module.name!r}")
    if len(revision.down_revisions) > 1:
        raise RefusedError(
            f"{revision.key} merges {' and '.join(revision.down_revisions)}, so {wanted!r} may mean several things",
            help="name the revision to go down to",
        )
    return revision.down_revisions[0] if revision.down_revisions else None


def _up(tree: ModuleTree, place: str | None, wanted: str) -> str:
    after = [each.key.revision for each in tree.revisions if place in each.down_revisions]
    if len(after) != 1:
        raise RefusedError(
            f"{len(after)} revisions follow {tree.module.name}:{place}, so {wanted!r} names no single one",
            help="name the revision to go down to",
        )
    return after[0]


def _unknown(tree: ModuleTree, wanted: str) -> UsageError:
    near = difflib.get_close_matches(wanted, sorted(tree.ids), n=1, cutoff=0.4)
    return UsageError(
        f"There is no revision {wanted!r} in module {tree.module.name!r}.",
        help=f"Did you mean {near[0]!r}?"
        if near
        else "`migrate status` shows the heads; `base` and -1 are names too.",
    )

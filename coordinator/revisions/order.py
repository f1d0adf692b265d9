"""A module's revisions joined into a tree: parents first, labels resolved, what does not join told."""

from __future__ import annotations

import difflib
import heapq
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.revision import Revision


def assemble(module: str, found: Sequence[Revision]) -> tuple[tuple[Revision, ...], tuple[Finding, ...]]:
    """The revisions, parents before children and ties by id, and all that keeps them from being a tree."""
    known, twice = _unique(module, found)
    resolved = _resolved(known)
    missing = _missing_parents(module, resolved)
    ordered = _ordered(resolved)
    stuck = frozenset(resolved) - {each.key.revision for each in ordered}
    cycle = (_cycle(module, resolved, stuck),) if stuck else ()
    return ordered, (*twice, *missing, *cycle)


def _unique(module: str, revisions: Sequence[Revision]) -> tuple[dict[str, Revision], tuple[Finding, ...]]:
    """Revisions by id; an id that two files claim is a finding that names both."""
    known: dict[str, Revision] = {}
    findings = []
    for each in revisions:
        other = known.setdefault(each.key.revision, each)
        if other is not each:
            findings.append(
                Finding(
                    rule="duplicate-revision",
                    message=f"{other.place} and {each.place} both say revision {each.key.revision!r}.",
                    module=module,
                    revision=each.key,
                    place=each.place,
                    help="Give one of them another id, also in the files that follow it.",
                )
            )
    return known, tuple(findings)


def _resolved(known: dict[str, Revision]) -> dict[str, Revision]:
    """Branch labels in `depends_on` replaced by the revision that carries the label."""
    carriers = {label: each.key.revision for each in known.values() for label in each.branch_labels}

    def resolve(name: str) -> str:
        return name if name in known else carriers.get(name, name)

    return {
        revision: replace(each, depends_on=tuple(resolve(name) for name in each.depends_on))
        for revision, each in known.items()
    }


def _ordered(known: dict[str, Revision]) -> tuple[Revision, ...]:
    """All that can be reached with every known parent before it."""
    children: dict[str, list[str]] = defaultdict(list)
    waiting: dict[str, int] = {}
    for revision, each in known.items():
        parents = [parent for parent in each.parents if parent in known]
        waiting[revision] = len(parents)
        for parent in parents:
            children[parent].append(revision)
    ready = sorted(revision for revision, count in waiting.items() if not count)
    ordered = []
    while ready:
        revision = heapq.heappop(ready)
        ordered.append(known[revision])
        for child in children[revision]:
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, child)
    return tuple(ordered)


def _missing_parents(module: str, known: dict[str, Revision]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            rule="missing-parent",
            message=f"{each.place}: revision {each.key.revision!r} follows {parent!r}, "
            f"which no file of module {module!r} has.",
            module=module,
            revision=each.key,
            place=each.place,
            help=_nearest(parent, known),
        )
        for each in known.values()
        for parent in each.down_revisions
        if parent not in known
    )


def _nearest(parent: str, known: dict[str, Revision]) -> str:
    near = difflib.get_close_matches(parent, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else "Bring the file back, or correct down_revision."


def _cycle(module: str, known: dict[str, Revision], stuck: frozenset[str]) -> Finding:
    """One circle. Every stuck revision has a stuck parent, so walking up from one must meet itself."""
    walked: list[str] = []
    current = min(stuck)
    while current not in walked:
        walked.append(current)
        current = min(parent for parent in known[current].parents if parent in stuck)
    cycle = [*walked[walked.index(current) :], current]
    files = ", ".join(f"{revision!r} ({known[revision].place})" for revision in cycle[:-1])
    return Finding(
        rule="revision-cycle",
        message=f"Revisions follow each other in a circle: {' after '.join(map(repr, cycle))}. "
        f"They are {files}.",
        module=module,
        revision=known[current].key,
        place=known[current].place,
        help="One of these down_revision or depends_on must go.",
    )

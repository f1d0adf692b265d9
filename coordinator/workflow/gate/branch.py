"""What the branch that is judged changes, as far as git tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.repository.git import changed_since, merge_base

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.workflow.gate.bench import Bench


def changed_modules(bench: Bench) -> frozenset[str] | None:
    """The modules with a file in their trees that is another than where the branch began; None: all of them count.

    Those that the pending revisions of such a module say they touch are among them. What is pending may be more: a
    revision that was merged and not yet deployed is pending in every branch. Where something is pending and no module is
    another, as on the default branch itself, there is no branch to tell from what was merged.
    """
    root = bench.settings.root
    try:
        base = merge_base(root, bench.request.since, bench.request.environment)
        changes = {module.name: changed_since(root, base, module.path) for module in bench.project.modules}
    except CoordinatorError:
        return None  # no repository, a shallow clone, modules of other repositories: then all of them count
    own = frozenset(name for name, each in changes.items() if each.added or each.modified or each.deleted)
    if bench.pending and not own:
        return None
    pending = (bench.project.revision(key) for key in bench.pending if key.module in own)
    return own.union(*(revision.touches for revision in pending))


def deletes(bench: Bench, file: Path) -> bool:
    """Whether a file that is not there was there where the branch began; False when nobody can tell."""
    root = bench.settings.root
    try:
        base = merge_base(root, bench.request.since, bench.request.environment)
        return bool(changed_since(root, base, file).deleted)
    except CoordinatorError:
        return False

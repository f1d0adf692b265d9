"""A revision was put below one that is in already: plain Alembic would skip it without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.revision import ModuleTree


class BelowAppliedHead:
    """What an applied revision follows is what it followed when it was applied, or is in as well.

    The ledger's parents are compared with the file's: a version table alone cannot tell, since it holds
    nothing but heads.
    """

    name = "below-applied-head"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(finding for tree in facts.trees for finding in self._look(tree, facts))

    def _look(self, tree: ModuleTree, facts: PreflightFacts) -> tuple[Finding, ...]:
        recorded = {each.key.revision: each for each in facts.applied if each.key.module == tree.module.name}
        above: dict[str, str] = {}
        for revision in tree.revisions:
            was = recorded.get(revision.key.revision)
            if was is None:
                continue
            new = frozenset(revision.parents) - frozenset(was.parents)
            settled = tree.ancestors(frozenset(was.parents)) | recorded.keys()
            for inserted in tree.ancestors(new) - settled:
                above.setdefault(inserted, revision.key.revision)
        return tuple(
            about(
                revision,
                self.name,
                f"was put below {above[revision.key.revision]!r}, which is in, so it would never run.",
                help=f"Let it follow the module's head instead: down_revision = {tree.heads[-1]!r}, "
                f"and put the parent of {above[revision.key.revision]!r} back.",
            )
            for revision in tree.revisions
            if revision.key.revision in above
        )

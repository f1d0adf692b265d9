"""The database says that a revision is in, and nobody knows what it is."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding
from coordinator.model.names import Place, RevisionKey

if TYPE_CHECKING:
    from coordinator.checks.preflight.facts import PreflightFacts
    from coordinator.model.revision import ModuleTree


class MissingRevisionFile:
    """Each row of a version table is a file of this checkout, or a revision that the ledger remembers."""

    name = "missing-revision-file"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        remembered = {each.key for each in facts.applied}
        return tuple(
            self._finding(tree, head)
            for tree in facts.trees
            for head in sorted(facts.heads.get(tree.module.name, ()))
            if not _is_known(tree, head, facts) and RevisionKey(tree.module.name, head) not in remembered
        )

    def _finding(self, tree: ModuleTree, head: str) -> Finding:
        key = RevisionKey(tree.module.name, head)
        table = ".".join(tree.module.qualified_version_table)
        near = difflib.get_close_matches(head, [each.key.revision for each in tree.revisions], n=1)
        return Finding(
            rule=self.name,
            message=f"Version table {table} says that {key} is in, but no file in {tree.module.versions} "
            "has that id and the ledger does not know it.",
            module=tree.module.name,
            revision=key,
            place=Place(str(tree.module.versions)),
            help="Check out the version of the module that has it, or bring the file back"
            + (f"; the nearest id is {near[0]!r}." if near else "."),
        )


def _is_known(tree: ModuleTree, head: str, facts: PreflightFacts) -> bool:
    """Whether the row is a revision of this module, or of another one that shares its version table."""
    table = tree.module.qualified_version_table
    return any(
        other.find(head) is not None
        for other in facts.trees
        if other is tree or other.module.qualified_version_table == table
    )

"""`depends_on` is Alembic's, and Alembic knows one tree only."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree, Revision


class ForeignDependsOn:
    """Whatever `depends_on` names is in the same tree; otherwise every plain `alembic` command there dies."""

    name = "foreign-depends-on"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(
            self._finding(revision, name, tree, facts)
            for tree in facts.trees
            for revision in tree.revisions
            for name in revision.depends_on
            if tree.find(name) is None
        )

    def _finding(self, revision: Revision, name: str, tree: ModuleTree, facts: PreflightFacts) -> Finding:
        meant = _meant(name, tree, facts)
        pending = any(each.key == revision.key for each in facts.pending(tree))
        severity = Severity.ERROR if pending else Severity.WARNING
        if meant:
            line = ", ".join(f'"{key}"' for key in meant)
            choice = "" if len(meant) == 1 else " (keep the one that is meant)"
            return about(
                revision,
                self.name,
                f"has depends_on {name!r}, a revision of another module; plain `alembic` fails on it.",
                severity=severity,
                help=f"Write instead: requires = [{line}]{choice}",
            )
        near = difflib.get_close_matches(name, [each.key.revision for each in tree.revisions], n=1)
        return about(
            revision,
            self.name,
            f"has depends_on {name!r}, which no module here has.",
            severity=severity,
            help=f"Did you mean {near[0]!r}?"
            if near
            else 'For another module, write requires = ["module:revision"].',
        )


def _meant(name: str, tree: ModuleTree, facts: PreflightFacts) -> tuple[RevisionKey, ...]:
    """The revisions of other modules that this name may stand for: an id, module:id, or a branch label."""
    others = [other for other in facts.trees if other is not tree]
    return tuple(
        each.key
        for other in others
        for each in other.revisions
        if name in (each.key.revision, str(each.key)) or name in each.branch_labels
    )

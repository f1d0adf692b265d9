"""`requires` names a module that the map gives no reason to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import about
from coordinator.mapfile.contract_edges import CodeEdge
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.mapfile.contract_edges import DeclaredEdges
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import Revision


class RequiresAgainstMap:
    """A revision waits only for modules that its own depends on, by the map; least of all for one that needs it."""

    name = "requires-against-map"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        known = facts.declared
        if known is None:
            return ()
        return tuple(
            self._finding(revision, key, known)
            for revision in facts.pending
            for key in revision.requires
            if key.module != revision.key.module and known.lacks(_edge(revision, key))
        )

    def _finding(self, revision: Revision, key: RevisionKey, known: DeclaredEdges) -> Finding:
        module = revision.key.module
        if known.needs(key.module, module):
            return about(
                revision,
                self.name,
                f"requires '{key}', and the map has it the other way round: module {key.module!r} depends on"
                f" {module!r}. Neither module could then be released without the other.",
                help=f"Give {module!r} what it needs of {key.module!r} by a revision of {key.module!r},"
                " or turn the dependency in the map round.",
            )
        return about(
            revision,
            self.name,
            f"requires '{key}', and the map does not say that module {module!r} depends on {key.module!r}.",
            severity=Severity.WARNING,
            help=f"In the map, {known.line_to_write(_edge(revision, key))}; or drop the requirement.",
        )


def _edge(revision: Revision, key: RevisionKey) -> CodeEdge:
    return CodeEdge(revision.key.module, key.module, None, None, "", None)

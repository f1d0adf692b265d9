"""One revision changes a schema and another module's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.lint.facts import CHANGES
from coordinator.checks.preflight.facts import about
from coordinator.model.effect import Verb
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.effect import Effect
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision


class MixedDataChange:
    """Rows of another module are changed by a revision that does nothing else.

    Otherwise the owner's rows stay locked for as long as the schema change takes, and neither half can be waived,
    reversed or ordered without the other.
    """

    name = "mixed-data-change"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        findings = []
        for revision in facts.pending:
            changes = [
                each
                for each in facts.effects(revision)
                if each.verb in CHANGES and facts.owner(each.object) == revision.key.module
            ]
            if changes:
                findings.extend(self._writes(revision, changes[0], facts))
        return tuple(findings)

    def _writes(self, revision: Revision, change: Effect, facts: LintFacts) -> list[Finding]:
        written = {
            effect.object: (effect, owner)
            for effect, owner in facts.abroad(revision)
            if effect.verb is Verb.WRITE and not facts.is_new(effect.object)
        }
        return [
            about(
                revision,
                self.name,
                f"writes to {effect.object.shown} of module {owner!r}, and {change.verb.value} {change.object.shown}"
                f" as well: those rows stay locked until the schema change is through.",
                severity=Severity.WARNING,
                line=effect.line,
                help="Split it in two revisions: one with the schema change, one with the rows.",
            )
            for effect, owner in written.values()
        ]

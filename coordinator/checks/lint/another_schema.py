"""A revision changes what lies in another module's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.lint.facts import CHANGES
from coordinator.checks.preflight.facts import about
from coordinator.model.effect import ObjectKind
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.effect import Effect
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision


class AnotherSchema:
    """What a module's schemas hold is changed by that module; who does otherwise says so in `touches`.

    Said, it is a note for the reviewer: the owner ought to know.
    """

    name = "another-schema"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        findings = []
        for revision in facts.pending:
            told: set[tuple[str, str, str]] = set()
            for effect, owner in facts.abroad(revision):
                what = (effect.object.relation.schema, effect.object.relation.name, effect.verb.value)
                if effect.verb in CHANGES and what not in told and not _creates_schema(effect):
                    told.add(what)
                    findings.append(self._finding(revision, effect, owner))
        return tuple(findings)

    def _finding(self, revision: Revision, effect: Effect, owner: str) -> Finding:
        done = f"{effect.verb.value} {effect.object.shown}, which belongs to module {owner!r}"
        if owner in revision.touches:
            return about(
                revision,
                self.name,
                f"{done}, and says so in `touches`.",
                severity=Severity.NOTE,
                line=effect.line,
                help=f"Have the owner of module {owner!r} look at it.",
            )
        return about(
            revision,
            self.name,
            f"{done}: its owner does not know, and the boundary check of the rehearsal will refuse it.",
            line=effect.line,
            help=f"Move this to a revision of {owner!r}, or say `touches = [{owner!r}]` in this one.",
        )


def _creates_schema(effect: Effect) -> bool:
    """Many first revisions say CREATE SCHEMA IF NOT EXISTS for what they are about to use."""
    return effect.object.kind is ObjectKind.SCHEMA and effect.conditional

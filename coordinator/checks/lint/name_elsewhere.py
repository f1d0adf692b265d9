"""A name that only another module's schema has, written as if it were the module's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coordinator.checks.preflight.facts import about
from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.effect import Effect
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision

# Not functions: PostgreSQL's own are called without a schema, and cannot be told from others here.
_KINDS: Final = frozenset({ObjectKind.RELATION, ObjectKind.TYPE, ObjectKind.SEQUENCE})
_USES: Final = (Verb.USE, Verb.HOLD, Verb.WRITE, Verb.DROP, Verb.RENAME)


class NameElsewhere:
    """Names of another module are written with their schema.

    Plain Alembic finds an unqualified one when search_path happens to name that schema; a step of ours looks in the
    module's own schemas alone.
    """

    name = "name-elsewhere"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        findings = []
        for revision in facts.pending:
            told: set[ObjectName] = set()
            for effect in facts.effects(revision):
                name = effect.object
                if effect.verb not in _USES or name.kind not in _KINDS or effect.conditional or name in told:
                    continue
                others = _elsewhere(effect, revision, facts)
                if others:
                    told.add(name)
                    findings.append(self._finding(revision, effect, others))
        return tuple(findings)

    def _finding(self, revision: Revision, effect: Effect, others: list[ObjectName]) -> Finding:
        shown = " and ".join(f"'{each}'" for each in others)
        return about(
            revision,
            self.name,
            f"{effect.verb.value} {effect.object.shown}, which no revision makes; there is {shown}. Without its schema"
            " a name means what search_path says, and that of a step has the module's own schemas alone.",
            severity=Severity.WARNING,
            line=effect.line,
            help=f"Write {others[0]}." if len(others) == 1 else f"Write which is meant: {shown}.",
        )


def _elsewhere(effect: Effect, revision: Revision, facts: LintFacts) -> list[ObjectName]:
    """Objects of that name in other modules' schemas, when the module itself has none."""
    name = effect.object
    if facts.owner(name) != revision.key.module or facts.is_made(name):
        return []
    if any(facts.is_made(each) for each in effect.alternatives):
        return []
    schemas = [schema for schema, owner in facts.owners.items() if owner != revision.key.module]
    there = [ObjectName(name.kind, schema, name.name, name.part) for schema in schemas]
    return [each for each in there if facts.is_made(each)]

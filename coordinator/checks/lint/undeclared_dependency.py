"""A revision needs something of another module, and the map does not say that its module does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coordinator.checks.preflight.facts import about
from coordinator.mapfile.contract_edges import CodeEdge
from coordinator.model.effect import ObjectKind, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.effect import Effect, ObjectName
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision

_USES: Final = (Verb.USE, Verb.HOLD, Verb.WRITE)
_IN_A_TABLE: Final = frozenset(
    {ObjectKind.RELATION, ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.TRIGGER, ObjectKind.POLICY}
)


class UndeclaredDependency:
    """The map says who needs whom before the code does: owners read it, and so does the order of the plan."""

    name = "undeclared-dependency"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        known = facts.declared
        if known is None:
            return ()
        findings = []
        told: set[tuple[str, str]] = set()
        for revision in facts.pending:
            for effect, edge in _edges(revision, facts):
                if (edge.consumer, known.target(edge)) in told or not known.lacks(edge):
                    continue
                told.add((edge.consumer, known.target(edge)))
                findings.append(
                    about(
                        revision,
                        self.name,
                        f"{_verb(effect)} {effect.object.shown} of module {edge.provider!r}, and the map does not"
                        f" declare that module {edge.consumer!r} needs it: whoever changes it will not know of this.",
                        line=effect.line,
                        help=f"In the map, {known.line_to_write(edge)}; or do without it.",
                    )
                )
        return tuple(findings)


def _edges(revision: Revision, facts: LintFacts) -> Iterator[tuple[Effect, CodeEdge]]:
    for effect, owner in facts.abroad(revision):
        # A schema may merely be made, and an unqualified column may belong to another table.
        if effect.verb in _USES and effect.object.kind is not ObjectKind.SCHEMA and not effect.alternatives:
            provider = effect.object.name if effect.object.kind in _IN_A_TABLE else None
            holder = _own_holder(effect.holder, revision, facts)
            yield effect, CodeEdge(revision.key.module, owner, holder, provider, "", None)


def _own_holder(holder: ObjectName | None, revision: Revision, facts: LintFacts) -> str | None:
    """What of the module itself holds; a trigger on another's table has no name of its own in the map."""
    own = holder is not None and facts.owner(holder) == revision.key.module
    return holder.name if holder is not None and own else None


def _verb(effect: Effect) -> str:
    return "goes on using" if effect.verb is Verb.HOLD else effect.verb.value

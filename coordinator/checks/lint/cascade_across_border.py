"""CASCADE takes something of another module with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import about
from coordinator.model.effect import ObjectKind, Verb

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.effect import Effect, ObjectName
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision

_SHOWN = 6


class CascadeAcrossBorder:
    """DROP … CASCADE drops no view or foreign key of another module, TRUNCATE … CASCADE empties no table of one.

    PostgreSQL does so with no more than a notice, and the owner learns of it from an error at run time.
    """

    name = "cascade-across-border"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        findings = []
        for revision in facts.pending:
            for effect in facts.effects(revision):
                if not effect.cascade:
                    continue
                taken = _emptied(effect, facts) if effect.verb is Verb.WRITE else _taken(effect.object, facts)
                foreign = [each for each in taken if _belongs_to_another(each, revision, facts)]
                if foreign:
                    findings.append(self._finding(revision, effect, foreign, facts))
        return tuple(findings)

    def _finding(
        self, revision: Revision, effect: Effect, taken: list[ObjectName], facts: LintFacts
    ) -> Finding:
        shown = [f"{each.shown} of module {facts.owner(each)!r}" for each in taken[:_SHOWN]]
        rest = [f"{len(taken) - _SHOWN} more"] if len(taken) > _SHOWN else []
        emptied = effect.verb is Verb.WRITE
        done = "empties" if emptied else effect.verb.value
        return about(
            revision,
            self.name,
            f"{done} {effect.object.shown} with CASCADE, and that {'empties' if emptied else 'drops'}"
            f" {', '.join([*shown, *rest])} without a word.",
            line=effect.line,
            help="Leave CASCADE out; what stands on it is released by a revision of its own module, which this one"
            " requires.",
        )


def _belongs_to_another(name: ObjectName, revision: Revision, facts: LintFacts) -> bool:
    owner = facts.owner(name)
    return owner is not None and owner != revision.key.module


def _taken(name: ObjectName, facts: LintFacts) -> list[ObjectName]:
    """What PostgreSQL drops with the object: all that stands on it, and what stands on that. Bodies stay."""
    found: dict[ObjectName, None] = {}
    waiting = [name]
    while waiting:
        for holder in facts.holders(waiting.pop()):
            if holder.kind is not ObjectKind.FUNCTION and holder not in found:
                found[holder] = None
                # A key or a default is dropped from its table; of a view all goes.
                waiting.extend([holder] if holder.kind is ObjectKind.RELATION else [])
    return list(found)


def _emptied(effect: Effect, facts: LintFacts) -> list[ObjectName]:
    """The tables whose foreign keys lead to the emptied one, directly or over others."""
    found: dict[ObjectName, None] = {}
    waiting = [effect.object]
    while waiting:
        for holder in facts.holders(waiting.pop()):
            table = holder.relation
            if holder.kind is ObjectKind.CONSTRAINT and table != effect.object and table not in found:
                found[table] = None
                waiting.append(table)
    return list(found)

"""A mandatory column without a default is added to a table that has rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import about
from coordinator.model.effect import ObjectKind, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.effect import Effect
    from coordinator.model.finding import Finding


class RequiredColumn:
    """PostgreSQL refuses it as soon as the table has one row; a staging database without rows lets it pass."""

    name = "required-column"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        return tuple(
            about(
                revision,
                self.name,
                f"adds {', '.join(map(repr, effect.columns or ()))} to {effect.object.shown} as NOT NULL without a"
                f" default, and the table has about {rows:,} rows: PostgreSQL will refuse it.",
                line=effect.line,
                help="Give it a server_default, or add it nullable, fill it, and tighten it in a later revision.",
            )
            for revision in facts.pending
            for effect in added_as_required(facts.effects(revision))
            if (rows := facts.rows(effect.object))
        )


def added_as_required(effects: tuple[Effect, ...]) -> Iterator[Effect]:
    """Where a column that must have a value is added to a table, in one action; not where one is tightened later."""
    added: set[str] = set()
    for effect in effects:
        if effect.verb is Verb.CREATE and effect.object.kind is ObjectKind.COLUMN:
            added.add(effect.object.part)
        elif effect.verb is Verb.TIGHTEN and added.intersection(effect.columns or ()):
            yield effect
            added.clear()
        elif effect.verb is Verb.USE and effect.object.kind is ObjectKind.RELATION:
            added.clear()  # the next ALTER TABLE: rows may have been filled before it

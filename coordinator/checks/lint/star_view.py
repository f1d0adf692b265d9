"""A view takes all columns that another module's table happens to have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import about
from coordinator.model.effect import Holding, ObjectKind, Verb
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.finding import Finding


class StarView:
    """`SELECT *` is written out when the view is made: it then stands on every column of the other module's table.

    The owner can drop none of them, and a new one never shows.
    """

    name = "star-view"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        findings = []
        for revision in facts.pending:
            told = set()
            for effect, owner in facts.abroad(revision):
                holder = effect.holder
                if effect.verb is not Verb.HOLD or not effect.every or effect.holding is not Holding.FIRM:
                    continue
                if (
                    holder is None
                    or holder.kind is not ObjectKind.RELATION
                    or (holder, effect.object) in told
                ):
                    continue
                told.add((holder, effect.object))
                findings.append(
                    about(
                        revision,
                        self.name,
                        f"makes view '{holder}' with all columns of {effect.object.shown}: module {owner!r} can drop or"
                        " retype none of them while the view is there.",
                        severity=Severity.WARNING,
                        line=effect.line,
                        help="Name the columns that the view needs.",
                    )
                )
        return tuple(findings)

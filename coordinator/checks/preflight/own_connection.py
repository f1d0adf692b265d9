"""A revision that connects to something by itself, past the transaction that everything shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about, weight

if TYPE_CHECKING:
    from coordinator.model.finding import Finding


class OwnConnection:
    """The only way to the database is op.get_bind(); what another connection does cannot be taken back."""

    name = "own-connection"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(
            about(
                revision,
                self.name,
                f"opens a connection of its own in {capture.direction.value}() "
                f"({', '.join(capture.connections)}); nothing done there could be taken back.",
                severity=weight(capture.direction),
                line=capture.error_line,
                help="Use op.get_bind(); work that belongs to no database belongs outside the migration.",
            )
            for capture in facts.captures
            if capture.connections and (revision := facts.revision(capture.key)) is not None
        )

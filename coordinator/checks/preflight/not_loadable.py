"""A revision that raises before it ever meets a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about, weight
from coordinator.checks.preflight.withheld_environment import is_address
from coordinator.model.capture import Direction

if TYPE_CHECKING:
    from coordinator.model.finding import Finding


class NotLoadable:
    """Both functions run to their end; one that asked the database first is left to the rehearsal."""

    name = "not-loadable"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        findings = []
        for capture in facts.captures:
            revision = facts.revision(capture.key)
            if revision is None or capture.error is None or capture.unknown:
                continue
            if capture.connections or any(is_address(name) for name in capture.withheld):
                continue  # why it failed is another check's finding
            if capture.direction is Direction.DOWNGRADE and revision.irreversible is not None:
                continue
            findings.append(
                about(
                    revision,
                    self.name,
                    f"fails in {capture.direction.value}(): {capture.error.rstrip('.')}.",
                    severity=weight(capture.direction),
                    line=capture.error_line,
                    help="Correct the file, or make what it imports importable: "
                    f"[tool.migrate.modules.{revision.key.module}] import_paths, interpreter.",
                )
            )
        return tuple(findings)

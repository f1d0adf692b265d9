"""A revision that reads variables which its process does not get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about, weight
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.model.capture import Capture
    from coordinator.model.finding import Finding


class WithheldEnvironment:
    """Revisions do not depend on the environment; a database's address, above all, is not theirs to know."""

    name = "withheld-environment"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(finding for capture in facts.captures for finding in self._look(capture, facts))

    def _look(self, capture: Capture, facts: PreflightFacts) -> tuple[Finding, ...]:
        revision = facts.revision(capture.key)
        addresses = tuple(name for name in capture.withheld if is_address(name))
        others = tuple(name for name in capture.withheld if not is_address(name))
        if revision is None:
            return ()
        findings = []
        if addresses:
            findings.append(
                about(
                    revision,
                    self.name,
                    f"reads {', '.join(addresses)} in {capture.direction.value}(), and a revision gets no "
                    "database's address.",
                    severity=weight(capture.direction),
                    help="Use op.get_bind(): it is the database that is being migrated.",
                )
            )
        if others:
            findings.append(
                about(
                    revision,
                    self.name,
                    f"reads {', '.join(others)} in {capture.direction.value}(), which it does not get, "
                    "so it may do something else here than where it was written.",
                    severity=Severity.WARNING,
                    help="Write the value into the revision, or read it from a table.",
                )
            )
        return tuple(findings)


def is_address(name: str) -> bool:
    """Whether a variable of this name tells where a database is."""
    return name.startswith("PG") or name.removesuffix("_FILE").endswith("DATABASE_URL")

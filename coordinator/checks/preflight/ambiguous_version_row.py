"""Two modules share a version table and an id, so one row would say that both are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision


class AmbiguousVersionRow:
    """Ids may repeat between modules, but not between those that keep their heads in one table."""

    name = "ambiguous-version-row"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        findings = []
        known: dict[tuple[tuple[str, str], str], Revision] = {}
        for tree in facts.trees:
            table = tree.module.qualified_version_table
            for revision in tree.revisions:
                other = known.setdefault((table, revision.key.revision), revision)
                if other is not revision:
                    findings.append(
                        about(
                            revision,
                            self.name,
                            f"has the id of {other.key} ({other.place}), and {'.'.join(table)} keeps the "
                            "heads of both modules: its row would mean either.",
                            help=f"Give module {revision.key.module!r} a version_table of its own, or one of "
                            "the revisions another id.",
                        )
                    )
        return tuple(findings)

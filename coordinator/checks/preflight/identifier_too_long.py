"""A name that does not fit where it is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from coordinator.checks.preflight.facts import PreflightFacts, about
from coordinator.model.capture import Direction
from coordinator.model.finding import Severity
from coordinator.sql.parser import identifiers
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.revision import ModuleTree

#: PostgreSQL cuts every longer name to this many bytes, with no more than a notice.
LONGEST: Final = 63

# Most statements have nothing that long in them, and need no scanning.
_SOMETHING_LONG = re.compile(rb'[^\s"\'(),;.]{64}|"[^"]{64}')


class IdentifierTooLong:
    """A revision id fits its version table's column, and a name in SQL fits PostgreSQL's 63 bytes."""

    name = "identifier-too-long"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        ids = tuple(finding for tree in facts.trees for finding in self._ids(tree, facts))
        return (*ids, *self._names(facts))

    def _ids(self, tree: ModuleTree, facts: PreflightFacts) -> tuple[Finding, ...]:
        width = facts.widths.get(tree.module.name)
        if width is None:
            return ()
        table = ".".join(tree.module.qualified_version_table)
        return tuple(
            about(
                revision,
                self.name,
                f"has an id of {len(revision.key.revision)} characters, and {table} holds {width}.",
                help="Give it a shorter id, or widen the column: "
                f"ALTER TABLE {table} ALTER COLUMN version_num TYPE varchar(255).",
            )
            for revision in facts.pending(tree)
            if len(revision.key.revision) > width
        )

    def _names(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        findings: list[Finding] = []
        for capture in facts.captures:
            revision = facts.revision(capture.key)
            if revision is None or capture.direction is not Direction.UPGRADE:
                continue
            names = {
                name: each.line for each in reversed(capture.statements) for name in long_names(each.sql)
            }
            findings.extend(
                about(
                    revision,
                    self.name,
                    f"names {name!r}, {len(name.encode())} bytes long; PostgreSQL keeps the first {LONGEST}.",
                    severity=Severity.WARNING,
                    line=line,
                    help=f"What it will be called: {cut(name)!r}. Choose a shorter name.",
                )
                for name, line in sorted(names.items())
            )
        return tuple(findings)


def long_names(sql: str) -> tuple[str, ...]:
    """The names in a text that PostgreSQL would cut."""
    if _SOMETHING_LONG.search(sql.encode()) is None:
        return ()
    try:
        return tuple(name for name in identifiers(sql) if len(name.encode()) > LONGEST)
    except SqlSyntaxError:
        return ()  # a text with an open quote: the server will say it better when the step is rehearsed


def cut(name: str) -> str:
    """The name as PostgreSQL keeps it: whole characters of the first 63 bytes."""
    return name.encode()[:LONGEST].decode(errors="ignore")

"""Rights are given to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import about
from coordinator.model.finding import Severity
from coordinator.sql.nodes import unwrap, word
from coordinator.sql.parser import parse
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.capture import Statement
    from coordinator.model.finding import Finding
    from coordinator.sql.tree import Tree


class GrantToPublic:
    """PUBLIC is every role of the server, those of other modules and of later years too: a border that is open."""

    name = "grant-to-public"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        return tuple(
            about(
                revision,
                self.name,
                "grants rights to PUBLIC, and so to the roles of every module: nobody will know who relies on them.",
                severity=Severity.WARNING,
                line=statement.line,
                help="Grant them to the roles that need them.",
            )
            for revision in facts.pending
            for statement in facts.statements(revision)
            if _grants(statement)
        )


def _grants(statement: Statement) -> bool:
    """Whether one of its commands does so; a text that our grammar does not know is left to the rehearsal."""
    if "public" not in statement.sql.lower():
        return False
    try:
        return any(_is_for_everybody(tree) for tree in parse(statement.sql))
    except SqlSyntaxError:
        return False


def _is_for_everybody(tree: Tree) -> bool:
    node = tree.node
    if tree.kind == "alter_default_privileges_stmt":
        node = node.action
    elif tree.kind != "grant_stmt":
        return False
    roles = (unwrap(each) for each in node.grantees)
    return bool(node.is_grant) and any(word(each, "roletype") == "ROLESPEC_PUBLIC" for each in roles)

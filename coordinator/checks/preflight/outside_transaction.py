"""A command that PostgreSQL refuses inside a transaction, sent inside one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about, weight
from coordinator.checks.preflight.statements import sent
from coordinator.sql.command import CommandKind

if TYPE_CHECKING:
    from coordinator.model.finding import Finding


class OutsideTransaction:
    """CREATE INDEX CONCURRENTLY and its like stand inside autocommit_block(), each a statement of its own."""

    name = "outside-transaction"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        findings = []
        for revision, capture, statement, commands in sent(facts):
            alone = next((each for each in commands if each.kind is CommandKind.ALONE), None)
            if alone is None or (statement.autocommit and len(commands) == 1):
                continue
            where = "in one text with other commands" if statement.autocommit else "inside the transaction"
            findings.append(
                about(
                    revision,
                    self.name,
                    f"sends {alone.verb} {where} in {capture.direction.value}(); PostgreSQL refuses that.",
                    severity=weight(capture.direction),
                    line=statement.line,
                    help="Send it by itself inside `with op.get_context().autocommit_block():`.",
                )
            )
        return tuple(findings)

"""A revision that ends or begins the transaction, which belongs to the whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about, weight
from coordinator.checks.preflight.statements import sent
from coordinator.sql.command import CommandKind

if TYPE_CHECKING:
    from coordinator.model.finding import Finding


class OwnTransaction:
    """No BEGIN, COMMIT or ROLLBACK is sent: a COMMIT would make half a run permanent."""

    name = "own-transaction"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        return tuple(
            about(
                revision,
                self.name,
                f"sends {command.verb} in {capture.direction.value}(); the transaction is the whole run's.",
                severity=weight(capture.direction),
                line=statement.line,
                help=f"Remove the {command.verb}; what cannot run in a transaction goes inside "
                "`with op.get_context().autocommit_block():`.",
            )
            for revision, capture, statement, commands in sent(facts)
            for command in commands
            if command.kind is CommandKind.TRANSACTION
        )

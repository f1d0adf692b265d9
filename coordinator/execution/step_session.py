"""The session around an author's function: whose names and rights hold in it, and how it is left for the next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.failure import StepFailedError, from_statement
from coordinator.execution.transaction import OWN_SETTINGS
from coordinator.model.finding import Finding, Severity
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import comma_separated, compose, identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.conduit import SessionConduit
    from coordinator.execution.project import Project
    from coordinator.model.plan import Step
    from coordinator.postgres.session import Session

# Settings whose change outlives the step and would decide what the next module's statements mean.
_WATCHED = (
    "search_path",
    "role",
    "session_replication_role",
    *OWN_SETTINGS,
    "lock_timeout",
    "default_transaction_isolation",
    "DateStyle",
    "TimeZone",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSession:
    """One session as steps are given it and leave it."""

    session: Session
    project: Project

    def enter(self, step: Step, *, local: bool) -> None:
        """Make the step's module the one that unqualified names mean, and its owner the one who acts."""
        module = self.project.module(step.key.module)
        how = "LOCAL" if local else "SESSION"
        extension_schemas = [row[0] for row in self.session.rows(
            "SELECT DISTINCT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
            " WHERE n.nspname <> 'pg_catalog' ORDER BY 1"
        )]  # fmt: skip
        names = dict.fromkeys((*module.schemas, *extension_schemas))
        path = comma_separated(*(identifier(name) for name in names))
        self.session.execute(compose(f"SET {how} search_path = {{path}}", path=path))
        if module.owner:
            self.session.execute(compose(f"SET {how} ROLE {{role}}", role=identifier(module.owner)))

    def leave(self, *, local: bool = True) -> None:
        """Be ourselves again: every statement of ours names its schema."""
        how = "LOCAL" if local else "SESSION"
        self.session.execute(f"SET {how} ROLE NONE")
        self.session.execute(f"SET {how} search_path = pg_catalog")

    def watched(self) -> dict[str, str | None]:
        """The settings that a step must leave as they are."""
        query = "SELECT " + ", ".join(f"current_setting('{name}', true)" for name in _WATCHED)
        return dict(zip(_WATCHED, self.session.rows(query)[0], strict=True))

    def restore(
        self, step: Step, conduit: SessionConduit, before: Mapping[str, str | None]
    ) -> tuple[Finding, ...]:
        """Put back every setting that the step changed since `watched` was asked, and say so."""
        now = self.watched()
        changed = {name: value for name, value in before.items() if now[name] != value}
        changed |= {
            name: value
            for name, value in conduit.changed_settings.items()
            if name not in before and self.session.value("SELECT current_setting(%s, true)", (name,)) != value
        }
        if "role" in changed:  # that one may perhaps not put back the others
            self.session.execute("SET LOCAL ROLE NONE")
        for name in sorted(changed.keys() - {"role"}):
            self.session.execute("SELECT set_config(%s, %s, true)", (name, changed[name] or ""))
        return tuple(
            Finding(
                rule="session-left-changed",
                severity=Severity.WARNING,
                message=f"{step.key} leaves {name!r} changed for whoever comes after it; it was put back",
                module=step.key.module,
                revision=step.key,
                place=step.place,
                help="use SET LOCAL, or set it back",
            )
            for name in sorted(changed)
        )

    def settle_constraints(self, step: Step, conduit: SessionConduit) -> None:
        """Let deferred constraints speak now: the guilty step hears it, and the next ALTER TABLE finds no pending events.

        Raises StepFailedError.
        """
        try:
            self.session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except StatementError as error:
            part = "a deferred constraint at its end"
            # Which statement is guilty the server does not tell; the last one that names the table is near.
            near = conduit.last_naming(error.table)
            if near is None:
                raise StepFailedError(from_statement(step, part, error)) from error
            part = f"{part} (shown is the last statement that names the table)"
            raise StepFailedError(from_statement(step, part, error, sql=near.sql, line=near.line)) from error

    def begin_anew(self) -> None:
        """Leave the next step a session as a transaction finds it. As ourselves: another owner may not name what is here."""
        # Under plain Alembic each module has a session of its own, so names of temporary tables never meet.
        self.session.execute("DISCARD TEMP")
        # Back to how a transaction begins. What ALL says also holds for constraints that later steps make, and
        # of these the deferred ones are the usual case: IMMEDIATE would break them within their own step.
        self.session.execute("SET CONSTRAINTS ALL DEFERRED")
        immediate = self.session.rows(
            "SELECT DISTINCT n.nspname, c.conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace"
            " WHERE c.condeferrable AND NOT c.condeferred AND c.contype IN ('f', 'u', 'p', 'x', 't')"
        )
        if immediate:
            names = comma_separated(*(identifier(schema, name) for schema, name in immediate))
            self.session.execute(compose("SET CONSTRAINTS {names} IMMEDIATE", names=names))

"""Runs one step on one session: the author's function, then every proof that it did only what it may."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from coordinator.errors import UnsettledError
from coordinator.execution.before_statement import BeforeStatement
from coordinator.execution.conduit import SessionConduit
from coordinator.execution.failure import (
    StepFailedError,
    StepFailure,
    connection_lost,
    from_statement,
    own_connection,
)
from coordinator.execution.keeping import PART as KEEPING
from coordinator.execution.keeping import Missed
from coordinator.execution.transaction import OWN_SETTINGS
from coordinator.model.check import StepFacts
from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.failure import StatementError
from coordinator.postgres.keep_copy import is_ours
from coordinator.postgres.rows import table_marks, written_since
from coordinator.postgres.session import comma_separated, compose, identifier
from coordinator.worker.process import WorkerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.keeping import Keeper, Keeping
    from coordinator.execution.project import Project
    from coordinator.execution.transaction import Transaction
    from coordinator.execution.workers import Workers
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import WrittenTable
    from coordinator.model.plan import RunPlan, Step
    from coordinator.postgres.session import Session

_SAVEPOINT = "migrate_step"
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


class IntegrityCheck(Protocol):
    """A question asked inside the step's own savepoint, right after it ran; every finding is a violation."""

    @property
    def name(self) -> str: ...

    def run(
        self, session: Session, facts: StepFacts, before: Catalog, after: Catalog
    ) -> tuple[Finding, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step that ran well left behind: the catalog after it, how long it took, what is worth saying."""

    after: Catalog
    seconds: float
    findings: tuple[Finding, ...] = ()


class StepRunner:
    """Runs steps on one session. The transaction around a step is its caller's."""

    def __init__(
        self,
        session: Session,
        workers: Workers,
        project: Project,
        checks: tuple[IntegrityCheck, ...],
        plan: RunPlan,
        *,
        keeper: Keeper | None = None,  # None: rows are of no account, as in a rehearsal
    ) -> None:
        self.session = session
        self._keeper = keeper
        self._workers = workers
        self._project = project
        self._checks = checks
        self._missed = Missed()
        self._last = frozenset({step.key.module: step.key for step in plan.steps}.values())

    def catalog(self) -> Catalog:
        """The catalog as it is now; version tables are not part of it."""
        return read_catalog(self.session, ignore=self._project.version_tables)

    def run(
        self,
        step: Step,
        transaction: Transaction,
        before: Catalog,
        *,
        token: str,
        lenient: bool = False,
    ) -> StepResult:
        """Run a step inside the open transaction, in a savepoint of its own (a step that cannot share one: without).

        `lenient`: it brings something half done to one side, so statements whose work is done are passed over.

        `token` names the state of Alembic's memory before the step, for `forget`. Raises StepFailedError; what the
        step did is then still in the transaction, for the caller to roll back.
        """
        began = time.monotonic()
        blocks = None if step.transactional else _Blocks(self, transaction, step)
        if blocks is None:
            self.session.execute(f"SAVEPOINT {_SAVEPOINT}")
        while (result := self._try(step, transaction, before, token, blocks, lenient=lenient)) is None:
            # It destroyed more than was foreseen. Now that is known: once more, and this time it is kept.
            self.session.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            self.forget(step, token)
            self._learn(step)
        if blocks is None:
            self._release(step)
        return replace(result, seconds=time.monotonic() - began)

    def _try(
        self,
        step: Step,
        transaction: Transaction,
        before: Catalog,
        token: str,
        blocks: _Blocks | None,
        *,
        lenient: bool,
    ) -> StepResult | None:
        """Run the step once; None when it destroyed data of which there is no copy, and can be run again."""
        keeping = None if self._keeper is None else self._keeper.begin(step, before)
        if blocks is not None:
            blocks.keeping = keeping
        schema = self._project.module(step.key.module).schema
        indexes = BeforeStatement(session=self.session, schema=schema, lenient=lenient)
        conduit = SessionConduit(
            session=self.session,
            blocks=blocks,
            schema=schema,
            putting_back=None if keeping is None else keeping.back,
            before=indexes,
            destroys=None if keeping is None else keeping.destroys,
        )
        self.enter(step, local=True)
        session_before = self._watched()
        marks = table_marks(self.session)
        asked = self._call(step, conduit, token)
        try:
            transaction.check_ours()
            self._settle_constraints(step, conduit)
            leaks = self._restore_session(step, conduit, session_before)
            self.leave()
            self._refuse_invalid(step, indexes)
            self._begin_anew()
            after = self.catalog()
            written = written_since(self.session, marks)
            if written is not None and blocks is not None:
                # Between its commits we have made copies ourselves.
                written = tuple(each for each in written if not is_ours(each.schema, each.name))
            kept: tuple[Finding, ...] = ()
            if keeping is not None:
                self._missed = keeping.missed(after, table_marks(self.session))
                if self._missed and blocks is None:
                    return None
                kept = keeping.finish(self._missed)
                if keeping.back is not None:
                    self._begin_anew()
                    after = self.catalog()
        except StatementError as error:
            raise StepFailedError(from_statement(step, "what follows its statements", error)) from error
        found = self._check(step, before, after, written)
        return StepResult(after=after, seconds=0.0, findings=(*asked, *leaks, *kept, *found))

    def _learn(self, step: Step) -> None:
        assert self._keeper is not None
        try:
            self._keeper.learn(step, self._missed)
        except StatementError as error:
            raise StepFailedError(from_statement(step, KEEPING, error)) from error

    def forget(self, step: Step, token: str) -> None:
        """Bring Alembic's memory of the step's module back to the state `token`, as the database went back too."""
        module = self._project.module(step.key.module)
        self._workers.for_module(module, self.session.server_version).restore(module, token)

    def enter(self, step: Step, *, local: bool) -> None:
        """Make the step's module the one that unqualified names mean, and its owner the one who acts."""
        module = self._project.module(step.key.module)
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

    def _call(self, step: Step, conduit: SessionConduit, token: str) -> tuple[Finding, ...]:
        """Run the author's function; what it looked for in the environment and did not get."""
        module = self._project.module(step.key.module)
        revision = self._project.revision(step.key)
        part = f"{step.direction.value}()"
        try:
            worker = self._workers.for_module(module, self.session.server_version)
            report = worker.run(module, revision, step.direction, conduit, token=token)
        except WorkerError as error:
            failure = replace(self._failure(step, part, conduit, error), opened=error.connections)
            raise StepFailedError(failure) from error
        if conduit.refused:
            raise StepFailedError(self._refused(step, part, conduit))
        if conduit.lost is not None:
            raise StepFailedError(connection_lost(step, part, *conduit.lost))
        if conduit.failed is not None and self.session.failed:
            # The author's code caught the error, but without a savepoint the whole transaction is lost.
            sent, refusal = conduit.failed
            raise StepFailedError(from_statement(step, part, refusal, sql=sent.sql, line=sent.line))
        if report.connections:
            # It was refused the connection, caught the error, and went on without what it wanted there.
            raise StepFailedError(own_connection(step, part, report.connections))
        return tuple(
            Finding(
                rule="withheld-environment",
                severity=Severity.WARNING,
                message=f"{step.key} looked for {name} in the environment, which a revision is not given",
                module=step.key.module,
                revision=step.key,
                place=step.place,
                help="op.get_bind() is the connection; write what else it needs into the file",
            )
            for name in report.withheld
        )

    def _failure(self, step: Step, part: str, conduit: SessionConduit, error: WorkerError) -> StepFailure:
        if conduit.refused:
            return self._refused(step, part, conduit)
        if conduit.failed is not None:
            sent, refusal = conduit.failed
            return from_statement(step, part, refusal, sql=sent.sql, line=sent.line or error.line)
        if conduit.lost is not None:
            return connection_lost(step, part, *conduit.lost)
        # A process that hangs or has died cannot say where; the last statement that it sent is near.
        near = conduit.sent if error.kind in ("hung", "died") else None
        return StepFailure(
            step=step,
            part=part,
            message=error.message,
            place=Place(step.place.file, error.line or (near.line if near else 0) or step.place.line),
            sql=near.sql if near else None,
            traceback=error.traceback,
        )

    def _refused(self, step: Step, part: str, conduit: SessionConduit) -> StepFailure:
        why, line = conduit.refused[0]
        sql = conduit.sent.sql if conduit.sent is not None and conduit.sent.line == line else None
        return StepFailure(
            step=step, part=part, message=why, place=Place(step.place.file, line or step.place.line), sql=sql
        )

    def _refuse_invalid(self, step: Step, indexes: BeforeStatement) -> None:
        """An index that the step says it builds is there and invalid: `IF NOT EXISTS` took it for done."""
        invalid = indexes.left_invalid()
        if invalid:
            raise StepFailedError(
                StepFailure(
                    step=step,
                    part="a look at the indexes that it builds",
                    message=f"{invalid[0].shown} is there and invalid: its build did not end",
                    place=step.place,
                    hint=f"when nobody builds it now: DROP INDEX CONCURRENTLY {invalid[0]}",
                )
            )

    def _settle_constraints(self, step: Step, conduit: SessionConduit) -> None:
        """Let deferred constraints speak now: the guilty step hears it, and the next ALTER TABLE finds no pending events."""
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

    def _begin_anew(self) -> None:
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

    def _watched(self) -> dict[str, str | None]:
        query = "SELECT " + ", ".join(f"current_setting('{name}', true)" for name in _WATCHED)
        return dict(zip(_WATCHED, self.session.rows(query)[0], strict=True))

    def _restore_session(
        self, step: Step, conduit: SessionConduit, before: Mapping[str, str | None]
    ) -> tuple[Finding, ...]:
        """Put back every setting that the step changed, and say so."""
        now = self._watched()
        changed = {name: value for name, value in before.items() if now[name] != value}
        changed |= {
            name: value
            for name, value in conduit.changed_settings.items()
            if name not in before and self.session.value("SELECT current_setting(%s, true)", (name,)) != value
        }
        for name, value in changed.items():
            if name == "role":
                continue  # `leave` ends every role
            self.session.execute("SELECT set_config(%s, %s, true)", (name, value or ""))
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

    def _check(
        self, step: Step, before: Catalog, after: Catalog, written: tuple[WrittenTable, ...] | None
    ) -> tuple[Finding, ...]:
        facts = StepFacts(
            step=step,
            module=self._project.module(step.key.module),
            modules=self._project.all_modules,
            owners=self._project.owners,
            references=self._project.map_references,
            written=written,
            last_of_module=step.key in self._last,
        )
        found: list[Finding] = []
        for check in self._checks:
            try:
                found.extend(check.run(self.session, facts, before, after))
            except StatementError as error:
                raise StepFailedError(
                    from_statement(step, f"the integrity check {check.name!r}", error)
                ) from error
        broken = tuple(each for each in found if each.severity is Severity.ERROR)
        if broken:
            names = ", ".join(dict.fromkeys(each.rule for each in broken))
            raise StepFailedError(
                StepFailure(
                    step=step,
                    part=f"the integrity check {names!r}"
                    if "," not in names
                    else f"the integrity checks {names}",
                    message=broken[0].message,
                    place=broken[0].place or step.place,
                    hint=broken[0].help,
                    findings=broken[1:],
                )
            )
        return tuple(found)

    def _release(self, step: Step) -> None:
        try:
            self.session.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        except StatementError as error:
            raise UnsettledError(f"{step.key} ended the savepoint it ran in: {error}") from error


class _Blocks:
    """Leaves the segment's transaction for an autocommit block and comes back to a new one."""

    def __init__(self, runner: StepRunner, transaction: Transaction, step: Step) -> None:
        self._runner = runner
        self._transaction = transaction
        self._step = step
        self.keeping: Keeping | None = None

    def leave(self) -> None:
        if self.keeping is not None:
            self._runner.leave()
            self.keeping.pause()
        self._transaction.commit()
        self._runner.enter(self._step, local=False)
        # A concurrent index build blocks nobody while it waits, and with a lock timeout it would never end on a
        # busy server: it fails, leaves an invalid index, and fails again.
        self._runner.session.execute("SET SESSION lock_timeout = 0")

    def come_back(self) -> None:
        self._runner.session.execute("RESET lock_timeout")
        self._runner.leave(local=False)
        self._transaction.begin()
        if self.keeping is not None:
            self.keeping.resume()
        self._runner.enter(self._step, local=True)

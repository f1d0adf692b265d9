"""Runs one step on one session: the author's function, then every proof that it did only what it may."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import UnsettledError
from coordinator.execution.before_statement import BeforeStatement
from coordinator.execution.blocks import Blocks
from coordinator.execution.calling import Calling
from coordinator.execution.checking import ask
from coordinator.execution.conduit import SessionConduit
from coordinator.execution.failure import StepFailedError, StepFailure, from_statement
from coordinator.execution.step_session import StepSession
from coordinator.model.check import StepFacts
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.failure import StatementError
from coordinator.postgres.keeping.copy import is_ours
from coordinator.postgres.rows import table_marks, written_since

if TYPE_CHECKING:
    from coordinator.execution.checking import IntegrityCheck
    from coordinator.execution.kept.keeper import Keeper
    from coordinator.execution.progress import Progress
    from coordinator.execution.project import Project
    from coordinator.execution.tracing import StepTracer
    from coordinator.execution.transaction import Transaction
    from coordinator.execution.workers import Workers
    from coordinator.model.capture import InputFile
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import WrittenTable
    from coordinator.model.effect import ObjectName
    from coordinator.model.finding import Finding
    from coordinator.model.kept import Loss
    from coordinator.model.plan import RunPlan, Step
    from coordinator.postgres.session import Session

_SAVEPOINT = "migrate_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step that ran well left behind: the catalog after it, how long it took, what is worth saying."""

    after: Catalog
    seconds: float
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()  # the files that its function read or imported


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
        self._around = StepSession(session=session, project=project)
        self._calling = Calling(session=session, project=project, workers=workers)
        self._project = project
        self._checks = checks
        self._missed: tuple[Loss, ...] = ()
        self._indexes: BeforeStatement | None = None  # of the latest step
        self._last = frozenset({step.key.module: step.key for step in plan.steps}.values())

    @property
    def built(self) -> tuple[ObjectName, ...]:
        """The indexes that the latest step has built, or begun to build."""
        return () if self._indexes is None else tuple(dict.fromkeys(self._indexes.built))

    def catalog(self) -> Catalog:
        """The catalog as it is now; version tables are not part of it."""
        return read_catalog(self.session, ignore=self._project.version_tables)

    def source(self, step: Step) -> str:
        """The text of the step's revision."""
        return self._project.revision(step.key).source

    def run(
        self,
        step: Step,
        transaction: Transaction,
        before: Catalog,
        *,
        token: str,
        lenient: bool = False,
        progress: Progress | None = None,
        tracer: StepTracer | None = None,
    ) -> StepResult:
        """Run a step inside the open transaction, in a savepoint of its own (a step that cannot share one: without).

        `lenient`: it brings something half done to one side, so statements whose work is done are passed over.
        `progress` counts the statements of one that commits between them, `tracer` watches them.

        `token` names the state of Alembic's memory before the step, for `forget`. Raises StepFailedError; what the
        step did is then still in the transaction, for the caller to roll back.
        """
        began = time.monotonic()
        blocks = None if step.transactional else Blocks(self._around, transaction, step)
        if blocks is None:
            self.session.execute(f"SAVEPOINT {_SAVEPOINT}")
        while (
            result := self._try(
                step, transaction, before, token, blocks, lenient=lenient, progress=progress, tracer=tracer
            )
        ) is None:
            # It destroyed more than was foreseen. Now that is known: once more, and this time it is kept.
            self.session.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            self.forget(step, token)
            assert self._keeper is not None
            self._keeper.learn(step, self._missed)
        if blocks is None:
            self._release(step)
        return replace(result, seconds=time.monotonic() - began)

    def _try(
        self,
        step: Step,
        transaction: Transaction,
        before: Catalog,
        token: str,
        blocks: Blocks | None,
        *,
        lenient: bool,
        progress: Progress | None,
        tracer: StepTracer | None,
    ) -> StepResult | None:
        """Run the step once; None when it destroyed data of which there is no copy, and can be run again."""
        keeping = None if self._keeper is None else self._keeper.begin(step, before)
        if blocks is not None:
            blocks.keeping = keeping
        schema = self._project.module(step.key.module).schema
        self._indexes = indexes = BeforeStatement(
            session=self.session,
            schema=schema,
            lenient=lenient,
            only_alone=blocks is not None and progress is not None and progress.is_known,
        )
        conduit = SessionConduit(
            session=self.session,
            blocks=blocks,
            schema=schema,
            putting_back=None if keeping is None else keeping.back,
            before=indexes,
            progress=progress,
            destroys=None if keeping is None else keeping.destroys,
            tracer=tracer,
        )
        self._around.enter(step, local=True)
        session_before = self._around.watched()
        marks = table_marks(self.session)
        called = self._calling.call(step, conduit, token)
        if progress is not None:
            progress.ended()
        try:
            transaction.check_ours()
            self._around.settle_constraints(step, conduit)
            leaks = self._around.restore(step, conduit, session_before)
            self._around.leave()
            self._refuse_invalid(step, indexes)
            self._around.begin_anew()
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
                    self._around.begin_anew()
                    after = self.catalog()
        except StatementError as error:
            raise StepFailedError(from_statement(step, "what follows its statements", error)) from error
        found = ask(self._checks, self.session, self._facts(step, written, called.inputs), before, after)
        said = (*called.findings, *leaks, *kept, *found)
        return StepResult(after=after, seconds=0.0, findings=said, inputs=called.inputs)

    def forget(self, step: Step, token: str) -> None:
        """Bring Alembic's memory of the step's module back to the state `token`, as the database went back too."""
        self._calling.forget(step, token)

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

    def _facts(
        self, step: Step, written: tuple[WrittenTable, ...] | None, inputs: tuple[InputFile, ...]
    ) -> StepFacts:
        return StepFacts(
            step=step,
            module=self._project.module(step.key.module),
            modules=self._project.all_modules,
            owners=self._project.owners,
            references=self._project.map_references,
            written=written,
            last_of_module=step.key in self._last,
            inputs=inputs,
        )

    def _release(self, step: Step) -> None:
        try:
            self.session.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        except StatementError as error:
            raise UnsettledError(f"{step.key} ended the savepoint it ran in: {error}") from error

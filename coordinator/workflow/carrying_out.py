"""From a plan to the target: rehearse it, look again, apply it; all of it back if a step fails.

What forward runs and rollbacks share. The lock is held by the caller, and the target was only read so far.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.execution.executor import Executor
from coordinator.execution.rollback import RollbackManager
from coordinator.ledger.kept import read_kept
from coordinator.model.kept import NO_MARKS
from coordinator.model.plan import Guarantee
from coordinator.planning.keep_locks import rehearsed_with_keeping
from coordinator.planning.reverse import reverse_plan
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.failure import ConnectionLostError
from coordinator.postgres.table_sizes import read_sizes
from coordinator.workflow.baseline.target import target_baseline
from coordinator.workflow.before_writing import nothing_in_yet
from coordinator.workflow.erasing import erase_after_run
from coordinator.workflow.forecasts import forecasts_of
from coordinator.workflow.half_done import WaysBack
from coordinator.workflow.lock_table import refuse_overfull, within_lock_table
from coordinator.workflow.loss import (
    NOTHING_ASKED,
    KeepRequest,
    keep_plan,
    keep_policy,
    refuse_loss_before_commit,
    refuse_newer_rows,
    refuse_too_much,
)
from coordinator.workflow.max_hold import within_max_hold
from coordinator.workflow.outside import found_outside
from coordinator.workflow.preconditions import checked_rows
from coordinator.workflow.rehearse import Rehearsed, rehearse
from coordinator.workflow.safety import starting_point
from coordinator.workflow.stakes import read_stakes
from coordinator.workflow.state import TargetState, look
from coordinator.workflow.target import refuse_read_only
from coordinator.workflow.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.execution.events import Listener
    from coordinator.execution.monitor import WatchedLock
    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.model.catalog import Catalog
    from coordinator.model.finding import Finding
    from coordinator.model.forecast import Forecast
    from coordinator.model.kept import KeptData
    from coordinator.model.plan import RunPlan
    from coordinator.model.precondition import PreconditionResult
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.covering import Covered
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.preconditions import CheckedRows
    from coordinator.workflow.stakes import Stakes
    from coordinator.workflow.target import Target

OFF = "off"
ROLLBACK = "rollback"  # the kind of run whose reversals are what was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """A plan that is in: what its rehearsal found, its run's number, and how long applying took in seconds."""

    plan: RunPlan
    rehearsal: Rehearsal | None
    run: int
    seconds: float
    findings: tuple[Finding, ...]
    kept: tuple[KeptData, ...] = ()  # what of the destroyed data is held
    preconditions: tuple[PreconditionResult, ...] = ()  # what the steps demanded of rows
    forecasts: tuple[Forecast, ...] = ()  # of a traced rehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryingOut:
    """Everything that is needed to carry out a plan; `kind` is what the ledger calls the run."""

    kind: str
    settings: Settings
    staging: str  # auto, container, embedded, off, or the URL of a server
    consent: Callable[[RunPlan], bool]
    target: Target
    project: Project
    workers: Workers
    lock: WatchedLock
    main: Session
    tell: Listener
    state: TargetState  # as the plan found the target
    captured: Captured
    stepwise: Callable[[], tuple[RunPlan, ...]] | None = (
        None  # the plans with each step in its own transaction
    )
    keep: KeepRequest = NOTHING_ASKED
    covered: Covered | None = None  # by a certificate, which takes the place of a rehearsal
    trace: bool = False  # note what each rehearsed statement does to tables
    attempt: str = ""  # its identity in the ledger; empty: it may always be tried again
    at_begin: Callable[[], None] = lambda: (
        None
    )  # called when nothing but a lost connection can refuse it any more

    def carry_out(self, plans: tuple[RunPlan, ...]) -> CarriedOut:
        """Carry out the first of the plans whose rehearsal passes.

        Raises RefusedError before the first write, ReversedError or UnsettledError after it.
        """
        refuse_read_only(self.main)
        checked = self._check_rows(plans[0])  # cheaper than a rehearsal, which has no rows
        plan, rehearsal, stakes = self._rehearse(plans)
        if plan.steps != plans[0].steps:
            checked = self._check_rows(plan)
        sizes = read_sizes(self.main) if self.trace else {}
        forecasts = forecasts_of(rehearsal, sizes, self.project, self.settings)
        lost = refuse_loss_before_commit(plan, rehearsal, stakes.catalog, self.project, stakes.found)
        refuse_too_much(stakes.found, stakes.keeping.policy)
        refuse_newer_rows(self.main, plan, stakes.keeping, stakes.held, stakes.catalog)
        if plan.guarantee is not Guarantee.ONE_TRANSACTION and not self.consent(plan):
            raise RefusedError("not applied, as you said", help="the target was not touched")
        found = self._look_again(stakes.catalog)
        self.at_begin()
        with ExitStack() as stack:
            run, seconds = self._apply(stack, plan, rehearsal, stakes, found)
        return CarriedOut(
            plan=plan,
            rehearsal=rehearsal,
            run=run,
            seconds=seconds,
            findings=tuple(dict.fromkeys((*plan.findings, *checked.findings, *lost))),
            kept=self._kept(run),
            preconditions=checked.results,
            forecasts=forecasts,
        )

    def _check_rows(self, plan: RunPlan) -> CheckedRows:
        """Refuse a plan of whose demands the target's rows break one."""
        return checked_rows(
            self.main, plan, self.captured, self.project, self.settings.check_budget, tell=self.tell
        )

    def _kept(self, run: int) -> tuple[KeptData, ...]:
        """What is held of what the run destroyed. All is in by now: a lost connection must not be told as a failure."""
        try:
            return tuple(each for each in read_kept(self.main, run=run) if each.run == run)
        except ConnectionLostError:
            return ()  # `migrate history` shows it

    def _catalog(self) -> Catalog:
        return read_catalog(self.main, ignore=self.project.version_tables)

    def _stakes(self, plan: RunPlan, rehearsal: Rehearsal | None, catalog: Catalog) -> Stakes:
        policy = keep_policy(self.settings, self.main, self.keep)
        return read_stakes(self.main, plan, keep_plan(policy, self.captured, plan, rehearsal), catalog)

    def _with_stakes(self, done: Rehearsed, catalog: Catalog) -> Rehearsed:
        """With the locks of the keeping among those of its rehearsal, which began when `catalog` was the target's."""
        stakes = self._stakes(done.plan, done.rehearsal, catalog)
        return replace(done, rehearsal=rehearsed_with_keeping(done.rehearsal, stakes.locks), stakes=stakes)

    def _rehearse(self, plans: tuple[RunPlan, ...]) -> tuple[RunPlan, Rehearsal | None, Stakes]:
        table = self.state.lock_table
        if self.covered is not None:
            refuse_overfull(self.covered.plan, self.covered.rehearsal, table)
            done = self._with_stakes(
                Rehearsed(plan=self.covered.plan, rehearsal=self.covered.rehearsal), self._catalog()
            )
            done = within_max_hold(done, self.settings.max_hold, stepwise=None, rehearse=None, tell=self.tell)
            assert done.stakes is not None
            return done.plan, done.rehearsal, done.stakes
        if self.staging == OFF:
            if len(plans) > 1:
                raise RefusedError(
                    f"{len(plans)} orders are possible, and without a rehearsal nothing can tell which one is right",
                    help='say `requires = ["module:revision"]` in the revision, or allow a staging database',
                )
            refuse_overfull(plans[0], None, table)
            return plans[0], None, self._stakes(plans[0], None, self._catalog())
        self.lock.announce("rehearse", "rehearsing")
        done = within_lock_table(
            self._rehearsed(plans), table, stepwise=self.stepwise, rehearse=self._rehearsed, tell=self.tell
        )
        if self.kind != ROLLBACK:  # whoever takes a release back on a bad night shall not be kept from it
            done = within_max_hold(
                done,
                self.settings.max_hold,
                stepwise=self.stepwise,
                rehearse=self._rehearsed,
                tell=self.tell,
            )
        assert done.stakes is not None
        return done.plan, done.rehearsal, done.stakes

    def _where(self, rehearsal: Rehearsal | None) -> str:
        """Where the plan was rehearsed, for the ledger."""
        if rehearsal is None:
            return "not rehearsed: --staging off"
        return rehearsal.where if self.covered is None else f"{self.covered.name}: {rehearsal.where}"

    def _rehearsed(self, plans: tuple[RunPlan, ...]) -> Rehearsed:
        catalog = self._catalog()
        try:
            with target_baseline(self.target) as baseline:
                done = rehearse(
                    plans,
                    wanted=self.staging,
                    settings=self.settings,
                    baseline=baseline,
                    project=self.project,
                    captured=self.captured,
                    workers=self.workers,
                    tell=self.tell,
                    trace=self.trace,
                )
        except RefusedError:
            self._look_again(catalog)  # what failed was perhaps never as the plan had found it
            raise
        return self._with_stakes(done, catalog)

    def _look_again(self, before: Catalog) -> Catalog:
        """The target's definitions now. Refuses when somebody changed, since `before`, what the plan was rehearsed on."""
        again = f"run `migrate {'rollback' if self.kind == ROLLBACK else 'all-modules'}` again"
        planned, now = self.state.heads, look(self.main, self.project).heads
        changed = sorted(name for name in {*now, *planned} if now.get(name) != planned.get(name))
        if changed:
            raise RefusedError(f"somebody else has migrated {', '.join(changed)} meanwhile", help=again)
        catalog = self._catalog()
        if differing := _differing(before, catalog, self.project):
            more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
            raise RefusedError(
                f"somebody else has changed the target meanwhile: {differing[0]}{more}", help=again
            )
        return catalog

    def _apply(
        self, stack: ExitStack, plan: RunPlan, rehearsal: Rehearsal | None, stakes: Stakes, found: Catalog
    ) -> tuple[int, float]:
        writer = Writer(
            settings=self.settings,
            target=self.target,
            project=self.project,
            workers=self.workers,
            lock=self.lock,
            main=self.main,
            ledger_session=stack.enter_context(self.target.connect("ledger")),
            tell=self.tell,
            keeping=stakes.keeping,
        )
        number = writer.begin_run(
            kind=self.kind,
            plan=plan.digest,
            guarantee=plan.guarantee.value,
            rehearsal=self._where(rehearsal),
            attempt=self.attempt,
            marks=NO_MARKS if self.kind == ROLLBACK or self.keep.marks is None else self.keep.marks,
            planned=tuple(step.key for step in plan.steps),
            outside=found_outside(self.project, self.state, self.captured),
        )
        segments = writer.segments(
            number,
            plan,
            rehearsal,
            holds=self.kind == ROLLBACK,
            effects=self.captured.known_effects,
            locking=self.captured.effects,
            heads=self.state.heads,
            keep_locks=stakes.locks,
        )
        rollback = RollbackManager(
            segments=segments,
            reverse=lambda done: reverse_plan(done, self.captured.upgrades, self.captured.downgrades),
            tell=self.tell,
            where=self.target.shown,
        )
        with nothing_in_yet(segments.journal.ledger, number):
            starting = starting_point(self.main, self.project, plan, found)
            segments.way_back = WaysBack.known(
                self.main,
                plan.steps,
                self.captured.upgrades,
                self.captured.downgrades,
                self.project,
                found,
            ).of
        executor = Executor(segments=segments, rollback=rollback, tell=self.tell)
        with self.lock.to_its_end():  # the executor's own handler lets the first signal stop it
            seconds = executor.apply(plan, starting, self.target.shown)
            erase_after_run(writer.ledger_session)
            return number, seconds


def _differing(before: Catalog, now: Catalog, project: Project) -> tuple[str, ...]:
    """What is another thing by now in the modules' schemas. Tables that came meanwhile are not: partitions do that."""
    schemas, tables = frozenset(project.owners), {each.relation for each in before.definitions}
    there = now.in_schemas(schemas).where(lambda each: each.relation is None or each.relation in tables)
    return there.difference(before.in_schemas(schemas)).sentences()

"""Takes one run that is not over back, or brings what it left half done to one side."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, UnsettledError
from coordinator.execution.categories import categorize, may_pass
from coordinator.execution.events import Listener, Phase, PhaseStarted, StepFailed
from coordinator.execution.failure import StepFailedError
from coordinator.execution.kept.keep_plan import KeepPlan
from coordinator.execution.kept.keeper import Keeper
from coordinator.execution.lone_step import around
from coordinator.execution.step import StepRunner
from coordinator.execution.transaction import Transaction
from coordinator.execution.versions import HeadsChangedError, unprepare_module
from coordinator.ledger.kept import read_kept
from coordinator.ledger.lock import stand_behind_fence
from coordinator.ledger.made import erase_made, read_made
from coordinator.ledger.touched import read_touched
from coordinator.model.capture import Direction
from coordinator.model.effect import Verb
from coordinator.model.finding import Finding, Severity
from coordinator.model.incident import Category
from coordinator.model.plan import RunPlan, Segment, Step
from coordinator.planning.reverse import is_transactional, reverse_plan
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.failure import StatementError
from coordinator.postgres.leftovers import holds_values
from coordinator.reports.wording import counted
from coordinator.revisions.capture import capture
from coordinator.revisions.effects import effects_of
from coordinator.workflow.half_done import Undoing, WaysBack, is_complete, write_down
from coordinator.workflow.integrity import integrity_checks
from coordinator.workflow.loss import keep_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.execution.project import Project
    from coordinator.execution.segment import SegmentRunner
    from coordinator.execution.workers import Workers
    from coordinator.model.capture import Capture
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.kept import KeptData
    from coordinator.model.names import RevisionKey
    from coordinator.model.recovery import HalfDone, UnfinishedRun
    from coordinator.planning.way_back import WayBack
    from coordinator.postgres.session import Session
    from coordinator.workflow.writing import Writer

_STILL_USED = "2BP01"


@dataclass(slots=True, kw_only=True)
class TakingBack:
    """The recovery `number` owns the fence. Whatever it does may be cut off anywhere and done again from the start."""

    writer: Writer
    number: int
    tell: Listener
    findings: list[Finding] = field(default_factory=list)
    _latest: SegmentRunner | None = None
    _captures: dict[tuple[RevisionKey, Direction], Capture] = field(default_factory=dict)

    def take_back(self, run: UnfinishedRun) -> None:
        """Bring the target to where it was before the run. Raises UnsettledError or StepFailedError where it cannot."""
        ended = self._ended(run)
        if run.open_run.run.kind == "rollback":
            out = [*run.out, *((key,) for key in ended)]
            self._carry_out(self._opposite(out, Direction.DOWNGRADE))
        else:
            groups = [tuple(key for key in group if key not in ended) for group in run.committed]
            self._carry_out(self._opposite([each for each in groups if each], Direction.UPGRADE))
            self._unprepare(run.number)

    def finish_half_done(self, half: HalfDone, run: int) -> None:
        """Bring a half done step to the side that is nearer, for `run`, whose other steps stay as they are."""
        if half.direction is Direction.DOWNGRADE:
            self._end_reversal(half)
        elif is_complete(
            half,
            self._effects(half.key, Direction.UPGRADE),
            len(self._captured(half.key, Direction.UPGRADE).statements),
        ):
            with self._patient(half.key):
                write_down(self._main, self._project, half, run, fence=self.number)
        else:
            self._undo(half)

    def _ended(self, run: UnfinishedRun) -> tuple[RevisionKey, ...]:
        """Bring what is half done out; reversals that were cut off are run to their end. The steps that it was."""
        for half in run.half_done:
            if half.direction is Direction.UPGRADE:
                self._undo(half)
            else:
                self._end_reversal(half)
        return tuple(half.key for half in run.half_done)

    def _undo(self, half: HalfDone) -> None:
        step = self._step(half.key, 1, Direction.UPGRADE)
        stopped: list[CoordinatorError] = []
        with self._patient(half.key, stopped):
            way = self._way_back(step)
            plan = RunPlan(segments=(Segment(position=1, steps=(way.back or step,), transactional=False),))
            undoing = Undoing(
                runner=StepRunner(
                    self._main,
                    self._workers,
                    self._project,
                    integrity_checks(self._project),
                    plan,
                    keeper=self._keeper(half, plan),
                ),
                lock=self.writer.lock,
                run=self.number,
                lock_wait=self.writer.settings.lock_wait,
                stopped=stopped,
            )
            self.findings.extend(undoing.undo(half, way, around(step, way, self._project)))
        if (went := _rows_that_went(read_kept(self._main, run=self.number), half.key)) is not None:
            self.findings.append(went)

    def _way_back(self, step: Step) -> WayBack:
        upgrades, downgrades = self._both((step.key,))
        catalog = read_catalog(self._main, ignore=self._project.version_tables)
        return WaysBack.known(self._main, (step,), upgrades, downgrades, self._project, catalog).of(step)

    def _keeper(self, half: HalfDone, plan: RunPlan) -> Keeper | None:
        """Who keeps what others have written since into what a half done upgrade had made.

        Nobody where the upgrade writes rows itself: it does so anew when it is applied again, and older values put
        back over these would be wrong. What was there before the step is not destroyed in either case.
        """
        forth = self._effects(half.key, Direction.UPGRADE)
        if forth.unknown or any(forth.of(Verb.WRITE)):
            return None
        if not any(holds_values(self._main, each) for each in half.left):
            return None
        return Keeper(self._main, self._project, self.number, self._keeping(plan))

    def _end_reversal(self, half: HalfDone) -> None:
        try:
            self._carry_out(self._opposite([(half.key,)], Direction.UPGRADE), resumed={half.key: half})
        except UnsettledError as error:
            raise UnsettledError(
                f"{half.key} was cut off in its {half.direction.value}(): {error.message}",
                details=error.details,
                help=error.help,
            ) from error

    def _opposite(self, groups: list[tuple[RevisionKey, ...]], direction: Direction) -> RunPlan:
        """What went that direction together goes back together, the latest first."""
        keys = tuple(key for group in groups for key in group)
        positions = {key: position for position, key in enumerate(keys, start=1)}
        segments = tuple(
            Segment(
                position=number,
                steps=tuple(self._step(key, positions[key], direction) for key in group),
                transactional=True,
            )
            for number, group in enumerate(groups, start=1)
        )
        return reverse_plan(segments, *self._both(keys))

    def _carry_out(self, plan: RunPlan, *, resumed: Mapping[RevisionKey, HalfDone] | None = None) -> None:
        if not plan.steps:
            return
        # What a rollback must prove of each step, a recovery must too.
        project = replace(self._project, touched=read_touched(self._main, [step.key for step in plan.steps]))
        writer = replace(self.writer, project=project, keeping=self._keeping(plan))
        segments = writer.segments(self.number, plan)
        if self._latest is not None:
            segments.follow(self._latest)
        self._latest = segments
        segments.resumed = resumed or {}
        self.tell(PhaseStarted(phase=Phase.ROLL_BACK, plan=plan, where=self.writer.target.shown))
        for segment in plan.segments:
            try:
                segments.run(segment, Phase.ROLL_BACK)
            except StepFailedError as error:
                self.tell(StepFailed(phase=Phase.ROLL_BACK, failure=error.failure))
                raise

    def _keeping(self, plan: RunPlan) -> KeepPlan:
        """What the steps destroy, read beforehand: one that commits by itself cannot be tried to find that out."""
        return KeepPlan(
            policy=keep_policy(self.writer.settings, self._main, self.writer.keep),
            forward=plan.direction,
            effects={
                (step.key, direction): self._effects(step.key, direction)
                for step in plan.steps
                for direction in Direction
            },
        )

    def _unprepare(self, run: int) -> None:
        """Drop the schemas and version tables that the run made for new modules, where nothing is in them."""
        for name, made in reversed(read_made(self._main, run)):
            try:
                module = self._project.module(name)
                with self._patient(f"module {name!r}"), self._transaction():
                    unprepare_module(self._main, module, made)
                    erase_made(self._main, run, name)
            except KeyError:
                self._keep(name, made, "this checkout has no such module")
            except HeadsChangedError as error:
                self._keep(name, made, error.message)
            except StatementError as error:
                if error.sqlstate != _STILL_USED:
                    raise
                self._keep(name, made, "something else is in it")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One of the recovery's own, behind which nobody waits longer than behind a step."""
        transaction = Transaction(
            self._main,
            lock_wait=self.writer.settings.lock_wait,
            at_begin=lambda: stand_behind_fence(self._main, self.number),
            before_commit=self.writer.lock.ping,
        )
        transaction.begin()
        try:
            yield
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise

    @contextmanager
    def _patient(self, what: RevisionKey | str, stopped: Sequence[CoordinatorError] = ()) -> Iterator[None]:
        """Let no statement wait longer than a run is patient, and say who was in the way.

        `stopped`: what ended the work, where its error does not tell. Raises UnsettledError for what may pass by itself.
        """
        lock = self.writer.lock
        with lock.watching(self._main, wait_limit=self.writer.settings.lock_patience):
            try:
                yield
            except CoordinatorError as error:
                cause = next(iter(stopped), error)
                if not may_pass(cause):
                    raise
                wait = lock.wait if lock.ended_wait or categorize(cause) is Category.LOCK else None
                raise UnsettledError(
                    f"what is left of {what} could not be taken away: {cause if wait is None else f'it did not get {wait}'}",
                    help="once that is over, the same `migrate recover` goes on from there",
                    details=error.details,
                ) from cause

    def _keep(self, name: str, made: tuple[str, ...], why: str) -> None:
        self.findings.append(
            Finding(
                rule="not-dropped",
                severity=Severity.WARNING,
                message=f"{', '.join(made)}, made for module {name!r} by the run, stays: {why}",
                module=name,
            )
        )

    @property
    def _main(self) -> Session:
        return self.writer.main

    @property
    def _project(self) -> Project:
        return self.writer.project

    @property
    def _workers(self) -> Workers:
        return self.writer.workers

    def _effects(self, key: RevisionKey, direction: Direction) -> RevisionEffects:
        return effects_of(self._captured(key, direction), schema=self._project.module(key.module).schema)

    def _both(
        self, keys: tuple[RevisionKey, ...]
    ) -> tuple[dict[RevisionKey, Capture], dict[RevisionKey, Capture]]:
        """The captures of the upgrades and of the downgrades."""
        upgrades = {key: self._captured(key, Direction.UPGRADE) for key in keys}
        return upgrades, {key: self._captured(key, Direction.DOWNGRADE) for key in keys}

    def _captured(self, key: RevisionKey, direction: Direction) -> Capture:
        if (key, direction) not in self._captures:
            module = self._project.module(key.module)
            worker = self._workers.for_module(module, self._main.server_version)
            revision = self._project.revision(key)
            self._captures[key, direction] = capture(worker, module, revision, direction)
        return self._captures[key, direction]

    def _step(self, key: RevisionKey, position: int, direction: Direction) -> Step:
        revision = self._project.revision(key)
        return Step(
            position=position,
            key=key,
            direction=direction,
            message=revision.message,
            place=revision.place,
            transactional=is_transactional(self._captured(key, direction)),
            touches=revision.touches,
            deletes_rows=revision.deletes_rows,
            irreversible=revision.irreversible,
        )


def _rows_that_went(kept: tuple[KeptData, ...], key: RevisionKey) -> Finding | None:
    """What had come into the objects of a half done step since it was cut off, and went with them."""
    theirs = [each for each in kept if each.key == key and each.rows and each.copy is not None]
    if not theirs:
        return None
    told = ", ".join(f"{counted(each.rows, 'row')} of {each.schema}.{each.table}" for each in theirs)
    return Finding(
        rule="half-done-rows",
        severity=Severity.WARNING,
        message=f"what {key} had made before it was cut off is taken away, and with it went {told}: they are kept",
        module=key.module,
        revision=key,
        help="they are put back when the revision is applied again; `migrate history` shows until when they are kept",
    )

"""`migrate recover --abort | --resume`: take back what is in of the runs that are not over, or settle them as they are."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, UnsettledError
from coordinator.execution.events import Listener, LockAwaited, Phase, PhaseStarted, StepFailed, TargetNamed
from coordinator.execution.failure import StepFailedError
from coordinator.execution.interrupts import shielded
from coordinator.execution.workers import Workers
from coordinator.ledger.lock import Lock, take_fence
from coordinator.ledger.store import Ledger
from coordinator.model.capture import Direction
from coordinator.model.plan import Guarantee, RunPlan, Segment, Step
from coordinator.model.recovery import Recovered, RecoveryReport
from coordinator.model.run import RunStatus
from coordinator.planning.reverse import reverse_plan
from coordinator.postgres.session import compose, identifier
from coordinator.revisions.capture import capture
from coordinator.workflow.half_done import forget_half_done, left_half_done, write_down_half_done
from coordinator.workflow.planned import learn_environment
from coordinator.workflow.project import load_project
from coordinator.workflow.state import look
from coordinator.workflow.target import Target, open_target
from coordinator.workflow.unfinished import unfinished_runs
from coordinator.workflow.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.execution.project import Project
    from coordinator.model.capture import Capture
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.recovery import UnfinishedRun
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.state import TargetState


def abort(settings: Settings, tell: Listener) -> RecoveryReport:
    """Take back, newest first, every step of the unfinished runs that is still in; doing it twice does no harm.

    Raises UnsettledError when something cannot be taken back; what could be stays taken back.
    """
    with _Recovery.opened(settings, tell) as recovery:
        return recovery.abort()


def resume(settings: Settings, tell: Listener) -> RecoveryReport:
    """Keep what is in, drop indexes whose build was cut off, and let the next run go on from there."""
    with _Recovery.opened(settings, tell) as recovery:
        return recovery.resume()


@dataclass(slots=True, kw_only=True)
class _Recovery:
    """The lock is ours: nobody else works on the runs that are not over."""

    settings: Settings
    tell: Listener
    workers: Workers
    target: Target
    project: Project
    lock: Lock
    main: Session
    ledger_session: Session

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings, tell: Listener) -> Iterator[_Recovery]:
        with ExitStack() as stack:
            workers = stack.enter_context(Workers(silence=settings.worker_timeout))
            target = stack.enter_context(open_target(settings))
            tell(TargetNamed(target=target.shown, environment=target.environment))
            project = load_project(settings, workers)
            lock = Lock(stack.enter_context(target.connect("waiting")))
            lock.acquire(
                wait=settings.wait,
                waiting=lambda holder, seconds: tell(LockAwaited(holder=holder, seconds=seconds)),
            )
            stack.callback(lock.let_go)
            lock.announce("recover", "recovering")
            yield cls(
                settings=settings,
                tell=tell,
                workers=workers,
                target=target,
                project=project,
                lock=lock,
                main=stack.enter_context(target.connect("main")),
                ledger_session=stack.enter_context(target.connect("ledger")),
            )

    def _look(self, *, but: int | None = None) -> tuple[TargetState, tuple[UnfinishedRun, ...]]:
        """The runs that are not over, besides our own."""
        state = look(self.main, self.project)
        others = tuple(each for each in state.open_runs if each.number != but)
        state = replace(state, open_runs=others)
        runs = unfinished_runs(self.main, self.project, state, self.workers, lock_is_ours=True)
        for each in runs:
            if each.backend is not None:
                raise UnsettledError(
                    f"run {each.number} was cut off, and its server process {each.backend} is still at work",
                    help="it ends by itself; or end it with pg_terminate_backend, then try again",
                )
        return state, runs

    def _learn_environments(self, runs: tuple[UnfinishedRun, ...]) -> tuple[Finding, ...]:
        """What downgrades need of their modules' env.py, such as a naming convention."""
        names = sorted({key.module for each in runs for key in each.still_in})
        return tuple(
            finding
            for name in names
            for finding in learn_environment(
                self.project.module(name), self.workers, self.main.server_version
            )
        )

    def _writer(self) -> Writer:
        return Writer(
            settings=self.settings,
            target=self.target,
            project=self.project,
            workers=self.workers,
            lock=self.lock,
            main=self.main,
            ledger_session=self.ledger_session,
            tell=self.tell,
        )

    def _ledger(self) -> Ledger:
        ledger = Ledger(self.ledger_session)
        ledger.create()  # it is there; but a newer program may have written it, and then only that one may go on
        return ledger

    def abort(self) -> RecoveryReport:
        """Newest run first."""
        state, runs = self._look()
        if not runs:
            return self._report(Recovered.NOTHING, runs)
        self._refuse_what_others_stand_on(state, runs)
        writer = self._writer()
        ledger = Ledger(self.ledger_session)
        learned = self._learn_environments(runs)
        number = writer.begin_run(
            kind="recover",
            plan="",
            guarantee=Guarantee.STEPS.value,
            rehearsal="not rehearsed: takes back " + ", ".join(f"run {each.number}" for each in runs),
        )
        try:
            with shielded():
                for each in reversed(runs):
                    # Looked at again: taking back a later run may have changed what is in of this one.
                    self._take_back(self._now(each, number), number, ledger)
        except CoordinatorError as error:
            ledger.finish_run(number, RunStatus.SETTLED, error=f"stopped: {error}")
            raise UnsettledError(
                f"not everything could be taken back: {error.message}",
                details=error.details,
                help="mend the cause, then `migrate recover --abort` goes on; `migrate recover` says what is in",
            ) from error
        ledger.finish_run(number, RunStatus.APPLIED)
        return replace(self._report(Recovered.TAKEN_BACK, runs, run=number), findings=learned)

    def _now(self, run: UnfinishedRun, ours: int) -> UnfinishedRun:
        _, runs = self._look(but=ours)
        return next(each for each in runs if each.number == run.number)

    def _refuse_what_others_stand_on(self, state: TargetState, runs: tuple[UnfinishedRun, ...]) -> None:
        """Refuse before the first write when something that is to go carries a revision that is to stay."""
        going = {key for each in runs for key in each.still_in}
        for tree in self.project.trees:
            applied = state.applied.get(tree.module.name, frozenset())
            for revision in tree.revisions:
                if revision.key.revision not in applied or revision.key in going:
                    continue
                below = next(
                    (
                        key
                        for key in going
                        if key.module == revision.key.module and key.revision in revision.parents
                    ),
                    None,
                )
                if below is not None:
                    raise UnsettledError(
                        f"{below} cannot be taken back: {revision.key} stands on it and came in otherwise",
                        help=f"take {revision.key} back first, or keep what is in with `migrate recover --resume`",
                    )
        for key in sorted(going | {half.key for each in runs for half in each.half_done}):
            try:
                self.project.revision(key)
            except KeyError:
                raise UnsettledError(
                    f"{key} cannot be taken back: this checkout has no file of it",
                    help=f"run `migrate recover --abort` in a checkout that has module {key.module!r} as it was applied",
                ) from None

    def _take_back(self, run: UnfinishedRun, number: int, ledger: Ledger) -> None:
        self.lock.announce(str(number), f"taking back run {run.number}")
        gone = self._clear(run, number)
        there = [half for half in run.half_done if not half.is_gone and half.direction is Direction.UPGRADE]
        for half in there:
            write_down_half_done(self.main, self.project, half, number)
        groups = [tuple(key for key in group if key not in gone) for group in run.committed]
        groups.extend((half.key,) for half in there)
        try:
            self._reverse(self._way_back([group for group in groups if group]), number)
        except CoordinatorError:
            for half in there:
                forget_half_done(self.main, self.project, half, number)
            raise
        why = run.open_run.run.error or "cut off"
        ledger.finish_run(run.number, RunStatus.REVERSED, error=f"{why}; taken back by run {number}")

    def _clear(self, run: UnfinishedRun, number: int) -> frozenset[RevisionKey]:
        """Drop what cut off index builds left; of reversals that were complete but not written down, write that down.

        Returns the steps of these reversals: they are out.
        """
        for half in run.half_done:
            for index in half.invalid:
                name = identifier(index.schema, index.name)
                self.main.execute(compose("DROP INDEX CONCURRENTLY IF EXISTS {index}", index=name))
        gone = [half for half in run.half_done if half.is_gone and half.direction is Direction.DOWNGRADE]
        for half in gone:
            forget_half_done(self.main, self.project, half, number)
        return frozenset(half.key for half in gone)

    def _way_back(self, groups: list[tuple[RevisionKey, ...]]) -> RunPlan:
        """What came in together is taken back together, the newest first."""
        keys = [key for group in groups for key in group]
        positions = {key: position for position, key in enumerate(keys, start=1)}
        segments = tuple(
            Segment(
                position=number,
                steps=tuple(self._step(key, positions[key]) for key in group),
                transactional=True,
            )
            for number, group in enumerate(groups, start=1)
        )
        return reverse_plan(
            segments,
            {key: self._captured(key, Direction.UPGRADE) for key in keys},
            {key: self._captured(key, Direction.DOWNGRADE) for key in keys},
        )

    def _captured(self, key: RevisionKey, direction: Direction) -> Capture:
        module = self.project.module(key.module)
        worker = self.workers.for_module(module, self.main.server_version)
        return capture(worker, module, self.project.revision(key), direction)

    def _step(self, key: RevisionKey, position: int) -> Step:
        revision = self.project.revision(key)
        return Step(
            position=position,
            key=key,
            direction=Direction.UPGRADE,
            message=revision.message,
            place=revision.place,
            touches=revision.touches,
            deletes_rows=revision.deletes_rows,
            irreversible=revision.irreversible,
        )

    def _reverse(self, plan: RunPlan, number: int) -> None:
        if not plan.steps:
            return
        segments = self._writer().segments(number, plan)
        self.tell(PhaseStarted(phase=Phase.ROLL_BACK, plan=plan, where=self.target.shown))
        for segment in plan.segments:
            try:
                segments.run(segment, Phase.ROLL_BACK)
            except StepFailedError as error:
                self.tell(StepFailed(phase=Phase.ROLL_BACK, failure=error.failure))
                raise

    def resume(self) -> RecoveryReport:
        """Mark every run as settled."""
        _, runs = self._look()
        if not runs:
            return self._report(Recovered.NOTHING, runs)
        ledger = self._ledger()
        findings: list[Finding] = []
        for each in runs:
            take_fence(self.ledger_session, each.number)
            self._clear(each, each.number)
            findings.extend(left_half_done(half) for half in each.half_done if not half.is_gone)
            why = each.open_run.run.error or "cut off"
            ledger.finish_run(each.number, RunStatus.SETTLED, error=f"{why}; settled as it is")
        report = self._report(Recovered.SETTLED, runs)
        return replace(report, findings=tuple(findings))

    def _report(
        self, outcome: Recovered, runs: tuple[UnfinishedRun, ...], *, run: int | None = None
    ) -> RecoveryReport:
        return RecoveryReport(
            target=self.target.shown,
            environment=self.target.environment,
            outcome=outcome,
            runs=runs,
            run=run,
        )

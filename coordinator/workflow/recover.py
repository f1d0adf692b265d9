"""`migrate recover --abort | --resume | --end-backend`: take back what is in of the runs that are not over, or settle them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, UnsettledError
from coordinator.execution.categories import may_pass
from coordinator.execution.events import Listener, TargetNamed
from coordinator.execution.failure import StepFailedError
from coordinator.execution.kept.not_back import not_back, surely
from coordinator.execution.words import recorded
from coordinator.execution.workers import Workers
from coordinator.ledger.backends import end_backends, refuse_living
from coordinator.ledger.lock import take_fence
from coordinator.ledger.store import Ledger
from coordinator.model.names import RevisionKey
from coordinator.model.plan import Guarantee
from coordinator.model.recovery import Recovered, RecoveryReport
from coordinator.model.run import RunStatus
from coordinator.workflow.before_writing import told_as_untouched
from coordinator.workflow.gone import not_compared
from coordinator.workflow.half_done import left_half_done
from coordinator.workflow.incidents import settling
from coordinator.workflow.locked import locked
from coordinator.workflow.loss import NOTHING_ASKED, KeepRequest
from coordinator.workflow.planned import learn_environment
from coordinator.workflow.project import load_project
from coordinator.workflow.state import look
from coordinator.workflow.taking_back import TakingBack
from coordinator.workflow.target import Target, open_target
from coordinator.workflow.unfinished import explained, unfinished_runs
from coordinator.workflow.upgraded import upgraded_ledger
from coordinator.workflow.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.execution.monitor import WatchedLock
    from coordinator.execution.project import Project
    from coordinator.model.finding import Finding
    from coordinator.model.kept import KeptData
    from coordinator.model.recovery import HalfDone, UnfinishedRun
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.state import TargetState


def abort(
    settings: Settings, tell: Listener, *, end: bool = False, keep: KeepRequest = NOTHING_ASKED
) -> RecoveryReport:
    """Take back, newest first, what every unfinished run has changed; doing it twice does no harm.

    `end`: first end the server processes that still work for them. Raises UnsettledError when something cannot be
    taken back; what could be stays taken back.
    """
    with _Recovery.opened(settings, tell, end=end) as recovery, recovery.settling():
        recovery.keep = keep
        return recovery.abort()


def resume(settings: Settings, tell: Listener, *, end: bool = False) -> RecoveryReport:
    """Keep what is in, bring what is half done to one side, and let the next run go on from there."""
    with _Recovery.opened(settings, tell, end=end) as recovery, recovery.settling():
        return recovery.resume()


def end_backend(settings: Settings, tell: Listener) -> RecoveryReport:
    """End the server processes that still work for the unfinished runs, and explain what is in then."""
    with _Recovery.opened(settings, tell, end=True) as recovery:
        return recovery.explain()


@dataclass(slots=True, kw_only=True)
class _Recovery:
    """The lock is ours: nobody else works on the runs that are not over."""

    settings: Settings
    tell: Listener
    workers: Workers
    target: Target
    project: Project
    lock: WatchedLock
    main: Session
    ledger_session: Session
    end: bool
    keep: KeepRequest = NOTHING_ASKED

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings, tell: Listener, *, end: bool) -> Iterator[_Recovery]:
        with ExitStack() as stack:
            workers = stack.enter_context(Workers(silence=settings.worker_timeout))
            target = stack.enter_context(open_target(settings))
            tell(TargetNamed(target=target.shown, environment=target.environment))
            project = load_project(settings, workers)
            lock = stack.enter_context(locked(settings, target, tell))
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
                end=end,
            )

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Around what settles runs: their incidents say afterwards what became of them."""
        with ExitStack() as stack:
            with told_as_untouched():
                stack.enter_context(settling(Ledger(self.ledger_session)))
            yield

    def _first_look(self) -> tuple[TargetState, tuple[UnfinishedRun, ...]]:
        """The same before anything was written, so a right that is missing has touched nothing."""
        with told_as_untouched():
            return self._look()

    def explain(self) -> RecoveryReport:
        """What is in, once no server process works for these runs."""
        _, runs = self._first_look()
        return explained(self.target, runs)

    def abort(self) -> RecoveryReport:
        """Newest run first."""
        state, runs = self._first_look()
        if not runs:
            return self._report(Recovered.NOTHING, runs)
        self._refuse_what_others_stand_on(state, runs)
        learned = self._learn_environments(runs)
        with told_as_untouched():
            ledger = self._ledger()
            taking = self._begin("takes back", runs)
        lost: list[KeptData] = []
        try:
            with self.lock.to_its_end():
                for each in reversed(runs):
                    # Looked at again: taking back a later run may have changed what is in of this one.
                    self.lock.announce(str(taking.number), f"taking back run {each.number}")
                    taking.take_back(self._now(each, taking.number))
                    lost.extend(self._finish(each, ledger, taking))
            if lost:
                raise UnsettledError(
                    "every step is, but not all that had been destroyed could be put back",
                    help="see to what is not back; then `migrate recover --resume` settles it as it is",
                    details=tuple(each.shortfall for each in lost),
                )
        except CoordinatorError as error:
            with suppress(CoordinatorError):  # a ledger that is not told has it as cut off, which is as good
                _leave_undecided(ledger, runs, taking.number)
                ledger.finish_run(taking.number, RunStatus.SETTLED, error=f"stopped: {self._recorded(error)}")
            way_on = error.help or "mend the cause, then `migrate recover --abort` goes on"
            raise UnsettledError(
                f"not everything could be taken back: {error.message}",
                details=error.details,
                help=f"{way_on}; `migrate recover` says what is in",
            ) from error
        with _told_as_written("everything is taken back"):
            ledger.finish_run(taking.number, RunStatus.APPLIED)
        report = self._report(Recovered.TAKEN_BACK, runs, run=taking.number)
        return replace(report, findings=(*learned, *taking.findings))

    def _finish(self, taken: UnfinishedRun, ledger: Ledger, taking: TakingBack) -> tuple[KeptData, ...]:
        """Say what came of a run whose steps are taken back: it is not over while what it destroyed is not back."""
        run = taken.open_run.run
        found = () if taken.is_recovery else not_back(self.main, run.number, run.forward)
        lost = surely(found)
        taking.findings.extend(not_compared(each) for each in found if each not in lost)
        why = f"{run.error or 'cut off'}; taken back by run {taking.number}"
        if not lost:
            ledger.finish_run(run.number, RunStatus.REVERSED, error=why)
        elif run.status is RunStatus.RUNNING:
            why = f"{why}, but not all that it had destroyed is back"
            ledger.finish_run(run.number, RunStatus.UNSETTLED, error=why)
        return lost

    def _recorded(self, error: CoordinatorError) -> str:
        source = (
            self.project.revision(error.failure.step.key).source if isinstance(error, StepFailedError) else ""
        )
        return recorded(error, source)

    def resume(self) -> RecoveryReport:
        """Mark every run as settled, once nothing of it is half done that can be helped."""
        _, runs = self._first_look()
        if not runs:
            return self._report(Recovered.NOTHING, runs)
        with told_as_untouched():
            ledger = self._ledger()
        half_done = any(each.half_done for each in runs)
        findings = self._bring_to_one_side(runs, ledger) if half_done else ()
        settling = _told_as_written("what was half done is at one side") if half_done else told_as_untouched()
        with settling:  # only the ledger is written here
            self.lock.ping()
            for each in runs:
                take_fence(self.ledger_session, each.number)
                why = each.open_run.run.error or "cut off"
                ledger.finish_run(each.number, RunStatus.SETTLED, error=f"{why}; settled as it is")
        return replace(self._report(Recovered.SETTLED, runs), findings=findings)

    def _bring_to_one_side(self, runs: tuple[UnfinishedRun, ...], ledger: Ledger) -> tuple[Finding, ...]:
        learned = self._learn_environments(runs)
        with told_as_untouched():
            finishing = self._begin("settles", runs)
        findings: list[Finding] = [*learned]
        try:
            with self.lock.to_its_end():
                for run in reversed(runs):
                    for half in self._now(run, finishing.number).half_done:
                        findings.extend(_finished(finishing, half, run.number))
        except CoordinatorError as error:
            with suppress(CoordinatorError):
                ledger.finish_run(
                    finishing.number, RunStatus.SETTLED, error=f"stopped: {self._recorded(error)}"
                )
            raise UnsettledError(
                f"not everything could be brought to one side, and nothing is settled: {error.message}",
                details=error.details,
                help=error.help or "once that is over, `migrate recover --resume` goes on from there",
            ) from error
        with _told_as_written("what was half done is at one side"):
            ledger.finish_run(finishing.number, RunStatus.APPLIED)
        return (*findings, *finishing.findings)

    def _look(self, *, but: int | None = None) -> tuple[TargetState, tuple[UnfinishedRun, ...]]:
        """The runs that are not over, besides our own; their server processes have ended."""
        state = look(self.main, self.project)
        others = tuple(each for each in state.open_runs if each.number != but)
        for each in others:
            if self.end:
                end_backends(self.main, each.number)
            refuse_living(self.main, each.number)
        state = replace(look(self.main, self.project), open_runs=others)
        return state, unfinished_runs(self.main, self.project, state, self.workers, holder=None)

    def _now(self, run: UnfinishedRun, ours: int) -> UnfinishedRun:
        _, runs = self._look(but=ours)
        return next(each for each in runs if each.number == run.number)

    def _learn_environments(self, runs: tuple[UnfinishedRun, ...]) -> tuple[Finding, ...]:
        """What reversals need of their modules' env.py, such as a naming convention."""
        here = {module.name for module in self.project.modules}
        names = sorted({key.module for each in runs for key in _touched(each)} & here)
        return tuple(
            finding
            for name in names
            for finding in learn_environment(
                self.project.module(name), self.workers, self.main.server_version
            )
        )

    def _begin(self, doing: str, runs: tuple[UnfinishedRun, ...]) -> TakingBack:
        """A run of our own, which owns the fence."""
        writer = Writer(
            settings=self.settings,
            target=self.target,
            project=self.project,
            workers=self.workers,
            lock=self.lock,
            main=self.main,
            ledger_session=self.ledger_session,
            tell=self.tell,
            keep=self.keep,
        )
        named = ", ".join(f"run {each.number}" for each in runs)
        number = writer.begin_run(
            kind="recover",
            plan="",
            guarantee=Guarantee.STEPS.value,
            rehearsal=f"not rehearsed: {doing} {named}",
        )
        return TakingBack(writer=writer, number=number, tell=self.tell)

    def _ledger(self) -> Ledger:
        """It is there; but a newer program may have written it, and then only that one may go on."""
        return upgraded_ledger(self.settings, self.ledger_session, self.lock, self.tell)

    def _refuse_what_others_stand_on(self, state: TargetState, runs: tuple[UnfinishedRun, ...]) -> None:
        """Refuse before the first write when something that is to go carries a revision that is to stay."""
        going = {key for each in runs for key in each.still_in}
        applied = {**state.applied, **state.absent.applied}
        for revision in (each for tree in state.absent.all_trees(self.project) for each in tree.revisions):
            key = revision.key
            if key.revision not in applied.get(key.module, frozenset()) or key in going:
                continue
            stands_on = {*revision.requires, *(RevisionKey(key.module, each) for each in revision.parents)}
            below = next((each for each in sorted(going) if each in stands_on), None)
            if below is not None:
                raise UnsettledError(
                    f"{below} cannot be taken back: {key} stands on it and came in otherwise",
                    help=f"take {key} back first, or keep what is in with `migrate recover --resume`",
                )
        for key in sorted({key for each in runs for key in _touched(each)}):
            try:
                self.project.revision(key)
            except KeyError:
                raise UnsettledError(
                    f"{key} cannot be taken back: this checkout has no file of it",
                    help=f"run `migrate recover --abort` in a checkout that has module {key.module!r} as it was applied",
                ) from None

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


def _finished(finishing: TakingBack, half: HalfDone, run: int) -> tuple[Finding, ...]:
    """Finish it; the warning where that is not possible, since a person has decided that it may stay then.

    What may be over by itself a while later is raised: nobody has decided about that.
    """
    try:
        finishing.finish_half_done(half, run)
    except (CoordinatorError, KeyError) as error:
        if may_pass(error):
            raise
        return (left_half_done(half, _why(error)),)
    return ()


@contextmanager
def _told_as_written(what: str) -> Iterator[None]:
    """Around what is left to do once the target was written: whatever goes wrong with that, it is not untouched."""
    try:
        yield
    except UnsettledError:
        raise
    except CoordinatorError as error:
        raise UnsettledError(
            f"{what}, and the ledger could not be told: {error.message}",
            help="the same `migrate recover` goes on from there",
        ) from error


def _leave_undecided(ledger: Ledger, runs: tuple[UnfinishedRun, ...], recovery: int) -> None:
    """No next run goes forward from what of these a person wanted taken back and `recovery` could not take back."""
    numbers = {each.number for each in runs}
    ledger.revive()
    for run in ledger.open_runs():
        if run.number in numbers and run.status is RunStatus.RUNNING:
            why = f"{run.error or 'cut off'}; run {recovery} could not take it back"
            ledger.finish_run(run.number, RunStatus.UNSETTLED, error=why)


def _touched(run: UnfinishedRun) -> tuple[RevisionKey, ...]:
    """The steps that taking the run back runs."""
    return (*run.still_in, *run.taken_out, *(half.key for half in run.half_done))


def _why(error: Exception) -> str:
    return error.message if isinstance(error, CoordinatorError) else "this checkout has no file of it"

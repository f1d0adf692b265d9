"""From a plan and the lock to a runner of segments that may write: the run is in the ledger, and the fence is ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.journal import Journal
from coordinator.execution.kept.keep_plan import KeepPlan
from coordinator.execution.kept.keeper import Keeper
from coordinator.execution.known_heads import KnownHeads
from coordinator.execution.locking import locks_up_front
from coordinator.execution.segment import SegmentRunner
from coordinator.execution.step import StepRunner
from coordinator.execution.witness import Witness
from coordinator.ledger.lock import application_name, take_fence
from coordinator.ledger.modules import write_modules
from coordinator.ledger.personal import note_personal
from coordinator.ledger.store import Ledger
from coordinator.ledger.system import note_system
from coordinator.model.kept import NO_MARKS, PersonalMarks
from coordinator.workflow.before_writing import nothing_in_yet
from coordinator.workflow.integrity import integrity_checks
from coordinator.workflow.loss import NOTHING_ASKED, KeepRequest, keep_policy
from coordinator.workflow.target import refuse_read_only
from coordinator.workflow.upgraded import upgraded_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.events import Listener
    from coordinator.execution.monitor import WatchedLock
    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.ledger.effects_json import KnownEffects
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.planning.keep_locks import KeepLocks
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.outside import Outside
    from coordinator.workflow.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who may write to the target: the lock is ours, and each of the three connections has its duty."""

    settings: Settings
    target: Target
    project: Project
    workers: Workers
    lock: WatchedLock
    main: Session
    ledger_session: Session
    tell: Listener
    keep: KeepRequest = NOTHING_ASKED
    keeping: KeepPlan | None = None  # None: what the steps destroy is found out by running them

    def _heads(self, found: Mapping[str, frozenset[str]] | None) -> dict[str, frozenset[str]]:
        """Each module's own; a module without a version table has none yet."""
        if found is None:
            return {}
        return {
            tree.module.name: found.get(tree.module.name, frozenset()) & tree.ids
            for tree in self.project.trees
        }

    def _keep_plan(self, plan: RunPlan) -> KeepPlan:
        policy = keep_policy(self.settings, self.main, self.keep)
        return KeepPlan(policy=policy, forward=plan.direction)

    def begin_run(
        self,
        *,
        kind: str,
        plan: str,
        guarantee: str,
        rehearsal: str,
        attempt: str = "",
        marks: PersonalMarks = NO_MARKS,
        planned: tuple[RevisionKey, ...] = (),
        outside: Outside | None = None,
    ) -> int:
        """Write a new run down, make it the owner of the fence, and name the connections after it; its number.

        The modules of this checkout are noted too, for checkouts that do not have them, the `marks` of
        their map, for runs whose map does not have them, and what plain Alembic did.

        Raises LockHeldError when another run's transaction is still open, and the new run is then marked as reversed; or
        as `upgraded_ledger` does, and there is none.
        """
        refuse_read_only(self.ledger_session)
        ledger = upgraded_ledger(self.settings, self.ledger_session, self.lock, self.tell)
        number = ledger.begin_run(
            kind=kind,
            plan=plan,
            guarantee=guarantee,
            environment=self.target.environment,
            rehearsal=rehearsal,
            attempt=attempt,
            planned=planned,
        )
        with nothing_in_yet(ledger, number):
            self.lock.announce(str(number), "beginning")
            write_modules(self.ledger_session, self.project.modules)
            note_system(self.ledger_session, number)
            take_fence(self.ledger_session, number)
            note_personal(self.ledger_session, marks)
            if outside is not None:
                outside.note(self.ledger_session)
            self.main.execute(
                "SELECT set_config('application_name', %s, false)", (application_name(str(number), "main"),)
            )
        return number

    def segments(
        self,
        number: int,
        plan: RunPlan,
        rehearsal: Rehearsal | None = None,
        *,
        holds: bool = False,
        effects: Mapping[RevisionKey, KnownEffects] | None = None,
        locking: Mapping[RevisionKey, RevisionEffects] | None = None,
        heads: Mapping[str, frozenset[str]] | None = None,
        keep_locks: KeepLocks | None = None,
    ) -> SegmentRunner:
        """The runner of that run's segments, with the integrity checks and what authors waived of them.

        `holds`: what it reverses is not to be applied again unasked. `effects` are kept with what it applies.
        `locking` tells which locks it takes up front where no rehearsal does, `keep_locks` those of the keeping; None:
        each of these is taken where it is needed. `heads` are the rows of the version tables that the plan was made
        from; None: they were not looked at.
        """
        journal = Journal(
            ledger=Ledger(self.ledger_session),
            run=number,
            rehearsal=rehearsal,
            holds=holds,
            effects=effects or {},
        )
        return SegmentRunner(
            runner=StepRunner(
                self.main,
                self.workers,
                self.project,
                integrity_checks(self.project),
                plan,
                keeper=Keeper(self.main, self.project, number, self.keeping or self._keep_plan(plan)),
            ),
            project=self.project,
            journal=journal,
            lock=self.lock,
            witness=Witness(
                lock=self.lock,
                main=self.main,
                ledger_pid=self.ledger_session.pid_when_open,
                tell=self.tell,
            ),
            tell=self.tell,
            lock_wait=self.settings.lock_wait,
            lock_patience=self.settings.lock_patience,
            locks=locks_up_front(rehearsal, locking or {}, keep_locks or {}),
            heads=KnownHeads(project=self.project, heads=self._heads(heads)),
        )

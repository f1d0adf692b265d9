"""Steps that were cut off while they committed statement by statement: bringing them to one side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, UnsettledError
from coordinator.execution.lone_step import bring_back
from coordinator.execution.transaction import Transaction
from coordinator.execution.versions import move_heads, prepare_module
from coordinator.ledger.applied import write_applied
from coordinator.ledger.checkpoints import write_undone
from coordinator.ledger.lock import stand_behind_fence
from coordinator.ledger.store import write_outcome
from coordinator.model.capture import Direction
from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.finding import Finding, Severity
from coordinator.model.run import AppliedRevision
from coordinator.planning.hidden_writes import called_functions, made_functions
from coordinator.planning.reverse import is_transactional, opposite_step
from coordinator.planning.way_back import way_back
from coordinator.postgres.failure import StatementError
from coordinator.postgres.harmless import harmless_functions
from coordinator.postgres.leftovers import drop_indexes, pending_detaches, transient_indexes
from coordinator.postgres.presence import is_there
from coordinator.revisions.effects import effects_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.execution.project import Project
    from coordinator.execution.step import StepRunner
    from coordinator.ledger.lock import Lock
    from coordinator.model.capture import Capture
    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step
    from coordinator.model.recovery import HalfDone
    from coordinator.model.revision import Revision
    from coordinator.planning.way_back import WayBack
    from coordinator.postgres.session import Session

_QUIET = frozenset({Verb.USE, Verb.HOLD, Verb.TIGHTEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysBack:
    """The ways back of steps, by what was known before the first of them ran.

    `harmless` are the names of functions that they call and that cannot write rows.
    """

    upgrades: Mapping[RevisionKey, Capture]
    downgrades: Mapping[RevisionKey, Capture]
    project: Project
    catalog: Catalog
    harmless: frozenset[str]

    @classmethod
    def known(
        cls,
        session: Session,
        steps: Iterable[Step],
        upgrades: Mapping[RevisionKey, Capture],
        downgrades: Mapping[RevisionKey, Capture],
        project: Project,
        catalog: Catalog,
    ) -> WaysBack:
        """Those of these steps that commit statement by statement in one direction at least.

        Of a function that one of them makes, nobody knows yet what it will do.
        """
        effects = [
            effects_of(captures[step.key], schema=project.module(step.key.module).schema)
            for step in steps
            if not (is_transactional(upgrades[step.key]) and is_transactional(downgrades[step.key]))
            for captures in (upgrades, downgrades)
        ]
        called = frozenset[str]().union(*map(called_functions, effects))
        made = frozenset[str]().union(*map(made_functions, effects))
        return cls(
            upgrades=upgrades,
            downgrades=downgrades,
            project=project,
            catalog=catalog,
            harmless=harmless_functions(session, called - made),
        )

    def of(self, step: Step) -> WayBack:
        """What a step may leave when it stops half way, and what may be run to take that away."""
        forth, back = self.upgrades, self.downgrades
        if step.direction is Direction.DOWNGRADE:
            forth, back = back, forth
        schema = self.project.module(step.key.module).schema
        return way_back(
            step,
            opposite_step(step, self.upgrades, self.downgrades),
            effects_of(forth[step.key], schema=schema),
            effects_of(back[step.key], schema=schema),
            back[step.key],
            catalog=self.catalog,
            harmless=self.harmless,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """Takes away what an upgrade left that was cut off; `run` is the recovery, which owns the fence.

    `stopped` gets what ended its downgrade, if something did.
    """

    runner: StepRunner
    lock: Lock
    run: int
    lock_wait: float
    stopped: list[CoordinatorError]

    def undo(self, half: HalfDone, way: WayBack, schemas: frozenset[str]) -> tuple[Finding, ...]:
        """Bring it to where it was before the step; doing it again does no harm. What is worth saying of that.

        Its indexes hold no data and are dropped. What else it made goes by its downgrade, when that can destroy
        nothing that was there before; rows that came into it since are kept. `schemas` are those around the step.
        Where an older program did not write down what was there, only invalid indexes are dropped.
        Raises UnsettledError with what stays.
        """
        self._drop_indexes(half, schemas)
        findings: list[Finding] = []
        why = self._bring_back(half, way, schemas, findings) if half.before else self._why_left(half)
        if why is None and way.writes:
            why = "it may have changed rows, which nothing here can tell or take back"
        if why is not None:
            raise UnsettledError(
                f"{half.key} was cut off half way and cannot be taken back: {why}",
                help="take back by hand what is left of it, then `migrate recover --resume`",
                details=(
                    *(f"left of it: {each.shown}" for each in half.left if is_there(self._main, each)),
                    *(
                        f"a partition is half way out: {each}"
                        for each in pending_detaches(self._main, schemas)
                    ),
                ),
            )
        return tuple(findings)

    def _bring_back(
        self, half: HalfDone, way: WayBack, schemas: frozenset[str], findings: list[Finding]
    ) -> str | None:
        transaction = Transaction(
            self._main,
            lock_wait=self.lock_wait,
            at_begin=lambda: stand_behind_fence(self._main, self.run),
            before_commit=self.lock.ping,
            before_alone=self.lock.ping,
        )
        return bring_back(
            self.runner,
            transaction,
            way,
            half.there,
            lambda: self._is_as_before(half, schemas),
            lambda: self._note_undone(half),
            token=f"half done {half.key}",
            findings=findings,
            stopped=self.stopped.append,
        )

    def _why_left(self, half: HalfDone) -> str | None:
        """None when nothing is there of what it makes, as far as that can be asked."""
        if half.made and not any(is_there(self._main, each) for each in half.made):
            return None
        return "an older program ran it, which did not write down what was there before"

    @property
    def _main(self) -> Session:
        return self.runner.session

    def _drop_indexes(self, half: HalfDone, schemas: frozenset[str]) -> None:
        built = [each for each in half.left if each.kind is ObjectKind.INDEX] if half.before else []
        left = (*half.invalid, *built, *transient_indexes(self._main, schemas))
        try:
            drop_indexes(
                self._main,
                [each for each in left if str(each) not in half.there],
                lock_wait=self.lock_wait,
            )
        except StatementError as error:
            raise UnsettledError(
                f"{half.key} was cut off half way, and an index of it cannot be dropped: {error}",
                help="drop it by hand, then this command once more",
            ) from error

    def _note_undone(self, half: HalfDone) -> None:
        if half.token is not None:
            write_undone(self._main, half.token)

    def _is_as_before(self, half: HalfDone, schemas: frozenset[str]) -> bool:
        catalog = self.runner.catalog()
        # An older program noted the whole database, where anybody may have changed something since.
        return half.before in (catalog.in_schemas(schemas).fingerprint, catalog.fingerprint)


def is_complete(half: HalfDone, forth: RevisionEffects, statements: int) -> bool:
    """Whether all that an upgrade does is there, and only the books were not written: it builds indexes, no more.

    `statements` is how many it sends: what it does besides (a comment, a partition's index attached) cannot be asked.
    """
    doing = [each for each in forth.effects if each.verb not in _QUIET]
    only_builds = len(doing) == statements > 0 and all(
        each.verb is Verb.CREATE and each.object.kind is ObjectKind.INDEX for each in doing
    )
    whole = frozenset(half.left) == frozenset(half.made)
    return half.direction is Direction.UPGRADE and only_builds and not forth.unknown and whole


def write_down(session: Session, project: Project, half: HalfDone, run: int, *, fence: int) -> None:
    """Say that a step of `run` is in that was complete when it was cut off; the recovery `fence` owns the fence.

    The run may still be taken back, and it with the run.
    """
    revision = project.revision(half.key)
    module, tree = project.module(half.key.module), project.tree(half.key.module)
    with session.transaction():
        stand_behind_fence(session, fence)
        prepare_module(session, module)
        move_heads(session, module, tree, revision, Direction.UPGRADE)
        write_applied(session, _applied(revision, run))
        if half.token is not None:
            write_outcome(session, run, half.token)


def _applied(revision: Revision, run: int) -> AppliedRevision:
    return AppliedRevision(
        key=revision.key,
        run=run,
        digest=revision.digest,
        source=revision.source,
        parents=revision.parents,
        file=PurePath(revision.place.file).name,
        changes="[]",
        grade="",
        requires=revision.requires,
    )


def left_half_done(half: HalfDone, why: str) -> Finding:
    """The warning about a step that is kept as it is."""
    return Finding(
        rule="half-done",
        severity=Severity.WARNING,
        message=f"{half.key} was cut off in its {half.direction.value}() and stays as it is: {why}",
        module=half.key.module,
        revision=half.key,
        help="its next run begins anew: let its statements stand a second time (IF NOT EXISTS), or drop these first",
    )

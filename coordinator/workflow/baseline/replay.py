"""Applied revisions run again on an empty database: a baseline where there is neither a target nor a snapshot of one."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, UnreachableError
from coordinator.execution.categories import is_of_surroundings
from coordinator.execution.events import Listener, Working
from coordinator.execution.failure import StepFailedError
from coordinator.execution.project import Project
from coordinator.execution.replay import Replayer
from coordinator.execution.step import StepRunner
from coordinator.execution.workers import Workers
from coordinator.model.baseline import BaselineKind
from coordinator.model.capture import Direction
from coordinator.model.found import Found, HeadRows
from coordinator.model.plan import Atomicity
from coordinator.model.run import AppliedRevision
from coordinator.model.staging import StagingKind
from coordinator.planning.planner import plan_run
from coordinator.postgres.baseline import act_as, clear, make_roles
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.failure import StatementError
from coordinator.postgres.lasting import read_lasting
from coordinator.revisions.capture import capture
from coordinator.revisions.effects import effects_of
from coordinator.revisions.reader import read_trees
from coordinator.staging.binaries import find_binaries
from coordinator.staging.choose import AUTO
from coordinator.temporary import temporary_directory
from coordinator.workflow.baseline.at_ref import modules_at
from coordinator.workflow.baseline.stand_in import run_stand_ins, stood_for
from coordinator.workflow.planned import learn_environment
from coordinator.workflow.rehearse import RehearsalCutOffError, built, staging_for
from coordinator.workflow.state import TargetState, interpret
from coordinator.workflow.uses import read_uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import LastingUse, RevisionEffects
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.revision import ModuleTree
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.table_size import TableSize
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.staging.interface import Staging

_ASSUMED_MAJOR = 17  # of PostgreSQL, where no server programs are installed and nobody says which
_LOCKS, _SESSIONS = 6400, 100  # of a server as it is installed
_LEFT_OUT = frozenset({"database setting"})


@contextmanager
def open_replay(
    settings: Settings, tell: Listener, *, since: str | None, staging: str = AUTO
) -> Iterator[ReplayBaseline]:
    """The revisions that the git ref `since` holds, taken for applied; None: nothing is applied.

    A module whose tree lies in another repository has nothing pending. Raises GitError for a ref that does not exist,
    RevisionError for trees of it that cannot be read.
    """
    with (
        TemporaryDirectory(prefix="migrate-at-", dir=temporary_directory()) as folder,
        Workers(silence=settings.worker_timeout) as workers,
    ):
        trees: tuple[ModuleTree, ...] = ()
        if since is not None:
            trees = _read(modules_at(settings, since, Path(folder)).modules, workers)
        yield ReplayBaseline(
            settings=settings,
            tell=tell,
            workers=workers,
            replayed=Project(trees=trees),
            staging=staging,
            shown="an empty database" if since is None else f"the revisions of {since}, replayed",
            server_version=_assumed_version(),
            embedded=_has_programs(),
        )


def _read(modules: tuple[Module, ...], workers: Workers) -> tuple[ModuleTree, ...]:
    version = _assumed_version()

    def header_of(module: Module, file: Path) -> Mapping[str, object]:
        return workers.for_module(module, version).header(module, file)

    return read_trees(modules, header_of=header_of)


def _has_programs() -> bool:
    try:
        find_binaries(environment=os.environ)
    except UnreachableError:
        return False
    return True


def _assumed_version() -> int:
    try:
        return find_binaries(environment=os.environ).major * 10000
    except UnreachableError:
        return _ASSUMED_MAJOR * 10000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """What the replayed revisions make."""

    catalog: Catalog
    lasting: tuple[LastingUse, ...]
    uses: tuple[LastingUse, ...]
    role: str


@dataclass(slots=True, kw_only=True)
class ReplayBaseline:
    """`replayed` are the trees of what is in, and of nothing else.

    `deployer` owns what they make; empty: who connects. `known` is the server that they are replayed for, if any.
    """

    settings: Settings
    tell: Listener
    workers: Workers
    replayed: Project
    staging: str
    shown: str
    server_version: int
    embedded: bool
    deployer: str = ""
    known: ServerFacts | None = None
    _plans: tuple[RunPlan, ...] | None = None
    _built: _Built | None = None

    kind = BaselineKind.REPLAY
    has_rows = False
    system_identifier = None
    database = ""

    @property
    def role(self) -> str:
        return self.deployer or self._seen().role

    def state(self, project: Project) -> TargetState:
        """What is in, with the contents that it had: an edit of an applied revision shows."""
        here = {each.key for tree in project.trees for each in tree.revisions}
        return interpret(
            project,
            Found(
                rows=self._rows(),
                recorded=tuple(
                    AppliedRevision(
                        key=each.key,
                        run=None,
                        digest=each.digest,
                        source=each.source,
                        parents=each.parents,
                        file=Path(each.place.file).name,
                        changes="[]",
                        grade="",
                        requires=each.requires,
                    )
                    for tree in self.replayed.trees
                    for each in tree.revisions
                    if each.key in here
                ),
                server_version=self.server_version,
                lock_capacity=_LOCKS,
                lock_sessions=_SESSIONS,
            ),
        )

    def _rows(self) -> Mapping[tuple[str, str], HeadRows]:
        """Alembic's heads: what no other revision follows, also not by depending on it."""
        rows: dict[tuple[str, str], HeadRows] = {}
        for tree in self.replayed.trees:
            followed = {parent for each in tree.revisions for parent in each.parents}
            table = tree.module.qualified_version_table
            shared = rows.get(table, HeadRows(heads=frozenset())).heads or frozenset()
            rows[table] = HeadRows(heads=shared | (tree.ids - followed))
        return rows

    def lasting(self) -> tuple[LastingUse, ...]:
        """What the effects of the applied revisions say already; a SQL file that stands for some must be asked."""
        return self._seen().lasting if stood_for(self.replayed.trees) else ()

    def uses(self) -> tuple[LastingUse, ...]:
        """Read from a database that is built for it. Raises UnreachableError when there is no staging."""
        return self._seen().uses

    def catalog(self, project: Project) -> Catalog:
        """The same. Raises UnreachableError when there is no staging."""
        tables = project.version_tables
        return self._seen().catalog.where(lambda address: address.relation not in tables)

    def facts(self) -> ServerFacts | None:
        return self.known

    def sizes(self) -> Mapping[tuple[str, str], TableSize]:
        return {}

    def build(self, copy: Session, staging: Staging, project: Project, tell: Listener) -> None:
        """Run the applied revisions, those first that a SQL file stands for. Raises RefusedError when they do not run."""
        if staging.kind is not StagingKind.SERVER:
            owners = {module.owner for module in project.modules if module.owner}
            make_roles(copy, sorted({*owners, *([self.deployer] if self.deployer else [])}))
            if self.deployer:
                act_as(copy, self.deployer)
        count = sum(len(tree.revisions) for tree in self.replayed.trees)
        if count:
            tell(Working(what=f"running the {count} applied revisions on {staging.label}"))
            self._replay(copy)

    def _replay(self, copy: Session) -> None:
        first: StepFailedError | None = None
        for plan in self._ordered():
            if first is not None:
                clear(copy)
            failed = self._try(copy, plan)
            if failed is None:
                return
            first = first or failed
        if first is not None:
            raise _cannot_be_built(first, self.replayed, self.settings)

    def _try(self, copy: Session, plan: RunPlan) -> StepFailedError | None:
        """Run the plan; the failure of a step, which another order may not have."""
        project = self.replayed
        stand_ins = stood_for(project.trees)
        run_stand_ins(copy, [tree for tree in project.trees if tree.module.name in stand_ins])
        runner = StepRunner(copy, self.workers, project, (), plan)
        try:
            Replayer(runner=runner, project=project, lock_wait=self.settings.lock_wait).replay(plan)
        except StepFailedError as error:
            if is_of_surroundings(error):
                raise RehearsalCutOffError(error) from error
            return error
        except StatementError as error:
            if is_of_surroundings(error):
                raise RehearsalCutOffError(error) from error
            raise RefusedError(f"the applied revisions cannot be replayed: {error}") from error
        finally:
            self.workers.forget_all()
        return None

    def _ordered(self) -> tuple[RunPlan, ...]:
        """The orders in which the applied revisions may have run."""
        if self._plans is None:
            self._plans = plan_run(
                trees=self.replayed.trees,
                applied=stood_for(self.replayed.trees),
                effects=self._effects(),
                atomicity=Atomicity.AUTO,
            ).plans
        return self._plans

    def _effects(self) -> Mapping[RevisionKey, RevisionEffects]:
        found: dict[RevisionKey, RevisionEffects] = {}
        for tree in self.replayed.trees:
            learn_environment(tree.module, self.workers, self.server_version)
            for revision in tree.revisions:
                worker = self.workers.for_module(tree.module, self.server_version)
                sent = capture(worker, tree.module, revision, Direction.UPGRADE)
                found[revision.key] = effects_of(sent, schema=tree.module.schema)
        self.workers.forget_all()
        return found

    def _seen(self) -> _Built:
        if self._built is None:
            with (
                staging_for(self.staging, self.settings, self, self.replayed.revisions, self.tell) as place,
                built(self, place, self.replayed, self.tell) as session,
            ):
                self._built = self._look_at(session)
        return self._built

    def _look_at(self, session: Session) -> _Built:
        catalog = read_catalog(session, ignore=self.replayed.version_tables)
        return _Built(
            catalog=catalog.where(lambda address: address.kind not in _LEFT_OUT),
            lasting=read_lasting(session),
            uses=read_uses(session),
            role=str(session.value("SELECT session_user")),
        )

    def learn_from(self, session: Session) -> None:
        """Read all that can be asked from a database that `build` has built already, so that no other is built for it."""
        self._built = self._look_at(session)


def _cannot_be_built(error: StepFailedError, project: Project, settings: Settings) -> RefusedError:
    """The refusal, with the file as people know it: the one that was run is in a folder that is gone by now."""
    name = error.failure.step.key.module
    module = project.module(name)
    laid_out, known = str(module.path), str(settings.module(name).path)
    if module.baseline is not None:
        again = f"make {module.baseline.sql} anew, of a later revision than {module.baseline.revision}"
    else:
        again = (
            f"if they cannot run any more, name a file that stands for them: [tool.migrate.modules.{name}]"
            ' baseline = { sql = "baseline.sql", revision = "…" }'
        )
    told = error.message.replace(laid_out, known)
    refused = RefusedError(
        f"the applied revisions of module {name!r} cannot be run from nothing: {told}", help=again
    )
    refused.details = tuple(each.replace(laid_out, known) for each in error.details)
    return refused

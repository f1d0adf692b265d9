"""A rehearsal from beginning to end: choose where, build the target's state there, run the plans, give it back."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, UnsettledError
from coordinator.execution.events import Listener, Working
from coordinator.execution.failure import StepFailedError
from coordinator.execution.rehearsal import Rehearser
from coordinator.execution.step import StepRunner
from coordinator.execution.versions import read_heads
from coordinator.model.staging import StagingKind
from coordinator.planning.rehearsed import found_by_rehearsal
from coordinator.planning.reverse import opposite_step, reverse_plan
from coordinator.postgres.baseline import (
    act_as,
    copy_rows,
    extensions_of,
    fill_views,
    make_extensions,
    make_roles,
    restore,
    roles_of,
)
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session
from coordinator.staging.choose import choose_staging
from coordinator.workflow.integrity import integrity_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.model.plan import RunPlan
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.settings.values import Settings
    from coordinator.staging.interface import Staging
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """The plan that ran, and what its rehearsal found out."""

    plan: RunPlan
    rehearsal: Rehearsal


def rehearse(
    plans: tuple[RunPlan, ...],
    *,
    wanted: str,
    settings: Settings,
    target: Target,
    project: Project,
    captured: Captured,
    workers: Workers,
    tell: Listener,
) -> Rehearsed:
    """Try the plans one after the other until one runs.

    Raises RefusedError when none runs (the failure of the likeliest is told), UnreachableError when no staging
    is to be had. Nothing is written to the target.
    """
    tell(Working(what="looking for a database to rehearse in"))
    with target.connect("baseline") as source, _staging(wanted, settings, target, source) as staging:
        first: StepFailedError | None = None
        for plan in plans:
            with _copy(staging, target, source, project, tell) as session:
                runner = StepRunner(session, workers, project, integrity_checks(project), plan)
                rehearser = Rehearser(
                    runner=runner,
                    project=project,
                    tell=tell,
                    where=staging.label,
                    lock_wait=settings.lock_wait,
                    opposite=lambda step: opposite_step(step, captured.upgrades, captured.downgrades),
                    reverse=lambda segments: reverse_plan(segments, captured.upgrades, captured.downgrades),
                )
                try:
                    rehearsal = rehearser.rehearse(plan)
                    return Rehearsed(plan=found_by_rehearsal(plan, plans), rehearsal=rehearsal)
                except StepFailedError as error:
                    first = first or error
                except (StatementError, UnsettledError) as error:  # of the copy, not of the target
                    raise RefusedError(
                        f"the rehearsal failed: {error}", help="the target was not touched"
                    ) from error
                finally:
                    workers.forget_all()
        assert first is not None
        raise RehearsalFailedError(first)


class RehearsalFailedError(RefusedError):
    """The rehearsal failed; the target has not had a single write."""

    def __init__(self, error: StepFailedError) -> None:
        super().__init__(f"the rehearsal failed: {error.message}", error.failure.findings)
        self.details = error.details
        self.failure = error.failure
        self.help = "the target was not touched; mend the revision and run again"


@contextmanager
def _staging(wanted: str, settings: Settings, target: Target, source: Session) -> Iterator[Staging]:
    identifier = (
        source.value("SELECT system_identifier FROM pg_control_system()")
        if "://" in wanted or "=" in wanted
        else None
    )
    with choose_staging(
        wanted,
        target_version=source.server_version,
        target_is_embedded=target.embedded,
        state=settings.state_directory,
        image=settings.staging.image,
        environment=os.environ,
        target_identifier=identifier,
    ) as staging:
        yield staging


@contextmanager
def _copy(
    staging: Staging, target: Target, source: Session, project: Project, tell: Listener
) -> Iterator[Session]:
    """A session on a new database that starts where the target is."""
    url = staging.create_database()
    try:
        with Session(connect(url, application_name="migrate:rehearsal")) as session:
            _build(session, staging, target, source, project, tell)
            if staging.kind is not StagingKind.SERVER:
                deployer = str(source.value("SELECT session_user"))
                make_roles(session, (deployer,))
                act_as(session, deployer)
            yield session
    finally:
        staging.drop_database(url)


def _build(
    session: Session, staging: Staging, target: Target, source: Session, project: Project, tell: Listener
) -> None:
    tables = tuple(dict.fromkeys(module.qualified_version_table for module in project.modules))
    schemas = tuple(dict.fromkeys([*project.owners, *(schema for schema, _ in tables)]))
    if staging.kind is not StagingKind.SERVER:
        owners = {module.owner for module in project.modules if module.owner}
        make_roles(session, sorted({*roles_of(source, schemas), *owners}))
    make_extensions(session, extensions_of(source))
    present = tuple(
        name
        for name in schemas
        if source.value("SELECT 1 FROM pg_namespace WHERE nspname = %s", (name,))
        and (name != "public" or name in project.owners)
    )
    if not present:
        return
    tell(Working(what=f"copying the definitions of {len(present)} schemas to {staging.label}"))
    dump = staging.dump_schemas(target.url, present)
    if dump:
        restore(session, dump)
        fill_views(source, session)
    for module in project.modules:
        if read_heads(session, module) is not None and module.qualified_version_table in tables:
            copy_rows(source, session, module.qualified_version_table)
            tables = tuple(each for each in tables if each != module.qualified_version_table)

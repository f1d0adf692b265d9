"""A rehearsal from beginning to end: choose where, build the baseline there, run the plans, give it back."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, UnreachableError, UnsettledError
from coordinator.execution.categories import is_of_surroundings
from coordinator.execution.events import Listener, Working
from coordinator.execution.failure import StepFailedError
from coordinator.execution.rehearsal import Rehearser
from coordinator.execution.step import StepRunner
from coordinator.planning.rehearsed import found_by_rehearsal
from coordinator.planning.reverse import opposite_step, reverse_plan
from coordinator.planning.sameness import differences
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.server_facts import adopt_settings, read_server_facts
from coordinator.postgres.session import Session
from coordinator.sql.roles import roles_made_in
from coordinator.staging.choose import choose_staging
from coordinator.workflow.integrity import integrity_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from coordinator.errors import CoordinatorError
    from coordinator.execution.project import Project
    from coordinator.execution.workers import Workers
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.model.revision import Revision
    from coordinator.model.sameness import Difference
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.target import DatabaseUrl
    from coordinator.settings.values import Settings
    from coordinator.staging.interface import Staging
    from coordinator.workflow.baseline.interface import Baseline
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.stakes import Stakes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """The plan that ran, and what its rehearsal found out.

    `server` is where it was rehearsed, with the settings that the steps met; `wanted` the server that the plan is for,
    None where none is known. `rehearsal.differences` compares them. `stakes` are what it means for the target's data,
    None where nobody looked.
    """

    plan: RunPlan
    rehearsal: Rehearsal
    server: ServerFacts | None = None
    wanted: ServerFacts | None = None
    stakes: Stakes | None = None


def rehearse(
    plans: tuple[RunPlan, ...],
    *,
    wanted: str,
    settings: Settings,
    baseline: Baseline,
    project: Project,
    captured: Captured,
    workers: Workers,
    tell: Listener,
    trace: bool = False,
) -> Rehearsed:
    """Try the plans one after the other until one runs.

    Raises RefusedError when none runs (the failure of the likeliest is told), UnreachableError when no staging
    is to be had, or it is lost meanwhile. Nothing is written to the target.
    """
    tell(Working(what="looking for a database to rehearse in"))
    revisions = (project.revision(step.key) for plan in plans for step in plan.steps)
    with staging_for(wanted, settings, baseline, revisions, tell) as staging:
        return rehearse_on(
            lambda: built(baseline, staging, project, tell),
            plans,
            where=staging.label,
            facts=baseline.facts(),
            settings=settings,
            project=project,
            captured=captured,
            workers=workers,
            tell=tell,
            trace=trace,
        )


def rehearse_on(
    start: Callable[[], AbstractContextManager[Session]],
    plans: tuple[RunPlan, ...],
    *,
    where: str,
    settings: Settings,
    project: Project,
    captured: Captured,
    workers: Workers,
    tell: Listener,
    facts: ServerFacts | None = None,
    judged: frozenset[RevisionKey] | None = None,
    trace: bool = False,
    at_top: Callable[[Session], None] = lambda session: None,
) -> Rehearsed:
    """The same where the staging is at hand: `start` gives a session on a database that the plan begins in.

    `facts` are those of the server that the plan is for. `judged` are the steps that are taken back too; None: all of
    them, and the whole run. `at_top` may look when everything is in. `trace`
    notes what each statement does to tables.
    """
    first: StepFailedError | None = None
    for plan in plans:
        with start() as session:
            server, compared = as_on(session, facts)
            rehearser = Rehearser(
                runner=StepRunner(session, workers, project, integrity_checks(project), plan),
                project=project,
                tell=tell,
                where=where,
                lock_wait=settings.lock_wait,
                opposite=lambda step: opposite_step(step, captured.upgrades, captured.downgrades),
                reverse=lambda segments: reverse_plan(segments, captured.upgrades, captured.downgrades),
                judged=judged,
                trace=trace,
                at_top=partial(at_top, session),
            )
            try:
                rehearsal = replace(rehearser.rehearse(plan), differences=compared)
                chosen = found_by_rehearsal(plan, plans)
                return Rehearsed(plan=chosen, rehearsal=rehearsal, server=server, wanted=facts)
            except StepFailedError as error:
                if is_of_surroundings(error):
                    raise RehearsalCutOffError(error) from error  # no other order is right for that
                first = first or error
            except (StatementError, UnsettledError) as error:  # of the copy, not of the target
                if is_of_surroundings(error):
                    raise RehearsalCutOffError(error) from error
                raise RefusedError(
                    f"the rehearsal failed: {error}", help="the target was not touched"
                ) from error
            finally:
                workers.forget_all()
    assert first is not None
    raise RehearsalFailedError(first)


def as_on(session: Session, wanted: ServerFacts | None) -> tuple[ServerFacts, tuple[Difference, ...]]:
    """What the server of this session is, and how it differs from the one that the plan is for."""
    here = read_server_facts(session)
    return here, () if wanted is None else differences(here, wanted)


class RehearsalFailedError(RefusedError):
    """The rehearsal failed; the target has not had a single write."""

    def __init__(self, error: StepFailedError) -> None:
        super().__init__(f"the rehearsal failed: {error.message}", error.failure.findings)
        self.details = error.details
        self.failure = error.failure
        self.help = "the target was not touched; mend the revision and run again"


class RehearsalCutOffError(UnreachableError):
    """The rehearsal came to no end, by something that says nothing about the revisions; the target was not touched."""

    def __init__(self, error: CoordinatorError) -> None:
        super().__init__(
            f"the rehearsal was cut off: {error.message}",
            help="the target was not touched; this may pass by itself: try again",
            details=error.details,
        )


def staging_for(
    wanted: str, settings: Settings, baseline: Baseline, revisions: Iterable[Revision], tell: Listener
) -> Staging:
    """The staging of these words for what starts at `baseline`, not yet entered; `revisions` are what is run there.

    Raises UnreachableError, SettingsError.
    """
    named = "://" in wanted or "=" in wanted
    return choose_staging(
        wanted,
        target_version=baseline.server_version,
        target_is_embedded=baseline.embedded,
        state=settings.state_directory,
        image=settings.staging.image,
        environment=os.environ,
        target_identifier=baseline.system_identifier if named else None,
        makes_roles=roles_made_in(each.source for each in revisions) if named else frozenset(),
        tell=tell,
    )


@contextmanager
def built(baseline: Baseline, staging: Staging, project: Project, tell: Listener) -> Iterator[Session]:
    """A session on a new database of `staging` that starts where the baseline is; dropped after the block."""
    wanted = baseline.facts()
    url = staging.create_database(wanted)
    try:
        set_as_on(url, wanted)
        connection = connect(url, application_name="migrate:rehearsal")
        with Session(connection, role_mark=staging.role_mark(url)) as session:
            baseline.build(session, staging, project, tell)
            yield session
    finally:
        staging.drop_database(url)


def set_as_on(url: DatabaseUrl, wanted: ServerFacts | None) -> None:
    """Let new sessions of a staging database start with the settings of the server that the plan is for.

    Only those that decide what SQL means; what the staging's server cannot be given is told as a difference.
    """
    if wanted is not None:
        with Session(connect(url, application_name="migrate:rehearsal")) as session:
            adopt_settings(session, wanted.settings)

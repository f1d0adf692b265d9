"""The gate's one staging server: a first database that starts at the baseline, and copies of it for each pass."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.interrupts import shielded
from coordinator.postgres.baseline import act_as
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.workflow.baseline.replay import ReplayBaseline
from coordinator.workflow.rehearse import set_as_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.execution.events import Listener
    from coordinator.execution.project import Project
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.target import DatabaseUrl
    from coordinator.staging.interface import Staging
    from coordinator.workflow.baseline.interface import Baseline

_APPLICATION = "migrate:gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """`first` is the database at the baseline; nobody stays connected to it, so that it can be copied.

    `deployer` is the role that owns what a run makes there; empty where it is the one that connects. `facts` are those
    of the server that it stands for, with whose settings every database of ours is set.
    """

    staging: Staging
    first: DatabaseUrl
    deployer: str
    facts: ServerFacts | None

    @contextmanager
    def copy(self) -> Iterator[DatabaseUrl]:
        """A copy of the first database for the block."""
        with _for_a_while(self.staging, self.staging.copy_database(self.first)) as url:
            set_as_on(url, self.facts)  # a copy holds what is in a database, not how it is set
            yield url

    @contextmanager
    def session_on_copy(self) -> Iterator[Session]:
        """A session of the deploying role on a copy of its own."""
        with self.copy() as url, self.session(url) as session:
            yield session

    @contextmanager
    def session_on_empty(self) -> Iterator[Session]:
        """The same on a database that holds nothing."""
        with _for_a_while(self.staging, self.staging.create_database(self.facts)) as url:
            set_as_on(url, self.facts)
            with self.session(url) as session:
                yield session

    def session(self, url: DatabaseUrl) -> Session:
        """A session of the deploying role on one of the staging's databases."""
        set_as_on(url, self.facts)
        session = Session(connect(url, application_name=_APPLICATION), role_mark=self.staging.role_mark(url))
        if self.deployer:
            act_as(session, self.deployer)
        return session


@contextmanager
def lay_floor(baseline: Baseline, staging: Staging, project: Project, tell: Listener) -> Iterator[Floor]:
    """Build the first database. Raises what `Baseline.build` raises."""
    wanted = baseline.facts()
    with _for_a_while(staging, staging.create_database(wanted)) as first:
        set_as_on(first, wanted)
        set_as_on(first, baseline.facts())
        connection = connect(first, application_name=_APPLICATION)
        with Session(connection, role_mark=staging.role_mark(first)) as session:
            login = session.value("SELECT session_user")
            baseline.build(session, staging, project, tell)
            deployer = session.value("SELECT session_user")
            if isinstance(baseline, ReplayBaseline):
                baseline.learn_from(session)
        yield Floor(
            staging=staging,
            first=first,
            deployer="" if deployer == login else str(deployer),
            facts=wanted,
        )


@contextmanager
def _for_a_while(staging: Staging, url: DatabaseUrl) -> Iterator[DatabaseUrl]:
    try:
        yield url
    finally:
        with shielded():
            staging.drop_database(url)

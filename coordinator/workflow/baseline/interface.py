"""What every starting point of pending revisions can tell, and how a rehearsal is made to start there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.events import Listener
    from coordinator.execution.project import Project
    from coordinator.model.baseline import BaselineKind
    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import LastingUse
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.table_size import TableSize
    from coordinator.postgres.session import Session
    from coordinator.staging.interface import Staging
    from coordinator.workflow.state import TargetState


class Baseline(Protocol):
    """Where the pending revisions start from: a live target, a snapshot of one, or applied revisions run again."""

    @property
    def kind(self) -> BaselineKind:
        """Which of the three it is."""

    @property
    def shown(self) -> str:
        """For people, like "the target" or "snapshot of production, made 2026-11-24 02:00 UTC"."""

    @property
    def has_rows(self) -> bool:
        """Whether rows can be asked; where not, nothing is known of them."""

    @property
    def server_version(self) -> int:
        """PostgreSQL's own number, like 150018, of the server that the pending revisions are for."""

    @property
    def embedded(self) -> bool:
        """Whether that server is this project's embedded one."""

    @property
    def system_identifier(self) -> int | None:
        """By which that server is known from others; None where there is none to confuse it with."""

    @property
    def database(self) -> str:
        """The name of the database there; empty where none is known."""

    @property
    def role(self) -> str:
        """Who owns what revisions make in the catalog that is shown here, where that is not the role that deploys; else empty."""

    def state(self, project: Project) -> TargetState:
        """What is in, and what the ledger remembers."""

    def lasting(self) -> tuple[LastingUse, ...]:
        """The views and foreign keys that reach across schemas."""

    def uses(self) -> tuple[LastingUse, ...]:
        """Every lasting use, also within a schema."""

    def catalog(self, project: Project) -> Catalog:
        """Every object's definition, version tables and the ledger left out."""

    def facts(self) -> ServerFacts | None:
        """What the server is; None where no server is known."""

    def sizes(self) -> Mapping[tuple[str, str], TableSize]:
        """Schema and name of each table, and its size; empty where nothing is known."""

    def build(self, copy: Session, staging: Staging, project: Project, tell: Listener) -> None:
        """Make an empty database of `staging` start there; `copy` then acts as the role that deploys.

        Raises StatementError, RefusedError or UnreachableError when that cannot be done.
        """

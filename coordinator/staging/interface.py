"""What every staging place can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

from coordinator.errors import UnreachableError
from coordinator.model.staging import StagingAwaited, StagingLeft

if TYPE_CHECKING:
    from types import TracebackType

    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.staging import StagingKind
    from coordinator.model.target import DatabaseUrl

Tell: TypeAlias = Callable[[StagingAwaited | StagingLeft], None]


def quiet(event: StagingAwaited | StagingLeft) -> None:
    """Tell nobody."""


class StagingError(UnreachableError):
    """A staging place cannot do what was asked; the target was not touched."""


class Staging(Protocol):
    """A server for throw-away databases. It runs from `__enter__` to `__exit__`."""

    @property
    def kind(self) -> StagingKind:
        """Which of the three ways it is."""

    @property
    def label(self) -> str:
        """For people, like "embedded PostgreSQL 18.4"."""

    @property
    def not_taken(self) -> tuple[str, ...]:
        """Which ways were looked at before this one, and why each was not taken."""

    @property
    def server_version(self) -> int:
        """PostgreSQL's own number, like 150018; known once it is entered."""

    @property
    def keeps_owners(self) -> bool:
        """Whether a dump has owners and grants. Not on a named server whose role may not give them."""

    def create_database(self, wanted: ServerFacts | None = None) -> DatabaseUrl:
        """A new database, made from template0 and empty; encoded and sorting as on `wanted`, where the server can."""

    def copy_database(self, url: DatabaseUrl) -> DatabaseUrl:
        """A new database that holds what one of `create_database` holds, to which nobody is connected."""

    def role_mark(self, url: DatabaseUrl) -> str:
        """What is written on the roles that revisions make in one of its databases; empty: nothing, all roles go."""

    def drop_database(self, url: DatabaseUrl) -> None:
        """Drop one that this staging made; StagingError for any other."""

    def dump_schemas(self, source: DatabaseUrl, schemas: tuple[str, ...]) -> str:
        """The SQL that makes `schemas` of `source`, without rows, by this staging's own pg_dump.

        Owners and grants are in it if `keeps_owners`; extensions and the roles that it names are not. Schemas that
        `source` does not have are left out; "" when it has none of them. StagingError says why not.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

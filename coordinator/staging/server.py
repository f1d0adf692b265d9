"""Staging on a server that the user names: a database of our own there, made and dropped."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from coordinator.errors import CoordinatorError, UnreachableError
from coordinator.model.staging import StagingKind, StagingLeft
from coordinator.postgres.databases import ServerFacts, server_facts
from coordinator.postgres.roles import drop_roles
from coordinator.postgres.url import parse_url
from coordinator.staging.binaries import find_binaries, program_version
from coordinator.staging.databases import copy_made_database, drop_made_database, make_database
from coordinator.staging.dump import dump_arguments, dump_environment, dump_password, dumped_schemas, run_dump
from coordinator.staging.interface import StagingError, Tell, quiet
from coordinator.staging.leftover_databases import living_owners
from coordinator.staging.leftover_roles import left_roles
from coordinator.staging.names import new_role_mark
from coordinator.staging.processes import this_process
from coordinator.staging.turns import turn, turn_to_clear

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from coordinator.model.server_facts import ServerFacts as TargetFacts
    from coordinator.model.target import DatabaseUrl
    from coordinator.postgres.session import Session


class ServerStaging:
    """Staging databases on a named server. Authors' code there is as strong as the role of the URL."""

    def __init__(
        self,
        *,
        url: str,
        target_identifier: int | None,
        environment: Mapping[str, str],
        not_taken: tuple[str, ...] = (),
        makes_roles: frozenset[str] = frozenset(),
        tell: Tell = quiet,
    ) -> None:
        """`target_identifier`: the target server's system identifier, None when it cannot be known.

        `makes_roles` are the names of the roles that the revisions make which are run there.
        """
        self._admin = parse_url(url)
        self._target_identifier = target_identifier
        self._environment = environment
        self._not_taken = not_taken
        self._tell = tell
        self._version = 0
        self._is_superuser = False
        self._is_apart = False
        self._makes_roles = makes_roles
        self._made: list[DatabaseUrl] = []

    @property
    def kind(self) -> StagingKind:
        """Server."""
        return StagingKind.SERVER

    @property
    def label(self) -> str:
        """Like "server postgresql://ci@db.example.com/postgres"."""
        return f"server {self._admin}"

    @property
    def not_taken(self) -> tuple[str, ...]:
        """Nothing was looked at before: it was named."""
        return self._not_taken

    @property
    def server_version(self) -> int:
        """PostgreSQL's own number; 0 before it is entered."""
        return self._version

    @property
    def keeps_owners(self) -> bool:
        """Only a superuser may give owners and grants of any role."""
        return self._is_superuser

    def create_database(self, wanted: TargetFacts | None = None) -> DatabaseUrl:
        """A new empty database, as on `wanted` where it can be, that goes when this staging is left, if not before."""
        return self._noted(lambda: make_database(self._admin, wanted))

    def copy_database(self, url: DatabaseUrl) -> DatabaseUrl:
        """A copy of one that we made; it goes in the same way."""
        return self._noted(lambda: copy_made_database(self._admin, url))

    def drop_database(self, url: DatabaseUrl) -> None:
        """Drop one that we made, and the roles that its revisions have left, unless another rehearsal is there.

        What cannot be dropped stays, since how the rehearsal ended is known by now; a database is told of.
        """
        self._made = [made for made in self._made if made != url]
        try:
            drop_made_database(self._admin, url)
        except StagingError:
            raise
        except UnreachableError as exc:
            self._tell(StagingLeft(name=url.parameters["dbname"], why="; ".join((exc.message, *exc.details))))
        if self._is_apart and self._makes_roles:
            with suppress(CoordinatorError), turn_to_clear(self._admin, self._tell) as session:
                self._clear(session)

    def role_mark(self, url: DatabaseUrl) -> str:
        """Which database a role was made in."""
        # On the target's own server the role might be what somebody applies there.
        return new_role_mark(url.parameters["dbname"]) if self._is_apart else ""

    def _noted(self, make: Callable[[], DatabaseUrl]) -> DatabaseUrl:
        if not self._is_apart or not self._makes_roles:
            made = make()
            self._made.append(made)
            return made
        # Nobody drops roles while our database is not to be seen yet.
        with turn(self._admin, self._tell) as session:
            self._clear(session, in_our_way=self._makes_roles)
            made = make()
            self._made.append(made)
        return made

    def _clear(self, session: Session, *, in_our_way: frozenset[str] = frozenset()) -> None:
        """Drop the roles that rehearsals have left which are gone.

        Another one that is there may have found such a role and go on to use it; then only what is in our way goes.
        """
        left = frozenset(left_roles(session, self._admin))
        if left and not living_owners(self._admin, of_any_role=True) <= {this_process()}:
            left &= in_our_way
        drop_roles(session, left)

    def dump_schemas(self, source: DatabaseUrl, schemas: tuple[str, ...]) -> str:
        """Dump with a pg_dump of the server's own major version, found on this machine."""
        major = self._version // 10000
        present = dumped_schemas(source, schemas, major=major)
        if not present:
            return ""
        program, own = _find_pg_dump(major, self._environment)
        environment = dump_environment({**own, **dump_password(source)})
        return run_dump(
            [program, *dump_arguments(source.parameters, present, owners=self._is_superuser)],
            environment=environment,
            source=source,
        )

    def __enter__(self) -> Self:
        facts = server_facts(self._admin)
        self._refuse_unsafe(facts)
        self._version = facts.version
        self._is_superuser = facts.is_superuser
        known = None not in (facts.identifier, self._target_identifier)
        self._is_apart = known and facts.identifier != self._target_identifier
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for made in tuple(self._made):
            self.drop_database(made)

    def _refuse_unsafe(self, facts: ServerFacts) -> None:
        if facts.is_standby:
            raise StagingError(
                f"The staging server '{self._admin}' is a standby, where nothing can be made.",
                help="Name a primary, or use --staging container or embedded.",
            )
        if facts.is_superuser and facts.identifier == self._target_identifier:
            raise StagingError(
                f"The staging server '{self._admin}' is the target's own, and the role is a superuser there.",
                help="Authors' code could reach the target: use a role with CREATEDB only, or another one.",
            )


def _find_pg_dump(major: int, environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A pg_dump of `major` and what its environment needs: beside a server's programs, else on the PATH."""
    reasons: tuple[str, ...] = ()
    try:
        binaries = find_binaries(environment=environment, major=major)
    except UnreachableError as exc:
        reasons = exc.details
    else:
        if (binaries.path / "pg_dump").exists():
            return str(binaries.path / "pg_dump"), binaries.environment()
    on_path = shutil.which("pg_dump", path=environment.get("PATH"))
    if on_path:
        version = program_version(Path(on_path))
        if version.partition(".")[0] == str(major):
            return on_path, {}
        reasons += (f"{on_path}: it is version {version}",)
    raise StagingError(
        f"There is no pg_dump {major} on this machine to copy the target's schemas with.",
        help=f"Install postgresql-client-{major}, or give a snapshot file.",
        details=reasons,
    )

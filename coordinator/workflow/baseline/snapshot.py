"""A snapshot file as a baseline: everything is in it, and no database is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.execution.events import Listener, Working
from coordinator.execution.versions import has_version_table
from coordinator.model.baseline import BaselineKind
from coordinator.model.finding import Finding, Severity
from coordinator.model.staging import StagingKind
from coordinator.postgres.baseline import (
    act_as,
    fill_views,
    make_extensions,
    make_roles,
    restore,
    write_rows,
)
from coordinator.postgres.failure import StatementError
from coordinator.sql.owners import without_owners
from coordinator.sql.tree import SqlSyntaxError
from coordinator.workflow.state import TargetState, interpret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import LastingUse
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.snapshot import Snapshot
    from coordinator.model.table_size import TableSize
    from coordinator.postgres.session import Session
    from coordinator.staging.interface import Staging

_ALWAYS_THERE = "plpgsql"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotBaseline:
    """What a target was when the snapshot was made."""

    snapshot: Snapshot

    kind = BaselineKind.SNAPSHOT
    has_rows = False
    embedded = False
    role = ""

    @property
    def shown(self) -> str:
        return self.snapshot.shown

    @property
    def server_version(self) -> int:
        return self.snapshot.facts.version

    @property
    def system_identifier(self) -> int | None:
        """A staging server that the user names must not be the one that the snapshot was made of."""
        return self.snapshot.system_identifier

    @property
    def database(self) -> str:
        return self.snapshot.database

    def state(self, project: Project) -> TargetState:
        return interpret(project, self.snapshot.found)

    def lasting(self) -> tuple[LastingUse, ...]:
        return self.snapshot.lasting

    def uses(self) -> tuple[LastingUse, ...]:
        return self.snapshot.uses

    def catalog(self, project: Project) -> Catalog:
        tables = project.version_tables
        return self.snapshot.catalog.where(lambda address: address.relation not in tables)

    def facts(self) -> ServerFacts | None:
        return self.snapshot.facts

    def sizes(self) -> Mapping[tuple[str, str], TableSize]:
        return self.snapshot.sizes

    def build(self, copy: Session, staging: Staging, project: Project, tell: Listener) -> None:
        """Make roles, extensions and definitions as they were, and put the rows of the version tables into them."""
        snapshot = self.snapshot
        if staging.kind is not StagingKind.SERVER:
            owners = {module.owner for module in project.all_modules if module.owner}
            make_roles(copy, sorted({*snapshot.roles, *owners, snapshot.deployer}))
        extensions = [
            (each.name, each.schema) for each in snapshot.facts.extensions if each.name != _ALWAYS_THERE
        ]
        missing = make_extensions(copy, extensions)
        tell(Working(what=f"building the {len(snapshot.schemas)} schemas of the snapshot on {staging.label}"))
        if snapshot.definitions.strip():
            try:
                restore(copy, _fit(snapshot.definitions, staging))
            except StatementError as error:
                raise _cannot_be_built(snapshot, missing, error) from error
        fill_views(copy, frozenset(snapshot.filled_views))
        for table, rows in snapshot.found.rows.items():
            if rows.heads and has_version_table(copy, *table):
                write_rows(copy, table, sorted(rows.heads))
        if staging.kind is not StagingKind.SERVER:
            act_as(copy, snapshot.deployer)


def incomplete(snapshot: Snapshot) -> tuple[Finding, ...]:
    """What of the database's is not in the snapshot, and so not in what is said by it."""
    return tuple(
        Finding(
            rule="snapshot-incomplete",
            severity=Severity.WARNING,
            message=f"schema {each.schema!r} is not in the {snapshot.shown}: {each.why}",
            help="give the role that makes the snapshot USAGE on the schema and SELECT on its tables",
        )
        for each in snapshot.left_out
    )


def _fit(definitions: str, staging: Staging) -> str:
    """The definitions as this staging can take them: a role that is no superuser can give nothing away."""
    if staging.keeps_owners:
        return definitions
    try:
        return without_owners(definitions)
    except SqlSyntaxError:  # of a newer server than our grammar; the server itself will say what it cannot do
        return definitions


def _cannot_be_built(snapshot: Snapshot, missing: tuple[str, ...], error: StatementError) -> RefusedError:
    why = f"; the staging has no extension {', '.join(missing)}" if missing else ""
    return RefusedError(
        f"the {snapshot.shown}, cannot be built here{why}: {error}",
        help="rehearse where the extensions are, with staging.image or a named server; the target was not touched"
        if missing
        else "make the snapshot anew with `migrate snapshot`; the target was not touched",
    )

"""The live target as a baseline: everything is asked of it when it is needed, and nothing is written to it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.execution.events import Listener, Working
from coordinator.execution.versions import read_heads
from coordinator.model.baseline import BaselineKind
from coordinator.model.staging import StagingKind
from coordinator.postgres.baseline import (
    act_as,
    copy_rows,
    extensions_of,
    fill_views,
    filled_views,
    make_extensions,
    make_roles,
    restore,
    roles_of,
)
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.lasting import read_lasting
from coordinator.postgres.server_facts import read_server_facts
from coordinator.postgres.table_sizes import read_sizes
from coordinator.workflow.state import TargetState, look
from coordinator.workflow.uses import read_uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.execution.project import Project
    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import LastingUse
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.table_size import TableSize
    from coordinator.postgres.session import Session
    from coordinator.staging.interface import Staging
    from coordinator.workflow.target import Target


@contextmanager
def target_baseline(target: Target) -> Iterator[TargetBaseline]:
    """The target, on a connection of its own that is open for the block. Raises UnreachableError."""
    with target.connect("baseline") as session:
        yield TargetBaseline(target=target, session=session)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetBaseline:
    """A live database; `session` only reads it."""

    target: Target
    session: Session

    kind = BaselineKind.TARGET
    shown = "the target"
    role = ""
    has_rows = True

    @property
    def server_version(self) -> int:
        return self.session.server_version

    @property
    def embedded(self) -> bool:
        return self.target.embedded

    @property
    def system_identifier(self) -> int | None:
        """Asked only for a staging server that the user names, which might be the target's own."""
        return int(self.session.value("SELECT system_identifier FROM pg_control_system()"))

    @property
    def database(self) -> str:
        return str(self.session.value("SELECT current_database()"))

    def state(self, project: Project) -> TargetState:
        return look(self.session, project)

    def lasting(self) -> tuple[LastingUse, ...]:
        return read_lasting(self.session)

    def uses(self) -> tuple[LastingUse, ...]:
        return read_uses(self.session)

    def catalog(self, project: Project) -> Catalog:
        return read_catalog(self.session, ignore=project.version_tables)

    def facts(self) -> ServerFacts | None:
        return read_server_facts(self.session)

    def sizes(self) -> Mapping[tuple[str, str], TableSize]:
        return read_sizes(self.session)

    def build(self, copy: Session, staging: Staging, project: Project, tell: Listener) -> None:
        """Copy the definitions of the modules' schemas, and the rows of their version tables alone."""
        self._copy(copy, staging, project, tell)
        if staging.kind is not StagingKind.SERVER:
            deployer = str(self.session.value("SELECT session_user"))
            make_roles(copy, (deployer,))
            act_as(copy, deployer)

    def _copy(self, copy: Session, staging: Staging, project: Project, tell: Listener) -> None:
        source = self.session
        tables = tuple(dict.fromkeys(module.qualified_version_table for module in project.modules))
        schemas = tuple(dict.fromkeys([*project.owners, *(schema for schema, _ in tables)]))
        if staging.kind is not StagingKind.SERVER:
            owners = {module.owner for module in project.modules if module.owner}
            make_roles(copy, sorted({*roles_of(source, schemas), *owners}))
        make_extensions(copy, extensions_of(source))
        present = tuple(
            name
            for name in schemas
            if source.value("SELECT 1 FROM pg_namespace WHERE nspname = %s", (name,))
            and (name != "public" or name in project.owners)
        )
        if not present:
            return
        tell(Working(what=f"copying the definitions of {len(present)} schemas to {staging.label}"))
        dump = staging.dump_schemas(self.target.url, present)
        if dump:
            restore(copy, dump)
            fill_views(copy, filled_views(source))
        for module in project.modules:
            if read_heads(copy, module) is not None and module.qualified_version_table in tables:
                copy_rows(source, copy, module.qualified_version_table)
                tables = tuple(each for each in tables if each != module.qualified_version_table)

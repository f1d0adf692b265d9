"""`migrate snapshot`: what a plan and a rehearsal need to know of the target, as one value; only reads, and no user's rows."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from coordinator import __version__
from coordinator.errors import RefusedError, UnreachableError
from coordinator.execution.events import Listener, TargetNamed, Working
from coordinator.execution.project import Project
from coordinator.execution.versions import readable_heads
from coordinator.model.catalog import DATABASE_WIDE, Catalog
from coordinator.model.found import Found, HeadRows
from coordinator.model.revision import ModuleTree
from coordinator.model.snapshot import Snapshot
from coordinator.postgres.baseline import filled_views, roles_of
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.failure import StatementError
from coordinator.postgres.lasting import read_lasting
from coordinator.postgres.server_facts import read_server_facts
from coordinator.postgres.table_sizes import read_sizes
from coordinator.settings.values import EmbeddedTarget
from coordinator.snapshots.redacting import Redactor
from coordinator.staging.choose import AUTO, choose_staging
from coordinator.staging.embedded import has_embedded_target
from coordinator.workflow.reading import reader
from coordinator.workflow.snapshot_schemas import Chosen, choose_schemas
from coordinator.workflow.state import read_found
from coordinator.workflow.target import Target, open_target
from coordinator.workflow.uses import read_uses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.effect import LastingUse
    from coordinator.model.run import AppliedRevision, Run
    from coordinator.model.server_facts import ServerFacts
    from coordinator.model.table_size import TableSize
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.staging.interface import Staging

_TRIES = 2  # somebody may be migrating while we read
# A table as Alembic makes it, whoever's it is: modules of other checkouts have one too. Of any other no row is read.
_VERSION_TABLES = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
  JOIN pg_catalog.pg_attribute v ON v.attrelid = c.oid AND v.attname = 'version_num'
   AND v.atttypid IN ('varchar'::regtype, 'text'::regtype)
 WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrate')
   AND ARRAY['version_num'::name] = (SELECT array_agg(a.attname) FROM pg_catalog.pg_attribute a
                                      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
 ORDER BY 1, 2
"""
# Who migrates there: the ledger is his; before there is one, the database.
_DEPLOYER = """
SELECT pg_catalog.pg_get_userbyid(coalesce(
    (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'migrate'),
    (SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())))
"""
# Its address tells a name, and its definition the digest of a value that may be a secret and short.
_NOT_KEPT = frozenset({"database setting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """All that one look at the target saw."""

    chosen: Chosen
    found: Found
    catalog: Catalog
    uses: tuple[LastingUse, ...]
    lasting: tuple[LastingUse, ...]
    deployer: str
    facts: ServerFacts
    roles: tuple[str, ...]
    filled_views: frozenset[tuple[str, str]]
    sizes: Mapping[tuple[str, str], TableSize]


def take_snapshot(settings: Settings, tell: Listener, *, staging: str = AUTO) -> Snapshot:
    """Read the target. `staging` says whose pg_dump is taken: auto, container, embedded, or a server's URL.

    Raises UnreachableError when the role may not read what must be in it, or no pg_dump is to be had; RefusedError
    when somebody migrates all the time, and when the embedded target was never made.
    """
    if isinstance(settings.target, EmbeddedTarget) and not has_embedded_target(settings.state_directory):
        raise RefusedError(
            "there is no embedded database yet, so there is nothing to take a snapshot of",
            help="`migrate all-modules` makes it; --database-url names another one",
        )
    with open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with reader(target, "snapshot") as session:
            tell(Working(what="looking for a pg_dump"))
            with _staging(staging, settings, target, session) as place:
                if not place.keeps_owners:
                    raise UnreachableError(
                        f"{place.label} gives no dump with owners and grants, and a snapshot needs them",
                        help="take its pg_dump from elsewhere: --staging embedded, or --staging container",
                    )
                return _Taking(settings, target, session, place, tell).take()


def _staging(wanted: str, settings: Settings, target: Target, session: Session) -> Staging:
    return choose_staging(
        wanted,
        target_version=session.server_version,
        target_is_embedded=target.embedded,
        state=settings.state_directory,
        image=settings.staging.image,
        environment=os.environ,
        target_identifier=_identifier(session) if "://" in wanted or "=" in wanted else None,
    )


def _identifier(session: Session) -> int | None:
    with suppress(StatementError):  # a role that may not ask
        return int(session.value("SELECT system_identifier FROM pg_control_system()"))
    return None


@dataclass(frozen=True, slots=True)
class _Taking:
    """One snapshot of one target."""

    settings: Settings
    target: Target
    session: Session
    staging: Staging
    tell: Listener

    def take(self) -> Snapshot:
        for _ in range(_TRIES):
            seen = self._look()
            self.tell(Working(what=f"copying the definitions of {len(seen.chosen.schemas)} schemas"))
            dump = (
                self.staging.dump_schemas(self.target.url, seen.chosen.schemas) if seen.chosen.schemas else ""
            )
            if self._is_still(seen):
                return self._snapshot(seen, dump)
        raise RefusedError(
            "somebody changes the target's definitions while they are read",
            help="wait for the migration that is running (`migrate status`), and try again",
        )

    def _look(self) -> _Seen:
        """All of it, in one unchanging view."""
        modules = self.settings.modules
        with self.session.snapshot():
            found = self._found()
            uses = read_uses(self.session)
            chosen = choose_schemas(self.session, modules, found, uses)
            deployer = str(self.session.value(_DEPLOYER))
            return _Seen(
                chosen=chosen,
                found=found,
                catalog=self._catalog(chosen, found),
                uses=uses,
                lasting=read_lasting(self.session),
                deployer=deployer,
                facts=read_server_facts(self.session, role=deployer),
                roles=roles_of(self.session, chosen.schemas),
                filled_views=filled_views(self.session),
                sizes=read_sizes(self.session),
            )

    def _is_still(self, seen: _Seen) -> bool:
        """Whether the same is there as before: then that is what pg_dump saw in between, too."""
        with self.session.snapshot():
            found = self._found()
            keys = [each.key for each in found.recorded]
            return (
                found.rows == seen.found.rows
                and keys == [each.key for each in seen.found.recorded]
                and self._catalog(seen.chosen, found) == seen.catalog
            )

    def _found(self) -> Found:
        project = Project(
            trees=tuple(ModuleTree(module=each, revisions=()) for each in self.settings.modules)
        )
        return _with_other_tables(self.session, read_found(self.session, project))

    def _catalog(self, chosen: Chosen, found: Found) -> Catalog:
        catalog = read_catalog(self.session, chosen.schemas, ignore=frozenset(found.rows))
        return catalog.where(lambda address: address.kind not in _NOT_KEPT)

    def _snapshot(self, seen: _Seen, dump: str) -> Snapshot:
        schemas = frozenset(seen.chosen.schemas)
        inside = schemas | {DATABASE_WIDE}
        redactor = Redactor()
        return Snapshot(
            made=datetime.now(UTC).replace(microsecond=0),
            program=__version__,
            environment=self.target.environment,
            database=str(self.session.value("SELECT current_database()")),
            system_identifier=_identifier(self.session),
            deployer=seen.deployer,
            facts=seen.facts,
            schemas=seen.chosen.schemas,
            left_out=seen.chosen.left_out,
            definitions=redactor.definition(dump),
            roles=seen.roles,
            filled_views=tuple(sorted(each for each in seen.filled_views if each[0] in schemas)),
            catalog=_redacted(seen.catalog, redactor),
            found=_remembered(seen.found, redactor, schemas),
            # Also of schemas that are left out: who stands on what, any role may know.
            lasting=tuple(each for each in seen.lasting if _reaches(each, inside)),
            uses=tuple(each for each in seen.uses if _reaches(each, inside)),
            sizes=MappingProxyType({key: size for key, size in seen.sizes.items() if key[0] in schemas}),
            secrets=redactor.count,
        )


def _reaches(use: LastingUse, schemas: frozenset[str]) -> bool:
    return use.holder.schema in schemas or use.used.schema in schemas


def _with_other_tables(session: Session, found: Found) -> Found:
    rows = dict(found.rows)
    for schema, table in session.rows(_VERSION_TABLES):
        if (schema, table) not in rows:
            rows[schema, table] = HeadRows(heads=readable_heads(session, schema, table))
    return replace(found, rows=rows)


def _redacted(catalog: Catalog, redactor: Redactor) -> Catalog:
    """As the definitions are redacted: so a database that is built from these has this catalog."""
    return Catalog(
        definitions=MappingProxyType(
            {address: redactor.catalog(text) for address, text in catalog.definitions.items()}
        ),
        column_order=catalog.column_order,
    )


def _remembered(found: Found, redactor: Redactor, schemas: frozenset[str]) -> Found:
    """What the ledger remembers, in words that may be kept anywhere."""
    return replace(
        found,
        table_trees=MappingProxyType(
            {key: tree for key, tree in found.table_trees.items() if key[0] in schemas}
        ),
        recorded=tuple(_revision(each, redactor) for each in found.recorded),
        open_runs=tuple(_run(each, redactor) for each in found.open_runs),
        acceptances=tuple(
            replace(each, reason=redactor.source(each.reason), host="") for each in found.acceptances
        ),
    )


def _revision(revision: AppliedRevision, redactor: Redactor) -> AppliedRevision:
    effects = None if revision.effects is None else redactor.document(revision.effects)
    return replace(
        revision,
        source=redactor.source(revision.source),
        changes=redactor.document(revision.changes or json.dumps([])),
        effects=effects,
    )


def _run(run: Run, redactor: Redactor) -> Run:
    return replace(
        run,
        host="",
        pid=0,
        program="",
        rehearsal="",
        finished=None,
        attempt="",
        error=None if run.error is None else redactor.source(run.error),
    )

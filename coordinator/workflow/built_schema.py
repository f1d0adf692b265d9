"""What the modules' revisions build: all of them applied to an empty throw-away database, and its catalog read."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, ReversedError, UnreachableError, UnsettledError
from coordinator.execution.interrupts import as_before
from coordinator.execution.workers import Workers
from coordinator.model.built_schema import BuiltSchema, ModuleUse
from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.plan import Atomicity
from coordinator.model.staging import StagingKind
from coordinator.postgres.built_schema import read_built_schema
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.postgres.url import as_words
from coordinator.settings.values import StagingKind as StagingChoice
from coordinator.settings.values import UrlTarget
from coordinator.staging.binaries import find_binaries
from coordinator.staging.choose import choose_staging
from coordinator.workflow.all_modules import Request, all_modules, wanted_staging
from coordinator.workflow.carrying_out import OFF
from coordinator.workflow.planned import capture_all
from coordinator.workflow.project import load_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.execution.events import Listener
    from coordinator.execution.project import Project
    from coordinator.model.effect import Effect, ObjectName, RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.target import DatabaseUrl
    from coordinator.settings.values import Settings
    from coordinator.staging.interface import Staging

_ASSUMED_MAJOR = 17  # of PostgreSQL, where no server programs are installed and the image is not named
_USES = (Verb.USE, Verb.HOLD, Verb.WRITE, Verb.TIGHTEN)
_NAMES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
UNION SELECT n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
UNION SELECT n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
"""


def build_schema(settings: Settings, tell: Listener) -> BuiltSchema:
    """Apply every revision of every module to an empty database, read what is there, and drop it.

    No target is needed and none is touched. Raises what `all_modules` raises when a revision fails, and
    UnreachableError when there is no staging.
    """
    with _staging(settings, tell) as staging:
        url = staging.create_database()
        try:
            _apply(settings, url, staging, tell)
            with Session(connect(url, application_name="migrate:map")) as session:
                uses = tuple(_uses(settings, session.server_version, read_names(session)))
                return read_built_schema(session, settings.modules, uses=uses)
        finally:
            staging.drop_database(url)


@contextmanager
def _staging(settings: Settings, tell: Listener) -> Iterator[Staging]:
    kind = settings.staging.kind
    wanted = "auto" if kind in (StagingChoice.OFF, StagingChoice.CERTIFICATE) else wanted_staging(settings)
    try:
        major = find_binaries(environment=os.environ).major
    except UnreachableError:
        major = _ASSUMED_MAJOR
    with choose_staging(
        wanted,
        target_version=major * 10000,
        target_is_embedded=wanted == "auto",
        state=settings.state_directory,
        image=settings.staging.image,
        environment=os.environ,
        tell=tell,
    ) as staging:
        yield staging


def _apply(settings: Settings, url: DatabaseUrl, staging: Staging, tell: Listener) -> None:
    target = UrlTarget(text=as_words({**url.parameters}), origin=staging.label)
    # Without the project's map: it is what this result is compared with, and it may be empty or wrong.
    throw_away = replace(
        settings,
        chosen_target=target,
        environment="map",
        password_command=(),
        map=settings.state_directory / "no-map",
    )
    kind = staging.kind.value if staging.kind is not StagingKind.SERVER else wanted_staging(settings)
    try:
        with as_before():  # the end of this run is not the command's
            try:
                all_modules(throw_away, Request(atomicity=Atomicity.AUTO, staging=OFF), tell)
            except RefusedError:
                # Several orders are possible: only a rehearsal tells which one runs. What else is wrong is told again.
                all_modules(throw_away, Request(atomicity=Atomicity.AUTO, staging=kind), tell)
    except (ReversedError, UnsettledError) as error:
        # Exit codes 3 and 4 speak of a target, and here there is none.
        refused = RefusedError(f"the modules cannot be built from nothing: {error.message}", help=error.help)
        refused.details = error.details
        raise refused from error


def read_names(session: Session) -> frozenset[tuple[str, ...]]:
    """Schema and name of every relation, function and type."""
    return frozenset(session.rows(_NAMES))


def _uses(settings: Settings, server_version: int, names: frozenset[tuple[str, ...]]) -> Iterator[ModuleUse]:
    with Workers(silence=settings.worker_timeout) as workers:
        project = load_project(settings, workers)
        keys = tuple(each.key for tree in project.trees for each in tree.revisions)
        captured = capture_all(project, keys, workers, server_version)
    yield from module_uses(project, captured.effects, names)


def module_uses(
    project: Project, effects_of: Mapping[RevisionKey, RevisionEffects], names: frozenset[tuple[str, ...]]
) -> Iterator[ModuleUse]:
    """What the revisions use of other modules, each once: function bodies, triggers, rows that are read or written."""
    told: set[tuple[str | None, ...]] = set()
    for key, effects in effects_of.items():
        for effect in effects.of(*_USES):
            use = _use(key, effect, project, names)
            if use is None:
                continue
            what = (use.consumer, use.provider, use.consumer_table, use.provider_table)
            if what not in told:
                told.add(what)
                yield use


def _use(
    key: RevisionKey, effect: Effect, project: Project, names: frozenset[tuple[str, ...]]
) -> ModuleUse | None:
    """The edge behind an effect; None when it is inside the module, uncertain, or held by what is gone."""
    owner = project.owners.get(effect.object.schema)
    if owner is None or owner == key.module or effect.object.kind is ObjectKind.SCHEMA or effect.alternatives:
        return None
    holder = effect.holder
    if holder is not None and (holder.schema, holder.name) not in names:
        return None
    exists = (effect.object.schema, effect.object.name) in names
    revision = project.revision(key)
    return ModuleUse(
        consumer=key.module,
        provider=owner,
        consumer_table=_told(holder, key, project.owners),
        provider_table=effect.object.name if exists else None,
        why=f"revision {key} {effect.verb.value} {effect.object.shown}",
        place=replace(revision.place, line=effect.line) if effect.line else revision.place,
    )


def _told(holder: ObjectName | None, key: RevisionKey, owners: Mapping[str, str]) -> str | None:
    """What of the module holds: a view, a function, a table. A trigger on another's table has no name of its own."""
    if holder is None or owners.get(holder.schema) != key.module:
        return None
    return holder.name

"""`migrate gate`: every check of every stage, as far as each can run, and one verdict over all of them."""

from __future__ import annotations

import datetime
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator import __version__
from coordinator.errors import CoordinatorError
from coordinator.execution.workers import Workers
from coordinator.model.gate import GateBaseline, GateReport
from coordinator.model.status import PendingRevision
from coordinator.repository.git import toplevel
from coordinator.settings.values import StagingKind, UrlTarget
from coordinator.workflow.gate.bench import Bench
from coordinator.workflow.gate.registry import checks_of
from coordinator.workflow.gate.running import run_checks
from coordinator.workflow.gate.secrets import Secrets

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.settings.values import Settings
    from coordinator.workflow.gate.request import GateRequest

_URL_VARIABLES = ("MIGRATE_DATABASE_URL", "DATABASE_URL", "MIGRATE_STAGING")
_STAGING_WORDS = frozenset(each.value for each in StagingKind)  # that may stand in the place of a URL


def gate(settings: Settings, request: GateRequest, tell: Listener) -> GateReport:
    """Judge what is pending. Whatever it starts and makes is gone when this returns or raises.

    Raises SettingsError for what no verdict can follow from; all else that is wrong is in the report, a mistake of the
    gate's own too.
    """
    started, began = datetime.datetime.now(datetime.UTC), time.monotonic()
    with ExitStack() as stack:
        bench = Bench(
            settings=settings,
            request=request,
            tell=tell,
            workers=stack.enter_context(Workers(silence=settings.worker_timeout)),
            stack=stack,
            secrets=_secrets(settings, request),
        )
        run_checks(checks_of(request, bench.secrets), bench)
        return _report(bench, started, time.monotonic() - began)


def _secrets(settings: Settings, request: GateRequest) -> Secrets:
    """All addresses that are known by now, whether they are used or not."""
    secrets = Secrets()
    if isinstance(settings.chosen_target, UrlTarget):
        secrets.add_url(settings.chosen_target.text)
    if isinstance(settings.staging.chosen_server, UrlTarget):
        secrets.add_url(settings.staging.chosen_server.text)
    for name in (*settings.url_variables, *_URL_VARIABLES):
        text = request.environment.get(name, "")
        if text and text not in _STAGING_WORDS:
            secrets.add_url(text)
    secrets.add(request.environment.get("PGPASSWORD", ""))
    return secrets


def _report(bench: Bench, started: datetime.datetime, seconds: float) -> GateReport:
    project, baseline, floor = bench.known_project, bench.known_baseline, bench.known_floor
    state = bench.known_state
    return GateReport(
        environment=bench.settings.environment or "default",
        program=__version__,
        started=started,
        seconds=seconds,
        checks=tuple(bench.done),
        settings=bench.settings.file.name,
        folder=_folder(bench.settings.root),
        baseline=None
        if baseline is None
        else GateBaseline(kind=baseline.kind, shown=baseline.shown, server_version=baseline.server_version),
        staging=None if floor is None else floor.staging.label,
        staging_version=None if floor is None else floor.staging.server_version,
        pending=() if state is None else _pending(bench),
        modules=() if project is None else tuple(module.name for module in project.modules),
        absent=() if state is None else tuple(module.name for module in state.absent.modules),
        plan=bench.plan,
        rehearsals=tuple(bench.rehearsals),
        impacts=bench.impacts,
        forecasts=bench.forecasts,
        differences=bench.differences,
        certificate=bench.certificate,
        mistake=bench.mistake,
    )


def _pending(bench: Bench) -> tuple[PendingRevision, ...]:
    revisions = (bench.project.revision(key) for key in bench.pending)
    return tuple(PendingRevision(key=each.key, message=each.message, place=each.place) for each in revisions)


def _folder(root: Path) -> str:
    """The project's folder from its repository's root; machines that read reports name files from there."""
    try:
        top = toplevel(root)
    except CoordinatorError:
        return ""  # no repository: files are named from the project
    inside = os.path.relpath(os.path.realpath(root), os.path.realpath(top))
    return "" if inside == "." else Path(inside).as_posix()

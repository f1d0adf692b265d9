"""A certificate of what a site has pending, made as the gate makes it: planned, rehearsed from the target, certified."""

from __future__ import annotations

import datetime
import os
from contextlib import chdir
from typing import TYPE_CHECKING
from unittest.mock import patch

from coordinator.certificates.file import write_certificate
from coordinator.execution.workers import Workers
from coordinator.model.plan import Atomicity
from coordinator.postgres.url import as_words
from coordinator.settings.load import load_settings
from coordinator.settings.values import Flags
from coordinator.workflow.baseline.target import target_baseline
from coordinator.workflow.certificate import certify
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.planned import capture_all, make_plans
from coordinator.workflow.project import load_project
from coordinator.workflow.rehearse import rehearse
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.execution.events import Event
    from coordinator.model.certificate import CertificateFile
    from coordinator.model.target import DatabaseUrl
    from tests.failures.site import Site

WEEK = datetime.timedelta(days=7)


def _unheard(event: Event) -> None:
    """Nobody listens."""


def certified(
    site: Site,
    *,
    root: Path | None = None,
    url: DatabaseUrl | None = None,
    atomicity: Atomicity = Atomicity.AUTO,
    valid_for: datetime.timedelta = WEEK,
    env: str | None = None,
) -> CertificateFile:
    """Rehearse what the project in `root` has pending on the target, and certify it."""
    folder = root or site.root
    with chdir(folder), patch.dict(os.environ, {"MIGRATE_STATE_DIR": str(site.state)}):
        settings = load_settings(
            start=folder,
            environment=os.environ,
            flags=Flags(database_url=as_words((url or site.url).parameters), env=env),
        )
        with Workers(silence=settings.worker_timeout) as workers, open_target(settings) as target:
            project = load_project(settings, workers)
            with target_baseline(target) as baseline:
                state = baseline.state(project)
                captured = capture_all(project, state.pending(project), workers, state.server_version)
                plans = make_plans(
                    project,
                    state,
                    captured,
                    read_map_view(settings),
                    atomicity=atomicity,
                    lasting=baseline.lasting(),
                )
                rehearsed = rehearse(
                    plans,
                    wanted="embedded",
                    settings=settings,
                    baseline=baseline,
                    project=project,
                    captured=captured,
                    workers=workers,
                    tell=_unheard,
                )
                return certify(
                    settings=settings,
                    project=project,
                    baseline=baseline,
                    state=state,
                    captured=captured,
                    rehearsed=rehearsed,
                    valid_for=valid_for,
                )


def make(site: Site, name: str = "release.json", **how: object) -> Path:
    """The same, in a file of the site's folder."""
    path = site.root.parent / name
    write_certificate(path, certified(site, **how))  # type: ignore[arg-type]
    return path

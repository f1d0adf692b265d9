"""`migrate gc`: find what killed commands left on this machine and on the staging server, and remove it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.postgres.url import parse_url
from coordinator.reports.gc_text import Removal
from coordinator.settings.values import StagingKind
from coordinator.staging.gc import remove, search

if TYPE_CHECKING:
    from coordinator.model.staging import Leftover
    from coordinator.model.target import DatabaseUrl
    from coordinator.settings.values import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was found, and where could not be looked."""

    removals: tuple[Removal, ...]
    not_seen: tuple[str, ...]
    dry_run: bool

    @property
    def failed(self) -> bool:
        """Whether something that should be gone is still there."""
        return any(not each.removed for each in self.removals) and not self.dry_run


def collect(settings: Settings, *, dry_run: bool) -> Collected:
    """Remove every leftover, or only list them. Never what a living process uses."""
    server = _staging_server(settings)
    found = search(settings.state_directory, environment=os.environ, server=server)
    removals = tuple(
        Removal(leftover=each, removed=False) if dry_run else _remove(each, server)
        for each in found.leftovers
    )
    return Collected(removals=removals, not_seen=found.not_seen, dry_run=dry_run)


def _remove(leftover: Leftover, server: DatabaseUrl | None) -> Removal:
    try:
        removed = remove(leftover, environment=os.environ, server=server)
    except (CoordinatorError, OSError) as error:
        return Removal(leftover=leftover, removed=False, why_not=str(error))
    return Removal(
        leftover=leftover, removed=removed, why_not="" if removed else "it is gone already, or in use again"
    )


def _staging_server(settings: Settings) -> DatabaseUrl | None:
    """The server that the settings name for staging, whose left databases are looked for too."""
    if settings.staging.kind is not StagingKind.SERVER or settings.staging.server is None:
        return None
    return parse_url(settings.staging.server.text)

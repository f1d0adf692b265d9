"""Which staging is taken, and why the others are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import SettingsError, UnreachableError
from coordinator.model.staging import StagingKind
from coordinator.staging.container import ContainerStaging
from coordinator.staging.embedded import EmbeddedStaging
from coordinator.staging.interface import Tell, quiet
from coordinator.staging.server import ServerStaging

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.staging.interface import Staging

AUTO = "auto"


def choose_staging(
    wanted: str,
    *,
    target_version: int,
    target_is_embedded: bool,
    state: Path,
    image: str | None,
    environment: Mapping[str, str],
    target_identifier: int | None = None,
    makes_roles: frozenset[str] = frozenset(),
    tell: Tell = quiet,
) -> Staging:
    """The staging for `wanted`: "auto", "container", "embedded" or a server's URL; not yet entered.

    `target_version` is PostgreSQL's number (150018); `target_identifier` its system identifier, by which a
    named server is known to be the target's own; `makes_roles` are the roles that the revisions make which are run there.
    `tell` hears who is waited for there, and what could not be dropped.
    "auto" takes the target's own major version or nothing.
    UnreachableError with every reason when there is none; SettingsError for another word.
    """
    major = target_version // 10000
    container = image or f"postgres:{major}"
    if wanted == StagingKind.CONTAINER.value:
        # An image that the user names may differ from the target: the result is then a report, no more.
        return ContainerStaging(
            image=container,
            major=None if image else major,
            state=state,
            environment=environment,
            tell=tell,
        )
    if wanted == StagingKind.EMBEDDED.value:
        return EmbeddedStaging(state=state, major=major, environment=environment, tell=tell)
    if wanted == AUTO:
        return _first_that_works(container, major, target_is_embedded, state, environment, tell)
    if "://" in wanted or "=" in wanted:
        return ServerStaging(
            url=wanted,
            target_identifier=target_identifier,
            environment=environment,
            makes_roles=makes_roles,
            tell=tell,
        )
    raise SettingsError(
        f"There is no staging '{wanted}'.",
        help="Write auto, container, embedded, off, or the URL of a server.",
    )


def _first_that_works(
    image: str,
    major: int,
    target_is_embedded: bool,
    state: Path,
    environment: Mapping[str, str],
    tell: Tell,
) -> Staging:
    refusals: list[str] = []
    if target_is_embedded:
        refusals.append("container: the target is embedded, and is rehearsed on its own server programs")
    else:
        try:
            return ContainerStaging(image=image, major=major, state=state, environment=environment, tell=tell)
        except UnreachableError as exc:
            refusals.append(_reason(StagingKind.CONTAINER, exc))
    try:
        return EmbeddedStaging(
            state=state, major=major, environment=environment, not_taken=tuple(refusals), tell=tell
        )
    except UnreachableError as exc:
        refusals.append(_reason(StagingKind.EMBEDDED, exc))
    raise UnreachableError(
        f"There is no staging of PostgreSQL {major}, the target's version, to rehearse on.",
        help=f"Install postgresql-{major} or 'migration-coordinator[embedded]', or start a Docker engine "
        f"with the image {image}, or name a server with --staging URL.",
        details=tuple(refusals),
    )


def _reason(kind: StagingKind, exc: UnreachableError) -> str:
    found = f" ({'; '.join(exc.details)})" if exc.details else ""
    return f"{kind.value}: {exc.message}{found}"

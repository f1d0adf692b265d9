"""Containers whose maker was killed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from coordinator.model.staging import Leftover, LeftoverKind
from coordinator.staging.container import MARK_LABEL, PROJECT_LABEL
from coordinator.staging.engine import engine_client, require_engine
from coordinator.staging.interface import StagingError
from coordinator.staging.names import read_mark, why_left

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def find(environment: Mapping[str, str]) -> tuple[Leftover, ...]:
    """Those with our label and a dead owner. StagingError when there is no engine to ask."""
    with _engine(environment) as client:
        found = client.containers.list(all=True, filters={"label": MARK_LABEL}, ignore_removed=True)
        return tuple(leftover for leftover in map(_described, found) if leftover)


def remove(leftover: Leftover, environment: Mapping[str, str]) -> bool:
    """Remove it, if it is still there and still nobody's. True when something was removed."""
    from docker.errors import NotFound

    with _engine(environment) as client:
        try:
            container = client.containers.get(leftover.name)
            if _described(container) is None:
                return False
            container.remove(force=True, v=True)
        except NotFound:
            return False
    return True


@contextmanager
def _engine(environment: Mapping[str, str]) -> Iterator[Any]:
    require_engine(environment)
    from docker.errors import DockerException

    client = engine_client()
    try:
        yield client
    except DockerException as exc:
        raise StagingError(
            f"The Docker engine cannot be used: {exc}.", help="Look at 'docker info'."
        ) from exc
    finally:
        client.close()


def _described(container: Any) -> Leftover | None:
    mark = read_mark(container.labels.get(MARK_LABEL, ""))
    reason = why_left(mark, in_use=False) if mark else None
    if reason is None:
        return None
    project = container.labels.get(PROJECT_LABEL, "an unknown project")
    return Leftover(
        kind=LeftoverKind.CONTAINER, name=container.id, place=f"Docker engine, for {project}", reason=reason
    )

"""What killed commands left behind: found without touching it, removed only when it is still nobody's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, UsageError
from coordinator.model.staging import Leftover, LeftoverKind
from coordinator.model.target import TARGET_DIRECTORY
from coordinator.staging import (
    leftover_clusters,
    leftover_containers,
    leftover_databases,
    leftover_roles,
    leftover_scratch,
)
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from coordinator.model.target import DatabaseUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The result of looking everywhere."""

    leftovers: tuple[Leftover, ...]
    not_seen: tuple[str, ...]  # places that could not be looked at, each with its reason


def find_leftovers(
    state: Path, *, environment: Mapping[str, str] | None = None, server: DatabaseUrl | None = None
) -> tuple[Leftover, ...]:
    """Everything that this program made for `state`'s project, on this machine's engine or on `server`,
    and that no living process uses."""
    return search(state, environment=environment, server=server).leftovers


def search(
    state: Path, *, environment: Mapping[str, str] | None = None, server: DatabaseUrl | None = None
) -> Search:
    """`find_leftovers`, and which places could not be looked at."""
    variables = os.environ if environment is None else environment
    leftovers: list[Leftover] = []
    not_seen: list[str] = []

    def look(place: str, find: Callable[[], Iterable[Leftover]]) -> None:
        try:
            leftovers.extend(find())
        except (CoordinatorError, PermissionError) as exc:
            not_seen.append(f"{place}: {exc}")

    look("Docker engine", lambda: leftover_containers.find(variables))
    for directory in leftover_clusters.cluster_directories(state):
        look(str(directory), lambda directory=directory: _in_cluster(directory, variables))  # type: ignore[misc]  # mypy does not infer a lambda's default
    look("socket directories", leftover_clusters.find_sockets)
    look("workers' directories", leftover_scratch.find)
    if server:
        look(str(server), lambda: _on_server(server))
    return Search(leftovers=tuple(leftovers), not_seen=tuple(not_seen))


def remove(
    leftover: Leftover, *, environment: Mapping[str, str] | None = None, server: DatabaseUrl | None = None
) -> bool:
    """Remove one. False when it is gone already, or somebody has begun to use it since it was found."""
    variables = os.environ if environment is None else environment
    if leftover.kind is LeftoverKind.CONTAINER:
        return leftover_containers.remove(leftover, variables)
    if leftover_scratch.is_scratch(leftover):
        return leftover_scratch.remove(leftover)
    if leftover.kind is LeftoverKind.ROLE and server:
        return leftover_roles.remove(leftover, server)
    if leftover.kind is not LeftoverKind.DATABASE:
        return leftover_clusters.remove(leftover)
    if server and leftover.place == str(server):
        return leftover_databases.remove(leftover, server)
    directory = _cluster_of(leftover)
    with _visited(directory, variables) as cluster:
        return leftover_databases.remove(leftover, cluster.url())


def _cluster_of(leftover: Leftover) -> Path:
    directory = Path(leftover.place)
    if not (directory / "data").is_dir():
        raise UsageError(
            f"The staging database '{leftover.name}' is on '{leftover.place}', which was not named.",
            help="Name that server with --staging URL.",
        )
    return directory


def _on_server(server: DatabaseUrl) -> list[Leftover]:
    """Databases first: roles that they hold can only go after them."""
    databases = leftover_databases.find(server, place=str(server))
    going = [each.name for each in databases]
    return [*databases, *leftover_roles.find(server, place=str(server), going=going)]


def _in_cluster(directory: Path, environment: Mapping[str, str]) -> list[Leftover]:
    found = list(leftover_clusters.find(directory))
    if directory.name != TARGET_DIRECTORY and (directory / "data").is_dir():
        with _visited(directory, environment) as cluster:
            found.extend(leftover_databases.find(cluster.url(), place=str(directory)))
    return found


def _visited(directory: Path, environment: Mapping[str, str]) -> LocalCluster:
    """The cluster, left as it was found: a server that runs for nobody is reported, not stopped."""
    major = int((directory / "data" / "PG_VERSION").read_text(encoding="ascii"))
    binaries = find_binaries(environment=environment, major=major)
    return LocalCluster(binaries, directory, environment=environment, visit=True)

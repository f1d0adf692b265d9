"""Whether a Docker engine answers here: asked cheaply, before its libraries are loaded."""

from __future__ import annotations

import importlib.util
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from coordinator.staging.interface import StagingError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 5


def require_engine(environment: Mapping[str, str]) -> None:
    """StagingError with the reason when no engine can be used from here."""
    if importlib.util.find_spec("testcontainers") is None:
        raise StagingError(
            "testcontainers is not installed.", help="Run 'pip install migration-coordinator[container]'."
        )
    endpoints = _endpoints(environment)
    refusals = [refusal for refusal in map(_refusal, endpoints) if refusal]
    if len(refusals) == len(endpoints):
        raise StagingError(
            f"No Docker engine answers ({'; '.join(refusals)}).", help="Start one, or name it in DOCKER_HOST."
        )


def engine_client() -> Any:
    """The Docker SDK's client of the engine that testcontainers uses, with a short time limit."""
    from testcontainers.core.docker_client import DockerClient

    return DockerClient(timeout=_ANSWER_SECONDS).client


def _endpoints(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where an engine is looked for, in the order of Docker's own programs."""
    if environment.get("DOCKER_HOST"):
        return (environment["DOCKER_HOST"],)
    home = Path(environment.get("HOME", "/nonexistent"))
    context = _context_endpoint(home, environment.get("DOCKER_CONTEXT"))
    places = ["/var/run/docker.sock", str(home / ".docker/run/docker.sock")]
    if environment.get("XDG_RUNTIME_DIR"):
        places.append(f"{environment['XDG_RUNTIME_DIR']}/docker.sock")
    return (context,) if context else tuple(f"unix://{place}" for place in places)


def _context_endpoint(home: Path, name: str | None) -> str | None:
    """The endpoint of Docker's current context; None for the default one."""
    try:
        name = name or json.loads((home / ".docker/config.json").read_text(encoding="utf-8")).get(
            "currentContext"
        )
        if not name or name == "default":
            return None
        for file in (home / ".docker/contexts/meta").glob("*/meta.json"):
            meta = json.loads(file.read_text(encoding="utf-8"))
            if meta.get("Name") == name:
                return str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError):
        return None  # a broken file is Docker's to complain about: the default places are tried
    return None


def _refusal(endpoint: str) -> str | None:
    """Why nothing answers at `endpoint`; None when something accepts a connection."""
    parts = urlsplit(endpoint)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_CONNECT_SECONDS)
                connection.connect(parts.path)
        elif parts.scheme in {"tcp", "http", "https"} and parts.hostname:
            socket.create_connection((parts.hostname, parts.port or 2375), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as exc:
        return f"{endpoint}: {exc.strerror if isinstance(exc, OSError) and exc.strerror else exc}"
    return None

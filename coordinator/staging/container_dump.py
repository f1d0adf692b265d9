"""pg_dump inside a container, of a database that perhaps only we can reach."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.postgres.connect import connect
from coordinator.staging.dump import dump_arguments, dump_password, failed_dump, without_noise
from coordinator.staging.interface import StagingError
from coordinator.staging.relay import relay

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl

_FILE_PARAMETERS = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_FOLDER = "/tmp"  # noqa: S108  # of the container, where nobody else is


def dump_in_container(container: Any, source: DatabaseUrl, schemas: tuple[str, ...]) -> str:
    """Run the container's own pg_dump; `container` is the Docker SDK's. StagingError with its words."""
    container.reload()
    with connect(source, application_name="migrate staging") as connection:
        reached = (connection.info.hostaddr or connection.info.host, connection.info.port)
        login = {"user": connection.info.user, "dbname": connection.info.dbname}
    parameters = {**source.parameters, **login, **_copied_files(container, source)}
    for key in ("service", "passfile", "hostaddr", "load_balance_hosts"):
        parameters.pop(key, None)
    try:
        with relay(reached, container_address=_address(container)) as (name, port):
            parameters |= {"port": str(port), **_through(name, reached[0], parameters)}
            return _run(container, source, parameters, schemas)
    except OSError as exc:
        raise StagingError(
            f"The container cannot reach '{source}' through this process: {exc}.",
            help="Use --staging embedded, or give a snapshot file.",
        ) from exc


def _through(name: str, reached: str, parameters: dict[str, str]) -> dict[str, str]:
    """Where the container connects: to us. The server's own name stays, for its certificate."""
    if reached.startswith("/"):  # a socket: no TLS there, and nothing to check
        return {"host": name, "sslmode": "disable", "gssencmode": "disable"}
    host = parameters.get("host", "").split(",")[0]
    is_address = name.replace(".", "").isdigit()
    return {"host": host or name, "hostaddr": name} if is_address and host else {"host": name}


def _run(container: Any, source: DatabaseUrl, parameters: dict[str, str], schemas: tuple[str, ...]) -> str:
    environment = {"PGCONNECT_TIMEOUT": "15", "PGAPPNAME": "migrate pg_dump", **dump_password(source)}
    done = container.exec_run(
        ["pg_dump", *dump_arguments(parameters, schemas)], environment=environment, demux=True
    )
    output, errors = (part.decode("utf-8", errors="replace") if part else "" for part in done.output)
    if done.exit_code != 0:
        raise failed_dump(source, errors, environment.get("PGPASSWORD", ""))
    return without_noise(output)


def _address(container: Any) -> str:
    """The container's own address."""
    networks = container.attrs["NetworkSettings"]["Networks"].values()
    addresses = [network["IPAddress"] for network in networks if network.get("IPAddress")]
    if not addresses:
        raise StagingError(
            "The container has no address on any network.", help="Look at 'docker network ls'."
        )
    return str(addresses[0])


def _copied_files(container: Any, source: DatabaseUrl) -> dict[str, str]:
    """Put certificates and keys that the URL names into the container; their names there."""
    copied: dict[str, str] = {}
    for key in _FILE_PARAMETERS:
        path = Path(source.parameters.get(key, ""))
        if path.is_file():  # "system" and empty values are none
            content = path.read_bytes()
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w") as tar:
                entry = tarfile.TarInfo(key)
                entry.size, entry.mode = len(content), 0o600
                tar.addfile(entry, io.BytesIO(content))
            container.put_archive(_FOLDER, archive.getvalue())
            copied[key] = f"{_FOLDER}/{key}"
    return copied

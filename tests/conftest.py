"""The server that tests share, an empty database for each, and the engine for container tests."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.databases import create_database, drop_database
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from coordinator.staging.locks import exclusive
from coordinator.staging.names import new_database_name, new_mark
from tests.guarantees import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

IMAGE = "postgres:15"

# Set once, so that the workers of pytest-xdist inherit it.
_KILL_SEED = os.environ.setdefault("MIGRATE_KILL_SEED", str(random.randrange(1_000_000)))

# A shell that starts the tests in its background lets them ignore SIGINT, and every command that they start would
# inherit that; what a Ctrl-C does could then not be tried.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """One server for the whole run. The workers of pytest-xdist share it; the last to leave stops it.

    MIGRATE_TEST_MAJOR chooses a major version of PostgreSQL; the default is the newest that is found.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    major = os.environ.get("MIGRATE_TEST_MAJOR")
    binaries = find_binaries(environment=os.environ, major=int(major) if major else None)
    with LocalCluster(binaries, shared / "server") as cluster:
        yield cluster


@pytest.fixture
def database(server: LocalCluster) -> Iterator[DatabaseUrl]:
    """An empty database, dropped after the test with whoever is still connected."""
    name = new_database_name()
    yield create_database(server.url(), name, comment=new_mark())
    drop_database(server.url(), name)


@pytest.fixture
def leftovers(server: LocalCluster) -> Iterator[None]:
    """Held by tests that leave something behind or clean up: cleaning up is about the whole machine."""
    with exclusive(server.directory.parent / "leftovers.lock", timeout=280):
        yield


@pytest.fixture(scope="session")
def docker_engine() -> str:
    """The image that container tests use; without an engine that has it, the test is skipped and says why."""
    reason = _missing_engine()
    if reason:
        pytest.skip(reason)
    return IMAGE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test marked `docker` needs the engine, and one that takes the server is marked `postgres`."""
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        if item.get_closest_marker("docker") and "docker_engine" not in fixtures:
            fixtures.append("docker_engine")
        if "server" in fixtures:
            item.add_marker("postgres")


def pytest_report_header() -> str:
    """What repeats this run's choice of the points at which runs are killed."""
    return f"MIGRATE_KILL_SEED={_KILL_SEED}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A promise of docs/guarantees.md whose test was skipped is told, and a failure where all must be proved."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return  # only the process that starts the others sees every report
    watch = Watch()
    for report in reporter.stats.get("skipped", ()):
        watch.note(report.nodeid, str(report.longrepr))
    for test, why in watch.skipped.items():
        reporter.write_line(f"\npromised, and not proved here: {test}: {why}")
    if watch.is_broken:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _missing_engine() -> str | None:
    if shutil.which("docker") is None and not Path("/var/run/docker.sock").exists():
        return "no Docker engine: neither the program 'docker' nor /var/run/docker.sock is there"
    done = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", IMAGE],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return f"no Docker engine with the image {IMAGE}: {done.stderr.strip()}"
    return None

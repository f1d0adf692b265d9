"""What a killed command leaves is found and removed; what a living one uses is not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import UsageError
from coordinator.model.staging import Leftover, LeftoverKind
from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database, databases_of_role, drop_database
from coordinator.staging import postmaster
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster, stop_if_unused
from coordinator.staging.embedded import embedded_target
from coordinator.staging.gc import find_leftovers, remove, search
from coordinator.staging.leftover_clusters import cluster_directories
from coordinator.staging.names import Mark, new_database_name, read_mark, why_left
from coordinator.staging.processes import Life, Owner, life, read_owner, this_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.staging.cluster import LocalCluster as Server

pytestmark = pytest.mark.usefixtures("leftovers")

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
DEAD = Owner(pid=2**22 + 7, started="1", boot=this_process().boot)
# Makes a staging database in the wanted place, says its name, and waits to be killed.
REHEARSE = """
import os, sys, time
from pathlib import Path
from coordinator.staging.choose import choose_staging

wanted, state, version = sys.argv[1:]
with choose_staging(wanted, target_version=int(version), target_is_embedded=False, state=Path(state),
                    image=None, environment=os.environ) as staging:
    print(staging.create_database().parameters["dbname"], flush=True)
    time.sleep(600)
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A project's directory; the servers that a test has left there are stopped after it."""
    yield tmp_path / ".migrate"
    for directory in cluster_directories(tmp_path / ".migrate"):
        stop_if_unused(directory)


@pytest.fixture
def version() -> int:
    return find_binaries(environment=os.environ).major * 10000


@contextmanager
def rehearsal(wanted: str, state: Path, version: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process in the middle of a rehearsal and the name of its database; killed at the end if not before."""
    process = subprocess.Popen(
        [sys.executable, "-c", REHEARSE, wanted, str(state), str(version)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path])},
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()


def here(leftovers: tuple[Leftover, ...], state: Path) -> tuple[Leftover, ...]:
    """Those of this test's project: other tests may leave some of their own for a moment."""
    return tuple(one for one in leftovers if str(state.parent) in f"{one.place} {one.name}")


def found(state: Path) -> tuple[Leftover, ...]:
    return here(find_leftovers(state, environment={**os.environ, **NO_ENGINE}), state)


def test_nothing_was_left_where_nothing_was_done(state: Path) -> None:
    assert found(state) == ()
    assert not state.exists()


def test_a_killed_rehearsal_leaves_a_server_and_a_database_and_both_go(state: Path, version: int) -> None:
    with rehearsal("embedded", state, version) as (process, name):
        kill(process)
        server, database = found(state)
        assert server.kind is LeftoverKind.PROCESS
        assert "runs for nobody" in server.reason
        assert (database.kind, database.name) == (LeftoverKind.DATABASE, name)
        assert database.reason == f"its process {process.pid} is gone"
        data = state / f"staging-{version // 10000}" / "data"
        assert postmaster.find(data) is not None  # looking has stopped nothing
        assert found(state) == (server, database)
        assert remove(database)
        assert remove(server)
        assert postmaster.find(data) is None
        assert found(state) == ()
        assert not remove(database)


def test_a_living_neighbours_server_and_database_are_not_touched(state: Path, version: int) -> None:
    with rehearsal("embedded", state, version) as (neighbour, name):
        with rehearsal("embedded", state, version) as (killed, other):
            kill(killed)
            (leftover,) = found(state)
            assert leftover.name == other
            assert remove(leftover)
        data = state / f"staging-{version // 10000}" / "data"
        server = Leftover(
            kind=LeftoverKind.PROCESS, name="?", place=str(data.parent), reason="asked for anyway"
        )
        assert not remove(server)
        assert not remove(replace(leftover, name=name))
        assert not remove(replace(leftover, kind=LeftoverKind.DIRECTORY, name=str(data.parent)))
        assert neighbour.poll() is None
        assert postmaster.find(data) is not None
        with LocalCluster(find_binaries(environment=os.environ), data.parent) as cluster:
            assert name in {one.name for one in databases_of_role(cluster.url())}


def test_a_database_of_a_dead_owner_in_a_stopped_cluster_is_found_and_the_cluster_stays_stopped(
    state: Path, version: int
) -> None:
    major = version // 10000
    with LocalCluster(find_binaries(environment=os.environ), state / f"staging-{major}") as cluster:
        name = new_database_name()
        create_database(cluster.url(), name, comment=f"migrate staging, made by {DEAD.text} at 1")
    (leftover,) = found(state)
    assert leftover.name == name
    assert postmaster.find(cluster.data) is None
    assert remove(leftover)
    assert found(state) == ()
    assert postmaster.find(cluster.data) is None


def test_the_server_of_the_embedded_target_is_stopped_and_its_data_are_kept(state: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from coordinator.staging.embedded import embedded_target\n"
        "with embedded_target(Path(sys.argv[1]) / 'target'):\n"
        "    print('in', flush=True); time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(state)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    assert found(state) == ()
    kill(process)
    (leftover,) = found(state)
    assert leftover.kind is LeftoverKind.PROCESS
    assert remove(leftover)
    os.utime(state / "target" / "users", (0, 0))  # however long it was not used
    assert found(state) == ()
    with embedded_target(state / "target") as url:
        connect(url, application_name="test").close()


def test_a_cluster_that_nobody_used_for_a_month_and_an_unfinished_one_go(state: Path, version: int) -> None:
    directory = state / f"staging-{version // 10000}"
    with LocalCluster(find_binaries(environment=os.environ), directory):
        (directory / "initdb-dead").mkdir()
        assert found(state) == ()
    os.utime(directory / "users", (time.time() - 40 * 86400,) * 2)
    part, whole = found(state)
    assert (part.name, part.reason) == (str(directory / "initdb-dead"), "it was never finished")
    assert (whole.name, whole.reason) == (str(directory), "nobody has used it for 40 days")
    assert remove(part)
    assert remove(whole)
    assert not directory.exists()


def test_the_sockets_of_a_killed_server_go_and_those_of_a_living_one_stay(state: Path) -> None:
    with LocalCluster(find_binaries(environment=os.environ), state.parent / "elsewhere") as cluster:
        sockets = cluster.url().parameters["host"]
        assert sockets not in {one.name for one in find_leftovers(state, environment=NO_ENGINE)}
        living = Leftover(kind=LeftoverKind.DIRECTORY, name=sockets, place="", reason="asked for anyway")
        assert not remove(living)
        server = postmaster.find(cluster.data)
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        while postmaster.find(cluster.data):
            time.sleep(0.01)
        (leftover,) = (one for one in find_leftovers(state, environment=NO_ENGINE) if one.name == sockets)
        assert leftover.reason == "the server of its sockets is gone"
        assert remove(leftover)
        assert not Path(sockets).exists()


def test_an_old_directory_of_another_part_of_the_program_is_not_taken_for_sockets(state: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="migrate-worker-"))
    try:
        os.utime(scratch, (0, 0))
        assert str(scratch) not in {one.name for one in find_leftovers(state, environment=NO_ENGINE)}
    finally:
        scratch.rmdir()


def test_a_directory_of_somebody_else_with_our_prefix_stays(state: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory that belongs to somebody else")
    theirs = Path(tempfile.mkdtemp(prefix=postmaster.SOCKET_PREFIX, dir="/tmp"))
    try:
        os.chown(theirs, 12345, 12345)
        os.utime(theirs, (0, 0))
        assert str(theirs) not in {one.name for one in find_leftovers(state, environment=NO_ENGINE)}
    finally:
        theirs.rmdir()


def test_on_a_named_server_only_our_own_dead_and_unused_databases_go(server: Server, state: Path) -> None:
    """Name AND comment AND a dead owner AND nobody connected: each one missing keeps the database."""
    admin = server.url()
    dead = f"migrate staging, made by {DEAD.text} at 1"
    alive = f"migrate staging, made by {this_process().text} at 1"
    foreign = f"migrate staging, made by {replace(DEAD, boot='elsewhere').text} at {int(time.time())}"
    ours, used, living, elsewhere, uncommented = (new_database_name() for _ in range(5))
    named_otherwise = f"erp_{ours}"
    comments = {
        ours: dead,
        used: dead,
        living: alive,
        elsewhere: foreign,
        uncommented: "the staging of the shop team",
        named_otherwise: dead,
    }
    try:
        for name, comment in comments.items():
            url = create_database(admin, name, comment=comment)
            if name == used:
                connected = connect(url, application_name="somebody")
        search_result = search(state, environment=NO_ENGINE, server=admin)
        leftovers = [one for one in search_result.leftovers if one.name in comments]
        assert [(one.name, one.kind) for one in leftovers] == [(ours, LeftoverKind.DATABASE)]
        for name in comments:
            assert remove(replace(leftovers[0], name=name), server=admin) is (name == ours)
        left = {one.name for one in databases_of_role(admin)}
        assert comments.keys() - left == {ours}
        connected.close()
    finally:
        for name in comments:
            drop_database(admin, name)


def test_a_database_on_a_server_that_was_not_named_again_is_not_looked_for_elsewhere() -> None:
    leftover = Leftover(
        kind=LeftoverKind.DATABASE, name="migrate_1_0", place="postgresql://far/away", reason=""
    )
    with pytest.raises(UsageError, match="which was not named"):
        remove(leftover)


def test_a_place_that_cannot_be_looked_at_is_told(state: Path, server: Server) -> None:
    wrong = replace(
        server.url(), parameters={**server.url().parameters, "password": "wrong"}, shown="ci-server"
    )
    not_seen = search(state, environment={**os.environ, **NO_ENGINE}, server=wrong).not_seen
    assert len(not_seen) == 2
    assert not_seen[0].startswith("Docker engine: ")
    assert not_seen[1].startswith("ci-server: ")
    assert "refused the user or the password" in not_seen[1]


@pytest.mark.docker
def test_the_container_of_a_killed_owner_goes_and_a_living_neighbours_stays(state: Path) -> None:
    with (
        rehearsal("container", state, 150000) as (neighbour, _),
        rehearsal("container", state, 150000) as (killed, _),
    ):
        assert [one for one in find_leftovers(state) if one.kind is LeftoverKind.CONTAINER] == []
        kill(killed)
        (leftover,) = (one for one in find_leftovers(state) if one.kind is LeftoverKind.CONTAINER)
        assert leftover.reason == f"its process {killed.pid} is gone"
        assert str(state.parent) in leftover.place
        kept = containers(state)
        assert leftover.name in kept
        kept.remove(leftover.name)
        assert not remove(replace(leftover, name=kept[0]))
        assert remove(leftover)
        assert not remove(leftover)
        assert containers(state) == kept
        kill(neighbour)
        (last,) = (one for one in find_leftovers(state) if one.kind is LeftoverKind.CONTAINER)
        assert remove(last)
    assert containers(state) == []


def containers(state: Path) -> list[str]:
    done = subprocess.run(
        ["docker", "ps", "-aq", "--no-trunc", "--filter", f"label=migrate.staging.project={state.parent}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_a_later_process_with_the_same_pid_is_not_the_owner() -> None:
    me = this_process()
    assert life(me) is Life.ALIVE
    assert life(replace(me, started=f"{me.started}0")) is Life.DEAD
    assert life(DEAD) is Life.DEAD
    assert life(replace(me, boot="another/1")) is Life.UNKNOWN
    assert read_owner(me.text) == me
    assert read_owner("12") is None


def test_a_process_that_ended_and_was_not_yet_reaped_is_dead() -> None:
    ended = subprocess.Popen([sys.executable, "-c", "print('x', flush=True); input()"], stdin=-1, stdout=-1)
    assert ended.stdout is not None
    ended.stdout.readline()
    owner = replace(this_process(), pid=ended.pid, started=_started(ended.pid))
    assert life(owner) is Life.ALIVE
    ended.kill()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert life(owner) is Life.DEAD
    ended.communicate()


def _started(pid: int) -> str:
    from coordinator.staging.processes import started

    start = started(pid)
    assert start is not None
    return start


def test_where_the_owner_cannot_be_seen_only_age_tells() -> None:
    elsewhere = replace(this_process(), boot="another/1")
    now = int(time.time())
    assert why_left(Mark(owner=elsewhere, made=now - 3600), in_use=False) is None
    assert why_left(Mark(owner=elsewhere, made=now - 2 * 86400), in_use=True) is None
    assert why_left(Mark(owner=elsewhere, made=now - 2 * 86400), in_use=False) is not None
    assert why_left(Mark(owner=this_process(), made=1), in_use=False) is None
    assert read_mark("migrate staging, made by hand at 12") is None


def test_the_scratch_directory_of_a_killed_coordinator_goes_and_a_living_ones_stays(state: Path) -> None:
    script = (
        "import time; from coordinator.worker.scratch import Scratch\n"
        "held = Scratch(); print(held.path, flush=True); time.sleep(600)\n"
    )

    def scratch() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path])},
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    (killed, left), (living, kept) = scratch(), scratch()
    try:
        assert not {left, kept} & {one.name for one in find_leftovers(state, environment=NO_ENGINE)}
        kill(killed)
        names = {one.name: one for one in find_leftovers(state, environment=NO_ENGINE)}
        assert kept not in names
        assert names[left].reason == f"its process {killed.pid} is gone"
        assert not remove(replace(names[left], name=kept))
        assert remove(names[left])
        assert not remove(names[left])
        assert Path(kept).is_dir()
        assert not Path(left).exists()
    finally:
        kill(killed)
        kill(living)
        for path in (left, kept):
            shutil.rmtree(path, ignore_errors=True)

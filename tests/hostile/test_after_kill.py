"""After kill -9: `gc` removes exactly what was left, never a living neighbour's, and a later run succeeds."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database, databases_of_role, drop_database
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster, stop_if_unused
from coordinator.staging.leftover_clusters import cluster_directories
from coordinator.staging.names import new_database_name, new_mark
from tests.hostile.harness import migrate, url
from tests.hostile.killing import (
    Place,
    await_line,
    await_true,
    check_neighbour,
    hold_at,
    holding_erp,
    kill,
    kinds,
    running,
    sleepers,
    until_there,
)
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

pytestmark = pytest.mark.usefixtures("leftovers")

NO_ENGINE = "unix:///nonexistent/docker.sock"
# The server goes on with it when its client is gone. The setting is the target's alone: a rehearsal has it not.
SLEEP_IN_REHEARSAL = "SELECT pg_sleep(100) WHERE current_setting('hostile.hold', true) IS NULL"
SLEEP_ON_TARGET = "SELECT pg_sleep(100) WHERE current_setting('hostile.hold', true) = 'on'"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Such a place; the servers that a test has left in it are stopped after it."""
    temporary = Path(tempfile.mkdtemp(prefix="hostile-", dir="/tmp"))
    temporary.chmod(0o711)
    yield Place(state=tmp_path / "machine" / ".migrate", temporary=temporary, engine=NO_ENGINE)
    for directory in cluster_directories(tmp_path / "machine" / ".migrate"):
        stop_if_unused(directory)
    shutil.rmtree(temporary)


@pytest.fixture
def other_database(server: LocalCluster) -> Iterator[DatabaseUrl]:
    """The neighbour's target."""
    name = new_database_name()
    yield create_database(server.url(), name, comment=new_mark())
    drop_database(server.url(), name)


def test_killed_while_rehearsing_on_the_embedded_server(
    tmp_path: Path, database: DatabaseUrl, other_database: DatabaseUrl, place: Place
) -> None:
    erp = holding_erp(tmp_path / "erp", f'op.execute("{SLEEP_IN_REHEARSAL}")')
    flag = place.temporary / "go on"
    next_door = holding_erp(tmp_path / "next door", until_there(flag))
    target = url(database)
    binaries = find_binaries(environment=os.environ)
    directory = place.state / f"staging-{binaries.major}"

    def staged() -> list[str]:
        with LocalCluster(binaries, directory, visit=True) as cluster:
            return [one.name for one in databases_of_role(cluster.url()) if one.name.startswith("migrate_")]

    def sleeping() -> list[tuple[str, int]]:
        with LocalCluster(binaries, directory, visit=True) as cluster:
            return sleepers(cluster.url())

    with running(next_door, place, MIGRATE_DATABASE_URL=url(other_database)) as neighbour:
        await_line(neighbour, "rehearsing")
        theirs, their_scratch = staged(), place.scratch()
        with running(erp, place, MIGRATE_DATABASE_URL=target) as killed:
            await_line(killed, "rehearsing")
            await_true(sleeping)
            kill(killed)
        ours = [name for name in staged() if name not in theirs]
        left = place.scratch() - their_scratch
        assert len(ours) == len(left) == 1
        found = place.gc(erp)
        assert kinds(found) == ["database", "directory"]
        assert {each["name"] for each in found} == {*ours, *left}
        assert staged() == theirs
        assert place.scratch() == their_scratch
        assert place.gc(erp) == []
        check_neighbour(neighbour, flag)

    with running(erp, place, MIGRATE_DATABASE_URL=target) as killed:
        await_line(killed, "rehearsing")
        await_true(sleeping)
        kill(killed)
    assert kinds(place.gc(erp)) == ["database", "directory", "process"]
    assert place.gc(erp) == []
    assert "nothing is left behind" in migrate(erp, "gc", **place.variables).out
    assert not list(place.temporary.glob("migrate-*"))
    hold_at(erp, "pass")
    migrate(erp, "all-modules", MIGRATE_DATABASE_URL=target, **place.variables).check(0, "2 steps applied")


def test_killed_while_rehearsing_on_a_named_server(
    tmp_path: Path, server: LocalCluster, database: DatabaseUrl, other_database: DatabaseUrl, place: Place
) -> None:
    """The databases of others there stay: a foreign one with such a name, one of this living process, the targets."""
    role = f"role_{secrets.token_hex(4)}"
    foreign, living = new_database_name(), new_database_name()
    with connect(server.url(), application_name="test") as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD 'only-for-tests'").format(sql.Identifier(role))
        )
    staging = url(server.url(), user=role, password="only-for-tests")
    admin = server.url()
    mine = connect_parameters(admin, role)
    create_database(mine, foreign, comment="the staging of the shop team")
    create_database(mine, living, comment=new_mark())
    erp = holding_erp(tmp_path / "erp", f'op.execute("{SLEEP_IN_REHEARSAL}")')
    flag = place.temporary / "go on"
    next_door = holding_erp(tmp_path / "next door", until_there(flag))

    def staged() -> set[str]:
        return {one.name for one in databases_of_role(mine)}

    try:
        with running(
            next_door, place, "--staging", staging, MIGRATE_DATABASE_URL=url(other_database)
        ) as neighbour:
            await_line(neighbour, "rehearsing")
            theirs, their_scratch = staged(), place.scratch()
            with running(erp, place, "--staging", staging, MIGRATE_DATABASE_URL=url(database)) as killed:
                await_line(killed, "rehearsing")
                await_true(lambda: sleepers(admin))
                kill(killed)
            ours, left = staged() - theirs, place.scratch() - their_scratch
            assert len(ours) == len(left) == 1
            assert len(theirs) == 3
            found = place.gc(erp, "--staging", staging)
            assert kinds(found) == ["database", "directory"]
            assert {each["name"] for each in found} == ours | left
            assert staged() == theirs
            assert place.gc(erp, "--staging", staging) == []
            check_neighbour(neighbour, flag)
        assert staged() == {foreign, living}
        hold_at(erp, "pass")
        again = ("all-modules", "--staging", staging)
        migrate(erp, *again, MIGRATE_DATABASE_URL=url(database), **place.variables).check(
            0, "2 steps applied"
        )
    finally:
        for name in staged():
            drop_database(admin, name)
        with connect(admin, application_name="test") as connection:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def connect_parameters(admin: DatabaseUrl, role: str) -> DatabaseUrl:
    """The server as that role."""
    return replace(
        admin, parameters={**admin.parameters, "user": role, "password": "only-for-tests"}, shown="staging"
    )


@pytest.mark.docker
def test_killed_while_rehearsing_in_a_container(
    tmp_path: Path,
    server: LocalCluster,
    database: DatabaseUrl,
    other_database: DatabaseUrl,
    place: Place,
    docker_engine: str,
) -> None:
    if server.binaries.major != 15:
        pytest.skip(f"the target is PostgreSQL {server.binaries.major}, and the image is {docker_engine}")
    place = Place(state=place.state, temporary=place.temporary, engine=os.environ.get("DOCKER_HOST"))
    foreign = docker("run", "--detach", "--entrypoint", "sleep", docker_engine, "600")[0]
    erp = holding_erp(tmp_path / "erp", f'op.execute("{SLEEP_IN_REHEARSAL}")')
    flag = place.temporary / "go on"
    next_door = holding_erp(tmp_path / "next door", until_there(flag))

    def containers() -> set[str]:
        label = f"label=migrate.staging.project={place.state.parent}"
        return set(docker("ps", "--all", "--quiet", "--no-trunc", "--filter", label))

    try:
        arguments = (place, "--staging", "container")
        with running(next_door, *arguments, MIGRATE_DATABASE_URL=url(other_database)) as neighbour:
            await_line(neighbour, "rehearsing")
            theirs, their_scratch = containers(), place.scratch()
            with running(erp, *arguments, MIGRATE_DATABASE_URL=url(database)) as killed:
                await_line(killed, "rehearsing")
                kill(killed)
            ours, left = containers() - theirs, place.scratch() - their_scratch
            assert len(theirs) == len(ours) == len(left) == 1
            found = place.gc(erp)
            assert kinds(found) == ["container", "directory"]
            assert {each["name"] for each in found} == ours | left
            assert containers() == theirs
            assert place.gc(erp) == []
            check_neighbour(neighbour, flag)
        assert containers() == set()
        assert docker("inspect", "--format", "{{.State.Running}}", foreign) == ["true"]
    finally:
        for name in (foreign, *containers()):
            docker("rm", "--force", "--volumes", name)
    hold_at(erp, "pass")
    migrate(erp, "all-modules", MIGRATE_DATABASE_URL=url(database), **place.variables).check(
        0, "2 steps applied"
    )


def docker(*arguments: str) -> list[str]:
    """The lines that the engine's program prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.split()


@pytest.mark.parametrize("staging", ["embedded", "off"])
def test_killed_while_applying(tmp_path: Path, database: DatabaseUrl, place: Place, staging: str) -> None:
    """Nothing of it is in; the server ends by itself what ran for nobody, and a later run succeeds."""
    erp = holding_erp(tmp_path / "erp", f'op.execute("{SLEEP_ON_TARGET}")')
    target = {"MIGRATE_DATABASE_URL": url(database)}
    setting(database, "SET hostile.hold = 'on'")
    with running(erp, place, "--staging", staging, **target) as killed:
        await_line(killed, "applying")
        await_true(lambda: sleepers(database))
        kill(killed)
    setting(database, "RESET hostile.hold")
    left = place.scratch()
    assert len(left) == 1
    found = place.gc(erp)
    assert [each["name"] for each in found if each["kind"] == "directory"] == list(left)
    assert all(each["removed"] for each in found)
    assert place.gc(erp) == []

    await_true(lambda: not sleepers(database))
    with connect(database, application_name="test") as connection:
        assert connection.execute("SELECT to_regclass('crm.customers')").fetchone() == (None,)
    migrate(erp, "all-modules", "--staging", "off", **target, **place.variables).check(0, "2 steps applied")
    migrate(erp, "history", **target).check(0, "reversed")


def test_killed_while_applying_to_the_embedded_database(tmp_path: Path, place: Place) -> None:
    """The server that runs for nobody is stopped, with the statement that goes on in it; its data stay."""
    on_target = "SELECT pg_sleep(100) WHERE to_regclass('migrate.fence') IS NOT NULL"
    erp = holding_erp(tmp_path / "erp", "pass")
    arguments = ("--database-url", "embedded:")
    migrate(erp, "all-modules", *arguments, **place.variables).check(0, "2 steps applied")
    write_revision(
        versions_of(erp, "crm"), "c3", after="c2", upgrade=f'op.execute("{on_target}")', downgrade="pass"
    )
    with running(erp, place, *arguments) as killed:
        await_line(killed, "applying")

        def sleeping() -> list[tuple[str, int]]:
            with LocalCluster(
                find_binaries(environment=os.environ), place.state / "target", visit=True
            ) as cluster:
                return sleepers(cluster.url())

        await_true(sleeping)
        kill(killed)
    found = place.gc(erp)
    assert kinds(found) == ["directory", "process"]
    assert place.gc(erp) == []
    write_revision(versions_of(erp, "crm"), "c3", after="c2", upgrade="pass", downgrade="pass")
    migrate(erp, "all-modules", *arguments, **place.variables).check(0, "1 step applied")
    migrate(erp, "status", *arguments, **place.variables).check(0, "3/3")
    assert not list(place.temporary.glob("migrate-*"))


def setting(database: DatabaseUrl, what: str) -> None:
    """ALTER DATABASE."""
    with connect(database, application_name="test") as connection:
        name = sql.Identifier(database.parameters["dbname"])
        connection.execute(sql.SQL("ALTER DATABASE {} ").format(name) + sql.SQL(what))


def test_a_foreign_directory_with_such_a_name_stays(tmp_path: Path, place: Place) -> None:
    erp = holding_erp(tmp_path / "erp", "pass")
    foreign = [
        place.temporary / name
        for name in ("migrate-worker-notours", "migrate-worker-1-a b", "migrate-worker-x-1")
    ]
    for folder in foreign:
        folder.mkdir()
    link = place.temporary / "migrate-worker-4194303-link"
    link.symlink_to(tmp_path)
    file = place.temporary / "migrate-worker-4194303-file"
    file.touch()
    assert place.gc(erp) == []
    assert all(path.exists() for path in (*foreign, link, file))

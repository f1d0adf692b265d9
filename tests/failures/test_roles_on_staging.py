"""Roles belong to the whole staging server: what one rehearsal makes there is not in the way of the next."""

from __future__ import annotations

import json
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from coordinator.postgres.baseline import act_as, make_roles
from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database, drop_database
from coordinator.postgres.roles import KEY
from coordinator.postgres.session import Session
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from coordinator.staging.embedded import EmbeddedStaging
from coordinator.staging.names import new_database_name, new_mark
from tests.commands_site import Desk
from tests.failures.roles import drop_role
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl
    from tests.failures.site import Site

_SLEEPS = "SELECT true FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
_WAITS_FOR_TURN = "SELECT true FROM pg_stat_activity WHERE application_name LIKE 'migrate staging%'"
REHEARSE = ("all-modules", "--staging", "embedded", "--atomic", "step", "--yes")


@pytest.fixture
def alone(site: Site, tmp_path: Path) -> Site:
    """With a staging server that no other test uses meanwhile."""
    return replace(site, state=tmp_path / "state")


@pytest.fixture
def reporting(alone: Site) -> Iterator[str]:
    """The name of a role that nobody has made yet; dropped from the target after the test."""
    name = f"reporting_{alone.url.parameters['dbname']}"
    yield name
    if alone.value(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'"):
        drop_role(alone, name)


def _revision(site: Site, name: str, *, up: str, after: str | None = None, down: str = "SELECT 1") -> None:
    write_revision(
        versions_of(site.root, "crm"),
        name,
        after=after,
        upgrade=f"op.execute({up!r})",
        downgrade=f"op.execute({down!r})",
    )


def _makes_role(site: Site, role: str) -> None:
    project(site.root, modules=("crm",))
    _revision(site, "a1", up=f"CREATE ROLE {role}", down=f"DROP ROLE {role}")


def _server(site: Site) -> LocalCluster:
    """The staging server; started where no rehearsal has yet."""
    binaries = find_binaries(environment=os.environ)
    return LocalCluster(binaries, site.state / f"staging-{binaries.major}")


def _roles(url: DatabaseUrl) -> set[str]:
    with Session(connect(url, application_name="test")) as session:
        return {row[0] for row in session.rows("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'")}


def _roles_left(site: Site) -> set[str]:
    with _server(site) as server:
        return _roles(server.url())


def _await(url: DatabaseUrl, sql: str) -> None:
    deadline = time.monotonic() + 60
    with Session(connect(url, application_name="test")) as session:
        while not session.value(sql):
            assert time.monotonic() < deadline, f"never true: {sql}"
            time.sleep(0.05)


def test_roles_and_extensions_come_from_the_target_and_are_gone_when_a_revision_makes_them(
    alone: Site, reporting: str
) -> None:
    project(alone.root, modules=("crm",))
    alone.execute(f"CREATE ROLE {reporting}; CREATE SCHEMA crm; GRANT USAGE ON SCHEMA crm TO {reporting}")
    kind = "text"
    if alone.value("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'"):
        alone.execute("CREATE EXTENSION citext SCHEMA crm")
        kind = "citext"
    up = f"CREATE TABLE a1 (a {kind}); GRANT SELECT ON a1 TO {reporting}"
    _revision(alone, "a1", up=up, down="DROP TABLE a1")
    rehearsed = alone.migrate(*REHEARSE)
    assert rehearsed.code == 0, rehearsed.err
    assert _roles_left(alone) == {"postgres"}
    drop_role(alone, reporting)

    _revision(alone, "a2", after="a1", up=f"CREATE ROLE {reporting}", down=f"DROP ROLE {reporting}")
    done = alone.migrate(*REHEARSE)

    assert done.code == 0, done.err
    assert _roles_left(alone) == {"postgres"}


def test_a_role_that_a_failed_rehearsal_has_committed_does_not_fail_the_mended_plan(
    alone: Site, reporting: str
) -> None:
    _makes_role(alone, reporting)
    _revision(alone, "a2", after="a1", up="SELECT 1 / 0")
    failed = alone.migrate(*REHEARSE)
    assert failed.code == 1, failed.err
    assert "division by zero" in failed.said

    _revision(alone, "a2", after="a1", up=f"GRANT CREATE ON SCHEMA crm TO {reporting}")
    done = alone.migrate(*REHEARSE)

    assert done.code == 0, done.err


def test_nor_does_one_of_a_rehearsal_that_was_killed(alone: Site, reporting: str) -> None:
    _makes_role(alone, reporting)
    own = f"CREATE TABLE a2 (a int); ALTER TABLE a2 OWNER TO {reporting}"
    _revision(alone, "a2", after="a1", up=own, down="DROP TABLE a2")
    _revision(alone, "a3", after="a2", up="SELECT pg_sleep(60)")
    with _server(alone) as server, alone.running(*REHEARSE) as process:
        _await(server.url(), _SLEEPS)
        assert reporting in _roles(server.url())
        process.kill()
        process.communicate()

        _revision(alone, "a3", after="a2", up="SELECT 1")
        done = alone.migrate(*REHEARSE)

    assert done.code == 0, done.err


def test_nor_does_one_that_was_left_on_a_named_server(alone: Site, reporting: str) -> None:
    _makes_role(alone, reporting)
    _revision(alone, "a2", after="a1", up="DO $$ BEGIN EXECUTE format('CREATE ROLE %I', 'hidden'); END $$")
    _revision(alone, "a3", after="a2", up="SELECT 1 / 0")
    with _server(alone) as server:
        url = "postgresql:///?" + urlencode(server.url().parameters, quote_via=quote)
        named = ("all-modules", "--atomic", "step", "--yes", "--staging", url)
        assert alone.migrate(*named).code == 1
        # Of a role that no statement names, anybody may have made it.
        assert _roles(server.url()) == {"postgres", "hidden"}
        (versions_of(alone.root, "crm") / "a3.py").unlink()
        _revision(alone, "a2", after="a1", up="SELECT 1")
        done = alone.migrate(*named)
    assert done.code == 0, done.err


def _named(server: LocalCluster) -> tuple[str, ...]:
    url = "postgresql:///?" + urlencode(server.url().parameters, quote_via=quote)
    return ("all-modules", "--atomic", "step", "--yes", "--staging", url)


def test_who_holds_a_named_server_is_told_and_ends_no_rehearsal_that_has_passed(
    alone: Site, reporting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(root=alone.root, url=alone.url, state=alone.state)
    _makes_role(desk, reporting)
    _revision(
        desk, "a2", after="a1", up="CREATE TABLE a2 AS SELECT 1 AS a FROM pg_sleep(1)", down="DROP TABLE a2"
    )
    monkeypatch.setattr("coordinator.staging.turns._WAIT_TO_CLEAR", 0.5)
    with (
        _server(desk) as server,
        Session(connect(server.url(), application_name="test")) as holder,
        ThreadPoolExecutor() as elsewhere,
    ):
        holder.execute("ALTER ROLE postgres SET lock_timeout = '100ms'")
        holder.execute("SELECT pg_advisory_lock(%s)", (KEY,))

        def let_in_and_hold_again() -> None:
            _await(server.url(), _WAITS_FOR_TURN)
            time.sleep(2)
            holder.execute("SELECT pg_advisory_unlock(%s)", (KEY,))
            _await(server.url(), _SLEEPS.replace("60", "1"))
            holder.execute("SELECT pg_advisory_lock(%s)", (KEY,))

        holding = elsewhere.submit(let_in_and_hold_again)
        done = desk.migrate(*_named(server))
        assert done.code == 0, done.err
        holding.result(timeout=60)
        held_by = f"held by another process (server process {holder.pid_when_open})"
        assert f"for the staging server, {held_by}" in done.said
        assert desk.rows("SELECT count(*) FROM crm.a2") == ((1,),)

        _revision(desk, "a3", after="a2", up=f"CREATE ROLE {reporting}_2")
        monkeypatch.setattr("coordinator.postgres.roles._LONGEST_WAIT", 0.3)
        refused = desk.migrate(*_named(server))
    assert refused.code == 6, refused.err
    assert "has been held for 0 s by another process (server process" in refused.said
    assert "rehearsing" not in refused.said
    assert desk.rows("SELECT version_num FROM crm.alembic_version") == (("a2",),)


def test_what_was_left_beside_a_neighbour_on_a_named_server_goes_and_what_others_made_stays(
    alone: Site, reporting: str
) -> None:
    _makes_role(alone, reporting)
    _revision(alone, "a2", after="a1", up=f"COMMENT ON ROLE {reporting} IS 'reads reports'")
    _revision(alone, "a3", after="a2", up="SELECT 1 / 0")
    with _server(alone) as server, Session(connect(server.url(), application_name="test")) as admin:
        named = _named(server)
        neighbour = create_database(server.url(), new_database_name(), comment=new_mark())
        for _ in range(2):
            failed = alone.migrate(*named)
            assert failed.code == 1, failed.err
            assert "division by zero" in failed.said
            assert _roles(server.url()) == {"postgres", reporting}
        drop_database(server.url(), neighbour.parameters["dbname"])
        gc = ("gc", "--staging", named[-1], "--format", "json")
        collected = alone.migrate(*gc, environment={"TMPDIR": str(alone.root)})
        assert collected.code == 0, collected.err
        # It clears the temporary folder too, where killed tests of before may have left a server's socket.
        left = [each for each in json.loads(collected.out)["leftovers"] if each["kind"] != "directory"]
        assert [(each["kind"], each["name"], each["removed"]) for each in left] == [("role", reporting, True)]
        assert _roles(server.url()) == {"postgres"}

        _revision(alone, "a3", after="a2", up="SELECT 1")
        _revision(alone, "a1", up=f"DO $$ BEGIN PERFORM pg_sleep(2); END $$; CREATE ROLE {reporting}")
        with alone.running(*named) as rehearsing:
            _await(server.url(), _SLEEPS.replace("60", "2"))
            admin.execute(f"CREATE ROLE {reporting}")
            refused = alone.end(rehearsing)
        assert refused.code == 1, refused.err
        assert f'role "{reporting}" already exists' in refused.said
        assert _roles(server.url()) == {"postgres", reporting}


def test_a_living_neighbours_roles_stay(alone: Site, reporting: str) -> None:
    _makes_role(alone, reporting)
    _revision(alone, "a2", after="a1", up="SELECT pg_sleep(60)")
    major = find_binaries(environment=os.environ).major
    with _server(alone) as server, alone.running(*REHEARSE):
        _await(server.url(), _SLEEPS)
        with EmbeddedStaging(state=alone.state, major=major, environment=os.environ) as staging:
            staging.drop_database(staging.create_database())
        assert reporting in _roles(server.url())


def test_a_role_that_a_neighbour_makes_at_the_same_moment_is_no_failure(server: LocalCluster) -> None:
    name = f"review_{secrets.token_hex(4)}"
    with (
        Session(connect(server.url(), application_name="test")) as neighbour,
        Session(connect(server.url(), application_name="test")) as ours,
        ThreadPoolExecutor() as elsewhere,
    ):
        waits = f"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = {ours.pid_when_open}"
        for theirs, work in (
            (f"CREATE ROLE {name}", make_roles),
            (f"ALTER ROLE {name} SUPERUSER", lambda session, names: act_as(session, names[0])),
        ):
            neighbour.execute(f"BEGIN; {theirs}")
            working = elsewhere.submit(work, ours, (name,))
            _await(server.url(), waits)
            neighbour.execute("COMMIT")
            working.result(timeout=60)
        assert ours.value("SELECT session_user") == name
        ours.close()
        neighbour.execute(f"DROP ROLE {name}")

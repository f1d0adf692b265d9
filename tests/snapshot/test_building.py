"""Where a snapshot is built: extensions in the modules' own schemas, servers whose role may give nothing away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import RefusedError
from coordinator.model.staging import StagingKind
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.url import as_words
from coordinator.sql.owners import without_owners
from coordinator.staging.choose import choose_staging
from coordinator.workflow.baseline.snapshot import SnapshotBaseline
from coordinator.workflow.rehearse import built
from tests.commands_site import apply
from tests.failures.roles import make_role
from tests.snapshot.firm import revise, write_firm
from tests.snapshot.test_baselines import rehearsed
from tests.snapshot.test_snapshot import READER, built_from, modules, of_schemas, quiet
from tests.snapshot.values import facts, snapshot
from tests.trees import project

if TYPE_CHECKING:
    from tests.snapshot.conftest import Camera

DUMP = """
SET statement_timeout = 0;
CREATE SCHEMA crm;
ALTER SCHEMA crm OWNER TO deploy;
CREATE TABLE crm.t (a int);
ALTER TABLE crm.t OWNER TO deploy;
CREATE VIEW crm.v AS SELECT 'ALTER TABLE crm.t OWNER TO x; GRANT' AS words;
ALTER TABLE ONLY crm.t ADD CONSTRAINT one PRIMARY KEY (a);
ALTER FUNCTION crm.f() OWNER TO deploy;
GRANT SELECT ON TABLE crm.t TO reader;
REVOKE ALL ON SCHEMA crm FROM deploy;
ALTER DEFAULT PRIVILEGES FOR ROLE deploy IN SCHEMA crm GRANT SELECT ON TABLES TO reader;
"""


def test_owners_and_grants_are_taken_out_and_nothing_else() -> None:
    left = [each.strip() for each in without_owners(DUMP).splitlines()]
    assert left == [
        "SET statement_timeout = 0;",
        "CREATE SCHEMA crm;",
        "CREATE TABLE crm.t (a int);",
        "CREATE VIEW crm.v AS SELECT 'ALTER TABLE crm.t OWNER TO x; GRANT' AS words;",
        "ALTER TABLE ONLY crm.t ADD CONSTRAINT one PRIMARY KEY (a);",
    ]


def test_it_is_built_on_a_named_server_whose_role_is_no_superuser(camera: Camera, role: str) -> None:
    write_firm(camera.root)
    apply(camera)
    camera.execute("CREATE ROLE reads_firm; GRANT SELECT ON crm.customers TO reads_firm")
    found = camera.taken()
    camera.execute("REVOKE ALL ON crm.customers FROM reads_firm; DROP ROLE reads_firm")
    url = make_role(camera, role, "ALTER ROLE {role} CREATEDB")
    with choose_staging(
        as_words({**url.parameters, "dbname": "postgres"}),
        target_version=found.facts.version,
        target_is_embedded=False,
        state=camera.state,
        image=None,
        environment={},
        target_identifier=found.system_identifier,
    ) as staging:
        assert staging.kind is StagingKind.SERVER
        assert not staging.keeps_owners
        with built(SnapshotBaseline(snapshot=found), staging, modules("crm"), quiet) as session:
            here = read_catalog(session, ("crm", "billing", "hr"))
            assert session.value("SELECT session_user") == role
    tables = {
        address for address in found.catalog.definitions if address.kind in {"table", "column", "index"}
    }
    assert tables < here.definitions.keys()


def test_extensions_that_live_in_a_modules_schema_come_along(camera: Camera) -> None:
    project(camera.root, modules=("hr",))
    revise(
        camera.root, "hr", "h1",
        "CREATE EXTENSION citext SCHEMA hr; CREATE TABLE hr.people (mail hr.citext, more ext.hstore)",
        back="DROP TABLE hr.people; DROP EXTENSION citext", touches=["database"],
    )  # fmt: skip
    camera.execute("CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext")
    apply(camera)
    revise(camera.root, "hr", "h2", "ALTER TABLE hr.people ADD x hr.citext", after="h1",
           back="ALTER TABLE hr.people DROP x")  # fmt: skip
    found = camera.taken()
    assert {each.name for each in found.facts.extensions} == {"plpgsql", "citext", "hstore"}
    with built_from(found, camera, modules("hr")) as session:
        here = read_catalog(session)
    assert of_schemas(here, ("hr",)).items() >= of_schemas(found.catalog, ("hr",)).items()
    for how in ({}, {"snapshot": camera.root / "target.json"}):
        grades = {each.what: each.grade.value for each in rehearsed(camera, **how).rehearsal.differences}
        assert grades["extension citext"] == "same"


def test_an_extension_that_the_staging_does_not_have_is_named(camera: Camera) -> None:
    project(camera.root, modules=("crm",))
    apply(camera)
    held = snapshot(
        facts=facts(version=camera.taken().facts.version),
        definitions="CREATE SCHEMA crm;\nCREATE TABLE crm.t (place nowhere.geometry);\n",
    )
    odd = facts(
        version=held.facts.version,
        extensions=(
            *held.facts.extensions,
            type(held.facts.extensions[0])(name="no_such", version="1", schema="public"),
        ),
    )
    with (
        pytest.raises(RefusedError) as caught,
        built_from(snapshot(facts=odd, definitions=held.definitions), camera, modules("crm")),
    ):
        pass
    assert "the staging has no extension no_such" in caught.value.message
    assert "snapshot of production, made 2026-11-24 02:00 UTC" in caught.value.message
    assert caught.value.exit_code == 1


def test_what_was_left_out_is_said_in_the_plan(camera: Camera, role: str) -> None:
    write_firm(camera.root)
    apply(camera)
    camera.execute(
        "CREATE SCHEMA hidden; CREATE TABLE hidden.notes (customer bigint REFERENCES crm.customers)"
    )
    camera.take(url=make_role(camera, role, *READER))
    revise(camera.root, "hr", "h2", "CREATE TABLE hr.more ()", after="h1", back="DROP TABLE hr.more")
    told = camera.plain("plan", "--baseline", "target.json", "--format", "json", environment={})
    assert told.code == 0, told.err
    (finding,) = [each for each in json.loads(told.out)["findings"] if each["rule"] == "snapshot-incomplete"]
    assert "schema 'hidden' is not in the snapshot of local" in finding["message"]
    assert "it uses crm" in finding["message"]
    revise(camera.root, "crm", "c2", "ALTER TABLE crm.customers DROP id CASCADE", after="c1")
    told = camera.plain("plan", "--baseline", "target.json", "--format", "json", environment={})
    assert told.code == 1
    assert "hidden.notes.notes_customer_fkey" in told.out

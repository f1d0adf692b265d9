"""A snapshot of a real target: it builds the same database, gives the same plan, and holds nobody's rows and passwords."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]

from coordinator.execution.project import Project
from coordinator.model.catalog import DATABASE_WIDE
from coordinator.model.module import Module
from coordinator.model.revision import ModuleTree
from coordinator.postgres.catalog import read_catalog
from coordinator.snapshots.file import read_snapshot, snapshot_text
from coordinator.staging.embedded import EmbeddedStaging
from coordinator.workflow.baseline.snapshot import SnapshotBaseline
from coordinator.workflow.rehearse import built
from tests.commands_site import apply
from tests.failures.roles import make_role
from tests.snapshot.firm import revise, write_firm
from tests.snapshot.values import document, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from coordinator.model.catalog import Catalog
    from coordinator.model.snapshot import Snapshot
    from coordinator.model.target import DatabaseUrl
    from coordinator.postgres.session import Session
    from tests.snapshot.conftest import Camera

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "snapshot-1.schema.json"
READER = (
    "GRANT USAGE ON SCHEMA migrate, crm, billing, hr TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA migrate, crm, billing, hr TO {role}",
)
SECRETS = ("hunter2", "geheim-kunde@example.org", "only-for-tests", "s3cr3t-token")


def quiet(event: object) -> None:
    """Nobody listens."""


def modules(*names: str) -> Project:
    """A project of these modules without files."""
    return Project(
        trees=tuple(
            ModuleTree(module=Module(name=each, path=Path(), schemas=(each,)), revisions=()) for each in names
        )
    )


@contextmanager
def built_from(found: Snapshot, camera: Camera, project: Project) -> Iterator[Session]:
    """A session on a staging database that the snapshot was built in."""
    major = found.facts.version // 10000
    with (
        EmbeddedStaging(state=camera.state, major=major, environment={}) as staging,
        built(SnapshotBaseline(snapshot=found), staging, project, quiet) as session,
    ):
        yield session


def of_schemas(catalog: Catalog, schemas: tuple[str, ...]) -> dict[Any, str]:
    """What lies in these schemas, and the extensions."""
    return {
        address: text
        for address, text in catalog.definitions.items()
        if address.schema in schemas or (address.schema == DATABASE_WIDE and address.kind == "extension")
    }


def test_what_is_built_from_it_is_what_the_target_is(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    camera.execute("INSERT INTO crm.customers (name) VALUES ('Ana'); REFRESH MATERIALIZED VIEW crm.counted")
    found = camera.taken()
    project = modules("crm", "billing", "hr")
    with camera.session() as session:
        there = read_catalog(session, ignore=project.version_tables)

    assert found.schemas == ("billing", "crm", "hr")
    assert found.catalog.definitions.items() >= of_schemas(there, found.schemas).items()
    with built_from(found, camera, project) as session:
        here = read_catalog(session, ignore=project.version_tables)
        heads = session.rows("TABLE crm.alembic_version UNION ALL TABLE hr.alembic_version ORDER BY 1")
        rows = session.value("SELECT count(*) FROM crm.customers")
    assert of_schemas(here, found.schemas) == of_schemas(there, found.schemas)
    assert here.in_schemas(found.schemas).column_order == there.in_schemas(found.schemas).column_order
    assert heads == (("c1",), ("h1",))
    assert rows == 0


def test_the_file_of_a_target_is_as_the_schema_says_and_the_same_twice(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    first = camera.take()
    value = document(first.read_text(encoding="utf-8"))
    jsonschema.validate(value, json.loads(SCHEMA.read_text(encoding="utf-8")))
    again = camera.migrate("snapshot", "--staging", "embedded")
    assert again.code == 0, again.err
    other = document(again.out)
    for each in (value, other):
        del each["made"], each["digest"]
    assert value == other
    assert "written: target.json" not in again.err
    assert "3 schemas" in again.said


def test_it_holds_no_row_and_no_password(camera: Camera, role: str) -> None:
    write_firm(camera.root)
    revise(
        camera.root, "crm", "c2",
        "CREATE FUNCTION crm.reach() RETURNS text LANGUAGE sql AS "
        "$$ SELECT 'host=db user=u password=hunter2 port=5432'::text $$;"
        "COMMENT ON FUNCTION crm.reach() IS 'postgresql://u:hunter2@db/erp'",
        after="c1", header="API_TOKEN = 's3cr3t-token'",
    )  # fmt: skip
    apply(camera)
    camera.execute(
        "INSERT INTO crm.customers (name, mail) VALUES ('hunter2', 'geheim-kunde@example.org');"
        "INSERT INTO hr.people VALUES (1); REFRESH MATERIALIZED VIEW crm.counted; ANALYZE"
    )
    url = make_role(camera, role, *READER)
    camera.execute(f"ALTER ROLE {role} SET application_name = 's3cr3t-token'")

    for each in (camera.take(), camera.take(url=url, name="second.json")):
        text = each.read_text(encoding="utf-8")
        assert not [secret for secret in SECRETS if secret in text]
        found = read_snapshot(each)
        assert found.secrets >= 3
        assert found.sizes["crm", "customers"].rows == 1
        with built_from(found, camera, modules("crm", "billing", "hr")) as session:
            here = read_catalog(session)
        assert here.in_schemas(("crm",)).definitions.items() <= found.catalog.definitions.items() | {
            (address, text) for address, text in here.definitions.items() if address.name == "alembic_version"
        }


def test_only_what_alembic_makes_is_a_version_table(camera: Camera) -> None:
    """Of a table that only has a column of that name no row is read."""
    write_firm(camera.root)
    apply(camera)
    camera.execute(
        "CREATE TABLE hr.numbers (version_num int PRIMARY KEY); INSERT INTO hr.numbers VALUES (4711);"
        "CREATE TABLE hr.loose (version_num text); INSERT INTO hr.loose VALUES ('a row'), (NULL);"
        "CREATE TABLE hr.wide (version_num text PRIMARY KEY, word text);"
        "CREATE TABLE hr.other_version (version_num varchar(32) PRIMARY KEY); INSERT INTO hr.other_version VALUES ('x1')"
    )
    found = camera.taken()
    tables = {
        table: rows.heads for (_, table), rows in found.found.rows.items() if table != "alembic_version"
    }
    assert tables == {"other_version": frozenset({"x1"})}
    assert "a row" not in snapshot_text(found)


def test_a_role_that_may_only_select_is_enough(camera: Camera, role: str) -> None:
    write_firm(camera.root)
    apply(camera)
    url = make_role(camera, role, *READER)
    before = camera.picture()

    by_reader = camera.taken(url=url)

    assert camera.picture() == before
    by_owner = camera.taken()
    assert by_reader.catalog == by_owner.catalog
    assert by_reader.definitions == by_owner.definitions
    assert by_reader.found == by_owner.found
    assert by_reader.facts == by_owner.facts
    assert by_reader.deployer == by_owner.deployer != role


def test_rights_that_are_missing_are_told_with_the_statements_that_give_them(
    camera: Camera, role: str
) -> None:
    write_firm(camera.root)
    apply(camera)
    url = make_role(camera, role, *READER)
    camera.execute(f"REVOKE SELECT ON crm.customers, hr.people FROM {role}")

    refused = camera.try_to_take(url=url)

    assert refused.code == 6
    assert f"The role '{role}' may not read crm, hr" in refused.said
    assert f'GRANT SELECT ON TABLE "crm"."customers" TO "{role}";' in refused.said
    assert f'GRANT SELECT ON TABLE "hr"."people" TO "{role}";' in refused.said
    assert not (camera.root / "target.json").exists()
    camera.execute(f"REVOKE SELECT ON migrate.applied FROM {role}")
    refused = camera.try_to_take(url=url)
    assert refused.code == 6
    assert "permission denied for table applied" in refused.said


def test_what_hangs_together_with_the_modules_is_in_it_and_what_cannot_be_read_is_told(
    camera: Camera, role: str
) -> None:
    write_firm(camera.root)
    apply(camera)
    camera.execute(
        "CREATE SCHEMA reports; CREATE VIEW reports.all_names AS SELECT name FROM crm.names;"
        "CREATE SCHEMA hidden; CREATE TABLE hidden.notes (customer bigint REFERENCES crm.customers);"
        "CREATE SCHEMA apart; CREATE TABLE apart.t ()"
    )
    url = make_role(camera, role, *READER, "GRANT USAGE ON SCHEMA reports TO {role}")

    whole = camera.taken()
    assert whole.schemas == ("billing", "crm", "hidden", "hr", "reports")
    assert whole.left_out == ()

    part = camera.taken(url=url)
    assert part.schemas == ("billing", "crm", "hr", "reports")
    assert [each.schema for each in part.left_out] == ["hidden"]
    assert "may not read" in part.left_out[0].why
    assert "it uses crm" in part.left_out[0].why
    with built_from(part, camera, modules("crm")) as session:
        assert session.value("SELECT count(*) FROM reports.all_names") == 0


def test_a_plan_from_it_is_the_plan_from_the_target(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    revise(camera.root, "crm", "c2", "ALTER TABLE crm.customers ADD fax text", after="c1",
           back="ALTER TABLE crm.customers DROP fax")  # fmt: skip
    revise(camera.root, "billing", "b2", "CREATE VIEW billing.faxes AS SELECT fax FROM crm.customers", after="b1",
           back="DROP VIEW billing.faxes")  # fmt: skip
    camera.take()
    for form in (("--format", "json"), ("--format", "markdown"), ("--sql",), ("--explain", "billing:b2")):
        live = camera.migrate("plan", *form)
        held = camera.migrate("plan", "--baseline", "target.json", *form)
        assert held.code == live.code == 0, held.err
        if form[-1] == "json":
            one, other = json.loads(held.out), json.loads(live.out)
            assert one.pop("target") == read_snapshot(camera.root / "target.json").shown
            assert one.pop("environment") == other.pop("environment")
            other.pop("target")
            for each in (one, other):
                each.pop("preconditions", None)
            assert one == other
        else:
            assert held.out == live.out


def test_a_plan_from_it_needs_no_database(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    camera.take()
    revise(camera.root, "crm", "c2", "ALTER TABLE crm.customers DROP name", after="c1")
    nowhere = {"MIGRATE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    told = camera.plain("plan", "--baseline", "target.json", environment=nowhere)
    assert told.code == 1, told.err
    assert "billing.buyers" in told.out
    assert "snapshot of local, made" in told.said


def test_state_is_the_targets_own(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    ended = camera.migrate("rollback", "hr", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    camera.take()
    told = camera.migrate("plan", "--baseline", "target.json", "--format", "json")
    assert told.code == 1
    assert "on hold" in told.out


def test_a_database_without_modules_or_ledger_has_a_snapshot_too(camera: Camera) -> None:
    write_firm(camera.root)
    found = camera.taken()
    assert found.schemas == ()
    assert found.definitions == ""
    assert found.found.ledger_version == 0
    told = camera.migrate("plan", "--baseline", "target.json", "--format", "json")
    assert told.code == 0, told.err
    assert json.loads(told.out)["pending"] == 3


def test_an_embedded_target_that_was_never_made_is_not_made_for_it(camera: Camera, tmp_path: Path) -> None:
    write_firm(camera.root)
    state = tmp_path / "state"
    done = camera.plain("snapshot", "--output", "none.json", environment={"MIGRATE_STATE_DIR": str(state)})
    assert done.code == 1, done.err
    assert "there is no embedded database yet" in done.said
    assert "`migrate all-modules` makes it" in done.said
    assert not (camera.root / "none.json").exists()
    assert not (state / "target").exists()


def test_text_of_a_snapshot_by_hand_and_by_machine_have_the_same_keys(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    by_machine = document(camera.take().read_text(encoding="utf-8"))
    assert by_machine.keys() == document(snapshot_text(snapshot())).keys()


def test_a_target_that_somebody_changes_meanwhile_is_looked_at_again_and_refused_when_that_goes_on(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_firm(camera.root)
    apply(camera)
    dump, changes = EmbeddedStaging.dump_schemas, iter(("CREATE TABLE hr.once ()",))

    def meanwhile(staging: EmbeddedStaging, source: DatabaseUrl, schemas: tuple[str, ...]) -> str:
        found = dump(staging, source, schemas)
        if (change := next(changes, None)) is not None:
            camera.execute(change)
        return found

    monkeypatch.setattr(EmbeddedStaging, "dump_schemas", meanwhile)
    found = camera.taken()
    assert "hr.once" in found.definitions
    assert ("hr", "once") in {address.relation for address in found.catalog.definitions}

    changes = iter(("CREATE TABLE hr.twice ()", "CREATE TABLE hr.thrice ()"))
    refused = camera.try_to_take(name="other.json")
    assert refused.code == 1
    assert "somebody changes the target's definitions while they are read" in refused.said
    assert not (camera.root / "other.json").exists()


def test_all_that_it_tells_is_of_one_moment(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes while pg_dump runs, and is no definition, is not in it."""
    write_firm(camera.root)
    apply(camera)
    before = camera.taken()
    dump = EmbeddedStaging.dump_schemas

    def meanwhile(staging: EmbeddedStaging, source: DatabaseUrl, schemas: tuple[str, ...]) -> str:
        camera.execute("INSERT INTO hr.people SELECT generate_series(1, 1000); ANALYZE hr.people")
        return dump(staging, source, schemas)

    monkeypatch.setattr(EmbeddedStaging, "dump_schemas", meanwhile)
    assert camera.taken().sizes == before.sizes

"""Staging databases are made as the target is: encoding and sorting where the server has them, told where not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coordinator.model.sameness import Sameness
from coordinator.postgres.connect import connect
from coordinator.postgres.databases import Sorting, create_database, drop_database
from coordinator.postgres.server_facts import read_server_facts
from coordinator.postgres.session import Session
from coordinator.staging.names import new_database_name, new_mark
from tests.commands_site import apply
from tests.failures.roles import make_role
from tests.snapshot.firm import revise, write_firm
from tests.snapshot.test_baselines import rehearsed
from tests.snapshot.test_snapshot import READER, built_from, modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl
    from coordinator.staging.cluster import LocalCluster
    from tests.snapshot.conftest import Camera

LATIN = Sorting(encoding="LATIN1", provider="libc", collate="C", ctype="C", locale="")
GERMAN = Sorting(encoding="UTF8", provider="icu", collate="C", ctype="C", locale="de-DE")


@pytest.fixture
def elsewhere(server: LocalCluster, camera: Camera, request: pytest.FixtureRequest) -> Iterator[Camera]:
    """A camera on a target of that sorting."""
    name = new_database_name()
    url: DatabaseUrl = create_database(server.url(), name, comment=new_mark(), sorting=request.param)
    yield replace(camera, url=url)
    drop_database(server.url(), name)


@pytest.mark.parametrize("elsewhere", [LATIN], indirect=True, ids=["latin1"])
def test_a_target_of_another_encoding_is_rehearsed_in_that_encoding(elsewhere: Camera) -> None:
    write_firm(elsewhere.root)
    revise(
        elsewhere.root,
        "hr",
        "h1",
        "CREATE TABLE hr.people (id int PRIMARY KEY); COMMENT ON TABLE hr.people IS 'Müller'",
    )
    (elsewhere.root / "modules" / "crm" / "migrations" / "versions" / "c1.py").unlink()
    (elsewhere.root / "modules" / "billing" / "migrations" / "versions" / "b1.py").unlink()
    apply(elsewhere)
    revise(
        elsewhere.root, "hr", "h2",
        "CREATE TABLE hr.words AS SELECT pg_encoding_to_char(encoding) AS e FROM pg_database WHERE datname = current_database();"
        "ALTER TABLE hr.words ADD CHECK (e = 'LATIN1')",
        after="h1", back="DROP TABLE hr.words",
    )  # fmt: skip
    found = elsewhere.taken()
    assert "IS 'Müller'" in found.definitions
    for how in ({}, {"snapshot": elsewhere.root / "target.json"}):
        grades = {each.what: each.grade for each in rehearsed(elsewhere, **how).rehearsal.differences}
        assert grades["encoding"] is grades["collation"] is Sameness.SAME


@pytest.mark.parametrize("elsewhere", [GERMAN], indirect=True, ids=["icu"])
def test_a_target_that_sorts_by_icu_is_rehearsed_with_the_same_order(elsewhere: Camera) -> None:
    with elsewhere.session() as session:
        if read_server_facts(session).collation_provider != "icu":
            pytest.skip("this server was built without ICU")
    write_firm(elsewhere.root)
    apply(elsewhere)
    revise(elsewhere.root, "hr", "h2", "CREATE TABLE hr.words AS SELECT 'a' < 'B' AS german;"
           "ALTER TABLE hr.words ADD CHECK (german)", after="h1", back="DROP TABLE hr.words")  # fmt: skip
    grades = {each.what: each for each in rehearsed(elsewhere).rehearsal.differences}
    assert grades["locale"].there == "de-DE"
    assert {grades[what].grade for what in ("locale", "collation provider", "collation version")} == {
        Sameness.SAME
    }


def test_a_locale_that_the_staging_does_not_have_is_told_and_not_fatal(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    found = camera.taken()
    facts = replace(found.facts, collate="tlh_QS.UTF-8", ctype="tlh_QS.UTF-8", settings={"lc_time": "tlh_QS"})
    with built_from(replace(found, facts=facts), camera, modules("crm", "billing", "hr")) as session:
        here = read_server_facts(session)
    assert here.collate != "tlh_QS.UTF-8"
    assert here.settings["lc_time"] != "tlh_QS"


def test_settings_are_those_that_the_deploying_role_meets_whoever_looks(
    camera: Camera, role: str, tmp_path: Path
) -> None:
    write_firm(camera.root)
    apply(camera)
    url = make_role(camera, role, *READER)
    camera.execute(f"ALTER ROLE {role} SET TimeZone = 'Asia/Tokyo'; ALTER ROLE {role} SET array_nulls = off")
    name = camera.url.parameters["dbname"]
    camera.execute(f"ALTER DATABASE {name} SET xmlbinary = 'hex'")
    with camera.session() as owner, Session(connect(url, application_name="test")) as reader:
        deployer = owner.value("SELECT current_user")
        mine = read_server_facts(owner)
        assert read_server_facts(reader).settings["TimeZone"] == "Asia/Tokyo"
        assert read_server_facts(reader, role=deployer).settings["xmlbinary"] == "hex"
        theirs = read_server_facts(owner, role=role)
        assert theirs.settings["TimeZone"] == "Asia/Tokyo"
        assert theirs.settings["array_nulls"] == "off"
        assert read_server_facts(reader, role=deployer).settings.items() <= mine.settings.items()
        assert (
            "TimeZone" not in read_server_facts(reader, role=deployer).settings
        )  # what is under it, nobody says
    assert role in mine.roles
    assert not [each for each in mine.roles if each.startswith("pg_")]

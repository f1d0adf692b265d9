"""The main job: the sample ERP ordered, rehearsed and applied; and everything that may be there already."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

if TYPE_CHECKING:
    from coordinator.staging.cluster import LocalCluster
    from tests.failures.site import Ended, Site

STEPS = 58
PASSWORD = "geheim+%"


def heads(site: Site) -> dict[str, tuple[str, ...]]:
    return dict(site.picture().versions)


def applied(done: Ended) -> list[str]:
    """The steps of the apply phase, in order."""
    _, _, tail = done.err.partition("applying ")
    return re.findall(r"^  \+ (\S+:\S+)", tail, flags=re.MULTILINE)


def test_the_sample_is_rehearsed_and_applied_and_the_second_run_finds_nothing_to_do(erp: Site) -> None:
    first = erp.migrate("all-modules")
    assert first.code == 0, first.err
    assert len(applied(first)) == STEPS
    assert "the whole run was taken back and left no trace" in first.said
    assert f"done: {STEPS} steps applied" in first.said
    before = erp.picture()

    second = erp.migrate("all-modules")
    assert (second.code, "nothing to do" in second.said) == (0, True)
    assert erp.picture() == before
    assert erp.value("SELECT count(*) FROM migrate.run") == 1


def test_the_contract_waits_for_the_module_that_still_reads(erp: Site) -> None:
    steps = applied(erp.migrate("all-modules", "--staging", "off"))
    contract, switch = "crm:b0f8e2a53d89", "agendamento:e5dd7da783e6"
    assert steps.index(switch) < steps.index(contract)


def test_the_ledger_keeps_what_is_in_with_its_source(erp: Site) -> None:
    erp.migrate("all-modules", "--staging", "off")
    assert erp.value("SELECT count(*) FROM migrate.applied") == STEPS
    assert erp.value("SELECT count(*) FROM migrate.step WHERE status = 'applied'") == STEPS
    source = erp.value("SELECT source FROM migrate.applied WHERE revision = '60d43b31a9c0'")
    assert "telefone2" in source
    changes = erp.value("SELECT changes FROM migrate.applied WHERE revision = '60d43b31a9c0'")
    assert {"type", "table", "schema", "description", "impactAnalysis"} == set(changes[0])
    commented = erp.value(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE n.nspname = 'migrate' AND c.relkind = 'r' AND col_description(c.oid, a.attnum) IS NULL"
    )
    assert commented == 0


def test_only_one_module_takes_along_what_it_needs_and_nothing_else(erp: Site) -> None:
    done = erp.migrate("all-modules", "--module", "workflow", "--staging", "off")
    assert done.code == 0, done.err
    assert {step.partition(":")[0] for step in applied(done)} == {"user_management", "workflow"}
    rest = erp.migrate("all-modules", "--staging", "off")
    assert rest.code == 0, rest.err
    assert len(applied(done)) + len(applied(rest)) == STEPS


def test_a_dry_run_writes_nothing(erp: Site) -> None:
    before = erp.picture()
    done = erp.migrate("all-modules", "--dry-run")
    assert (done.code, f"would apply {STEPS} steps" in done.said) == (0, True)
    assert erp.picture() == before
    assert not erp.value("SELECT to_regnamespace('migrate') IS NOT NULL")


def test_the_result_as_json_goes_to_standard_output_alone(erp: Site) -> None:
    done = erp.migrate("all-modules", "--staging", "off", "--format", "json")
    report = json.loads(done.out)
    assert report["outcome"] == "applied"
    again = json.loads(erp.migrate("all-modules", "--format", "json").out)
    assert again["outcome"] == "nothing to do"


def test_a_later_run_starts_from_a_copy_of_what_is_there(erp: Site) -> None:
    erp.migrate("all-modules", "--module", "workflow", "--staging", "off")
    done = erp.migrate("all-modules", "--staging", "embedded")
    assert done.code == 0, done.err
    assert "the whole run was taken back and left no trace" in done.said


@pytest.mark.parametrize("staging", ["off", "embedded"])
def test_a_loss_that_later_steps_could_make_final_is_refused_unless_it_is_kept(
    erp: Site, staging: str
) -> None:
    # user_management needs crm's expand and not its contract: the old column is then there before the next run.
    erp.migrate("all-modules", "--module", "user_management", "--staging", "off")
    erp.execute(
        "INSERT INTO user_management.users (email, full_name) VALUES ('ana@example.org', 'Ana');"
        "INSERT INTO crm.customers (name, apelido, owner_id) SELECT 'Bia', 'B', id FROM user_management.users"
    )
    before = erp.picture()
    refused = erp.migrate("all-modules", "--staging", staging, environment={"MIGRATE_KEEP": "false"})
    assert refused.code == 1
    assert "loss-before-commit: crm:b0f8e2a53d89" in refused.said
    assert erp.picture() == before

    accepted = erp.migrate("all-modules", "--staging", staging)
    assert accepted.code == 0, accepted.err
    assert "column crm.customers.apelido" in accepted.said


def test_plain_alembic_goes_on_working_beside_it(erp: Site) -> None:
    erp.migrate("all-modules", "--staging", "off")
    with erp.session() as session:
        parameters = session.value("SELECT current_database()")
    url = "postgresql+psycopg:///?" + "&".join(f"{key}={value}" for key, value in erp.url.parameters.items())
    assert parameters in url
    command = [sys.executable, "-m", "alembic", "-c", "modules/crm/alembic.ini", "current"]
    done = subprocess.run(
        command,
        cwd=erp.root,
        env={"DATABASE_URL": url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "189b8878c75d (head)" in done.stdout, done.stderr


def test_it_is_rehearsed_in_a_container(erp: Site, docker_engine: str) -> None:
    if int(erp.value("SHOW server_version_num")) // 10000 != int(docker_engine.rpartition(":")[2]):
        pytest.skip(f"the target is not the major version of {docker_engine}")
    done = erp.migrate("all-modules", "--staging", "container")
    assert done.code == 0, done.err
    assert "container" in done.said


def test_it_is_rehearsed_on_a_server_that_is_named(erp: Site, server: LocalCluster) -> None:
    # The tests' own role is a superuser, which may not rehearse on the target's own server.
    with erp.session() as session:
        session.execute("DROP ROLE IF EXISTS rehearser")
        session.execute(f"CREATE ROLE rehearser LOGIN CREATEDB PASSWORD '{PASSWORD}'")
    parameters = {**server.url().parameters, "user": "rehearser", "password": PASSWORD}
    url = "postgresql:///?" + urlencode(parameters, quote_via=quote)
    done = erp.migrate("all-modules", "--staging", url)
    assert done.code == 0, done.err
    assert PASSWORD not in done.err
    left = erp.value(
        "SELECT count(*) FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = 'rehearser'"
    )
    assert left == 0

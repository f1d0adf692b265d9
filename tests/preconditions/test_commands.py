"""The demands on rows in the commands: refused before anything is rehearsed, shown by plan, waived, joined in rollback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import all_of, build, step
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

TABLES = """
CREATE TABLE crm.customers (id int PRIMARY KEY, email text, secret text);
INSERT INTO crm.customers VALUES (1, NULL, 'sk_live_1'), (2, NULL, 'sk_live_2'), (3, 'x', 'sk_live_1');
"""
TIGHTEN = ("ALTER TABLE crm.customers ALTER email SET NOT NULL",)
RELAX = ("ALTER TABLE crm.customers ALTER email DROP NOT NULL",)
ASKS = {"MIGRATE_CHECK_BUDGET": "1000000 rows, 60s"}
MESSAGE = "crm:c2 demands NOT NULL on crm.customers.email: 2 rows have no value there"
QUERY = 'SELECT * FROM "crm"."customers" WHERE "email" IS NULL'


def run(site: Site, *arguments: str, budget: str = "1000000 rows, 60s") -> Ended:
    return site.migrate(*arguments, environment={"MIGRATE_CHECK_BUDGET": budget})


def refused(site: Site) -> None:
    """A project whose only step demands what two rows do not meet."""
    build(site, TABLES)
    step(site, "c2", "c1", TIGHTEN, RELAX)


def test_all_modules_refuses_before_it_rehearses_and_writes_nothing(site: Site) -> None:
    refused(site)
    before = site.picture()
    ended = run(site, "all-modules")
    assert ended.code == 1, ended.err
    assert MESSAGE in ended.said
    assert QUERY in ended.said
    assert "the target was not touched" in ended.said
    assert "modules/crm/migrations/versions/c2.py" in ended.err
    assert "rehearsing" not in ended.err
    assert "sk_live" not in ended.out + ended.err
    assert site.picture() == before
    with site.session() as session:
        assert session.value("SELECT to_regnamespace('migrate')") is None

    site.execute("UPDATE crm.customers SET email = 'y' WHERE email IS NULL")
    ended = run(site, "all-modules")
    assert ended.code == 0, ended.err
    assert "1 demand on rows: 1 met" in ended.said


def test_a_dry_run_and_staging_off_ask_as_well(site: Site) -> None:
    refused(site)
    for arguments in (("--dry-run",), ("--staging", "off")):
        ended = run(site, "all-modules", *arguments)
        assert ended.code == 1, ended.err
        assert MESSAGE in ended.said


def test_plan_shows_it_as_a_finding_and_in_json_and_exits_with_1(site: Site) -> None:
    refused(site)
    before = site.picture()
    ended = run(site, "plan")
    assert ended.code == 1
    assert MESSAGE in " ".join(ended.out.split())
    ended = run(site, "plan", "--format", "json")
    document = json.loads(ended.out)
    (demand,) = document["preconditions"]
    assert demand == {
        "rule": "null-rows",
        "module": "crm",
        "revision": "c2",
        "direction": "upgrade",
        "place": demand["place"],
        "demand": "NOT NULL on crm.customers.email",
        "outcome": "violated",
        "count": 2,
        "atLeast": False,
        "query": QUERY,
        "why": None,
        "help": None,
    }
    assert demand["place"]["file"].endswith("c2.py")
    assert "null-rows" in {each["rule"] for each in document["findings"]}
    assert "null\\-rows" in run(site, "plan", "--format", "markdown").out.replace(
        "`null-rows`", "null\\-rows"
    )
    assert site.picture() == before


def test_a_backfill_in_the_same_revision_is_not_checked_and_that_is_said(site: Site) -> None:
    build(site, TABLES)
    step(site, "c2", "c1", ("UPDATE crm.customers SET email = '' WHERE email IS NULL", *TIGHTEN), RELAX)
    ended = run(site, "all-modules")
    assert ended.code == 0, ended.err
    assert "1 demand on rows: 0 met, 1 not checked" in ended.said
    assert "NOT NULL on crm.customers.email (crm:c2): rows are changed first by crm:c2 (line" in ended.said
    ended = run(site, "all-modules", "--format", "json")
    assert ended.code == 0


def test_what_the_budget_leaves_out_is_a_warning_with_the_flag_that_reads_it(site: Site) -> None:
    refused(site)
    with site.session() as session:
        session.execute("INSERT INTO crm.customers SELECT n, '' FROM generate_series(4, 400) AS n; ANALYZE")
    ended = run(site, "plan", budget="100 rows")
    assert ended.code == 0
    told = " ".join(ended.out.split())
    assert "warning null-rows: crm:c2 demands NOT NULL on crm.customers.email: not checked" in told
    assert '--check-budget "400 rows, 10s" checks it' in told
    assert run(site, "plan", "--check-budget", "400 rows, 30s", budget="100 rows").code == 1


def test_checks_that_are_switched_off_are_told(site: Site) -> None:
    refused(site)
    ended = run(site, "plan", budget="off")
    assert ended.code == 0
    assert "not checked, checks are off" in " ".join(ended.out.split())


def test_a_waived_demand_is_a_note_and_the_run_meets_the_rows_itself(site: Site) -> None:
    build(site, TABLES)
    step(site, "c2", "c1", TIGHTEN, RELAX, waive={"null-rows": ("mended by hand at deploy", "2099-01-01")})
    before = site.picture()
    ended = run(site, "all-modules")
    assert ended.code == 3, ended.err
    assert site.picture() == before


def test_a_rollback_is_refused_where_its_downgrade_tightens_what_rows_do_not_meet(site: Site) -> None:
    build(site, TABLES)
    step(site, "c2", "c1", RELAX, TIGHTEN)
    site.execute(
        "UPDATE crm.customers SET email = '' WHERE email IS NULL; ALTER TABLE crm.customers ALTER email SET NOT NULL"
    )
    assert run(site, "all-modules").code == 0
    site.execute("INSERT INTO crm.customers VALUES (9, NULL)")
    before = site.picture()
    ended = run(site, "rollback", "--yes")
    assert ended.code == 1, ended.err
    assert "crm:c2 demands NOT NULL on crm.customers.email: 1 row has no value there" in ended.said
    assert site.picture() == before
    site.execute("DELETE FROM crm.customers WHERE id = 9")
    ended = run(site, "rollback", "--yes")
    assert ended.code == 0, ended.err
    assert "1 demand on rows: 1 met" in ended.said


@pytest.mark.parametrize(
    "back",
    [
        ("ALTER TABLE crm.customers ADD phone text NOT NULL",),
        (
            "ALTER TABLE crm.customers ADD phone text",
            "ALTER TABLE crm.customers ALTER phone SET NOT NULL",
        ),
    ],
)
def test_a_column_whose_values_are_put_back_is_no_demand(site: Site, back: tuple[str, ...]) -> None:
    build(
        site,
        "CREATE TABLE crm.customers (id int PRIMARY KEY, phone text NOT NULL);"
        "INSERT INTO crm.customers VALUES (1, 'one'), (2, 'two')",
    )
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        back,
    )
    assert run(site, "all-modules").code == 0
    ended = run(site, "rollback", "--yes")
    assert ended.code == 0, ended.err
    with site.session() as session:
        assert session.value("SELECT count(phone) FROM crm.customers") == 2


def test_a_concurrent_build_of_a_unique_index_is_asked_for_and_not_waited_for(site: Site) -> None:
    build(site, TABLES)
    write_revision(
        versions_of(site.root, "crm"),
        "c2",
        after="c1",
        upgrade="with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE UNIQUE INDEX CONCURRENTLY secrets ON crm.customers (secret)')",
        downgrade=all_of("DROP INDEX crm.secrets"),
    )
    ended = run(site, "all-modules")
    assert ended.code == 1, ended.err
    assert "unique index secrets on crm.customers: 1 value stands in more than one row" in ended.said
    assert "sk_live" not in ended.out + ended.err
    site.execute("UPDATE crm.customers SET secret = id::text")
    ended = run(site, "all-modules")
    assert ended.code == 0, ended.err


def test_a_role_that_may_only_read_gets_the_answer_from_plan(site: Site, role: str) -> None:
    from tests.failures.roles import make_role

    refused(site)
    url = make_role(
        site,
        role,
        "GRANT USAGE ON SCHEMA crm TO {role}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA crm TO {role}",
    )
    ended = site.migrate("plan", environment=ASKS, url=url)
    assert ended.code == 1, ended.err
    assert MESSAGE in " ".join(ended.out.split())
    site.execute(f"REVOKE SELECT ON crm.customers FROM {role}")
    ended = site.migrate("plan", environment=ASKS, url=url)
    assert ended.code == 0, ended.err
    assert f"not checked, the role '{role}' may not read all rows of crm.customers" in " ".join(
        ended.out.split()
    )


def test_a_budget_of_another_form_is_refused_with_the_form_that_is_wanted(site: Site) -> None:
    refused(site)
    ended = run(site, "plan", "--check-budget", "many")
    assert ended.code == 2
    assert '--check-budget must be "1000000 rows, 10s", one of the two, or "off", not \'many\'' in ended.said

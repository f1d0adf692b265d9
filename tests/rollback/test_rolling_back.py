"""What goes with a rollback and what stays, on a real server: everything is as it was before that came in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.rollback.firm import (
    both_deploys,
    deploy,
    first_deploy,
    held,
    in_database,
    revision,
    roll_back,
    second_deploy,
    told,
)

if TYPE_CHECKING:
    from tests.commands_site import Desk


def test_a_module_on_which_nobody_stands_goes_alone(desk: Desk) -> None:
    both_deploys(desk)
    ended = roll_back(desk, "stock", "--format", "json", staging="embedded")
    assert ended.code == 0, ended.err
    assert in_database(desk) == "b2 c2 s1"
    assert held(desk) == "stock:s2"
    shown, _, happened = ended.err.partition("rolling back")
    assert "decision MODULE_ONLY: nothing of another module stands on what goes" in " ".join(shown.split())
    assert happened
    assert json.loads(ended.out)["decision"]["action"] == "MODULE_ONLY"
    assert "1 revision taken back" in ended.said
    assert desk.steps() == ("downgrade stock:s2 reversed",)


def test_what_stands_on_a_module_goes_along_and_what_does_not_stays(desk: Desk) -> None:
    both_deploys(desk)
    ended = roll_back(desk, "crm", staging="embedded")
    assert ended.code == 0, ended.err
    assert in_database(desk) == "b1 c1 s2"
    assert held(desk) == "billing:b2 crm:c2"
    assert desk.steps() == ("downgrade billing:b2 reversed", "downgrade crm:c2 reversed")
    assert "goes along: it uses relation 'crm.customers'" not in told(ended)
    assert "goes along: it uses column 'crm.customers.phone', which crm:c2 makes" in told(ended)
    assert "decision DEPENDENCY_CHAIN" in told(ended)
    assert "billing.phones: view, reads crm.customers.id, crm.customers.phone; goes too" in told(ended)


def test_the_newest_run_goes_whole_when_nothing_is_named(desk: Desk) -> None:
    first_deploy(desk)
    before = desk.picture()
    second_deploy(desk)
    ended = roll_back(desk, staging="embedded")
    assert ended.code == 0, ended.err
    assert desk.picture() == before
    assert "decision FULL_SYSTEM: what was named lies in every module" in told(ended)
    assert desk.run_status() == "applied"
    assert desk.value("SELECT kind FROM migrate.run ORDER BY number DESC LIMIT 1") == "rollback"


def test_a_second_rollback_finds_nothing_to_do(desk: Desk) -> None:
    both_deploys(desk)
    assert roll_back(desk).code == 0
    runs = desk.value("SELECT count(*) FROM migrate.run")
    for arguments in ((), ("crm",), ("--run", "2")):
        ended = roll_back(desk, *arguments)
        assert ended.code == 0, ended.err
        assert "nothing to roll back" in ended.said
        assert "run 2 is in any more" in ended.said
    assert desk.value("SELECT count(*) FROM migrate.run") == runs
    assert in_database(desk) == "b1 c1 s1"


def test_after_a_deploy_that_failed_the_good_one_before_it_is_not_rolled_back(desk: Desk) -> None:
    first_deploy(desk)
    revision(desk, "crm:c2", ("INSERT INTO crm.customers (id) SELECT 1 FROM crm.customers",), ("SELECT 1",))
    assert desk.migrate("all-modules", "--yes", "--staging", "off").code == 3

    ended = roll_back(desk)

    assert ended.code == 0, ended.err
    assert (
        "nothing to roll back: run 2, the newest, failed, and everything is as it was before it" in ended.said
    )
    assert "`migrate rollback --run 1` takes back run 1" in ended.said
    assert in_database(desk) == "b1 c1 s1"


def test_an_earlier_run_takes_along_only_what_stands_on_it(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk, "stock:s2", ("ALTER TABLE stock.items ADD price int",), ("ALTER TABLE stock.items DROP price",)
    )
    deploy(desk)
    revision(desk, "stock:s3", ("CREATE TABLE stock.shops (id int)",), ("DROP TABLE stock.shops",))
    revision(desk, "crm:c2", ("CREATE TABLE crm.notes (id int)",), ("DROP TABLE crm.notes",))
    deploy(desk)
    ended = roll_back(desk, "--run", "2")
    assert ended.code == 0, ended.err
    assert in_database(desk) == "b1 c2 s1"
    assert desk.steps() == ("downgrade stock:s3 reversed", "downgrade stock:s2 reversed")


def test_a_revision_that_dropped_what_a_downgrade_uses_goes_first(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk,
        "billing:b2",
        (
            "CREATE TABLE billing.names AS SELECT id, name FROM crm.customers",
            "UPDATE crm.customers SET name = NULL",
        ),
        (
            "UPDATE crm.customers AS c SET name = n.name FROM billing.names AS n WHERE n.id = c.id",
            "DROP TABLE billing.names",
        ),
        touches=["crm"],
    )
    revision(
        desk,
        "crm:c2",
        ("ALTER TABLE crm.customers DROP name",),
        ("ALTER TABLE crm.customers ADD name text",),
        requires=["billing:b2"],
    )
    deploy(desk)
    source = desk.root / desk.file("crm", "c2")
    source.write_text(source.read_text().replace("requires = ['billing:b2']", "requires = []"))
    ended = roll_back(desk, "billing")
    assert ended.code == 0, ended.err
    assert "it ended column 'crm.customers.name', which the downgrade of billing:b2 uses" in told(ended)
    assert desk.steps() == ("downgrade crm:c2 reversed", "downgrade billing:b2 reversed")
    assert desk.rows("SELECT name FROM crm.customers ORDER BY id") == (("Ada",), ("Bo",))


def test_a_module_goes_down_to_a_revision_by_its_id_its_beginning_a_number_or_base(desk: Desk) -> None:
    first_deploy(desk)
    for name in ("s2", "s3", "s4"):
        revision(
            desk, f"stock:{name}", (f"CREATE TABLE stock.{name} (id int)",), (f"DROP TABLE stock.{name}",)
        )
    deploy(desk)
    for to, heads in (
        ("-1", "b1 c1 s3"),
        ("s2", "b1 c1 s2"),
        ("stock:s2-1", "b1 c1 s1"),
        ("base", "b1 c1 -"),
    ):
        ended = roll_back(desk, "stock", "--to", to)
        assert ended.code == 0, ended.err
        assert in_database(desk) == heads
    ended = roll_back(desk, "stock", "--to", "base")
    assert ended.code == 0
    assert "nothing to roll back: nothing of module 'stock' is above 'base'" in ended.said


def test_forward_back_and_forward_again_ends_where_it_was(desk: Desk) -> None:
    first_deploy(desk)
    start = desk.picture()
    second_deploy(desk)
    desk.execute("UPDATE crm.customers SET phone = '555' || id; UPDATE stock.items SET price = id")
    deployed = desk.picture()
    assert roll_back(desk).code == 0
    assert desk.picture() == start
    again = desk.migrate("all-modules", "--yes", "--staging", "off")
    assert again.code == 1
    assert "on hold" in again.said
    assert desk.migrate("release", "--all").code == 0
    deploy(desk)
    assert desk.picture() == deployed
    assert roll_back(desk).code == 0
    assert desk.picture() == start


def test_the_analysis_and_the_decision_have_the_users_field_names(desk: Desk) -> None:
    both_deploys(desk)
    desk.execute("UPDATE crm.customers SET phone = '555' WHERE id = 1")
    with desk.session():  # an application that is at work
        ended = desk.migrate("rollback", "crm", "--dry-run", "--format", "json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    analysis, decision = document["analysis"], document["decision"]
    assert document["outcome"] == "would roll back"
    assert analysis["failedModule"] == "crm"
    assert (analysis["currentVersion"], analysis["lastStableVersion"]) == ("c2", "c1")
    assert analysis["minimumRollbackScope"] == ["billing:b2", "crm:c2"]
    assert analysis["affectedIntegrations"][0].startswith("billing.phones: view, reads")
    assert analysis["estimatedDowntime"] > 0
    assert [each["sessions"] for each in analysis["connectedRoles"]] == [1]
    assert analysis["riskAssessment"] == "MEDIUM"
    assert [
        (each["table"], each["column"], each["rows"], each["exact"]) for each in analysis["rowsAtStake"]
    ] == [("crm.customers", "phone", 1, True)]
    assert decision["action"] == "DEPENDENCY_CHAIN"
    assert decision["modules"] == ["billing", "crm"]
    assert decision["confidence"] == 1.0
    assert "billing:b2 uses column 'crm.customers.phone'" in decision["reason"]
    assert in_database(desk) == "b2 c2 s2"
    assert desk.value("SELECT max(number) FROM migrate.run") == 2


def test_what_is_not_kept_makes_the_risk_high(desk: Desk) -> None:
    both_deploys(desk)
    desk.execute("UPDATE crm.customers SET phone = '555'")
    settings = desk.root / "pyproject.toml"
    settings.write_text(settings.read_text() + "[tool.migrate.modules.crm]\nkeep = false\n")
    ended = desk.migrate("rollback", "crm", "--dry-run")
    assert ended.code == 0, ended.err
    assert "2 values of crm.customers.phone (crm:c2); NOT kept: keep is off" in told(ended)
    assert "risk HIGH · lost: 2 values of crm.customers.phone" in told(ended)


def test_revisions_that_plain_alembic_applied_go_by_their_tree(desk: Desk) -> None:
    both_deploys(desk)
    desk.execute("DROP SCHEMA migrate CASCADE")
    ended = roll_back(desk, "crm")
    assert ended.code == 1
    assert "`migrate rollback crm --to REVISION`" in ended.said
    ended = roll_back(desk, "crm", "--to", "c1")
    assert ended.code == 0, ended.err
    assert in_database(desk) == "b1 c1 s2"
    assert "the ledger does not know how things were before billing:b2, crm:c2" in told(ended)
    assert "when billing:b2, crm:c2 came in is not known: plain Alembic applied it" in told(ended)


def test_corruption_takes_back_everything_since_and_a_bug_of_the_surface_only_its_module(desk: Desk) -> None:
    both_deploys(desk)
    bug = desk.migrate("rollback", "stock", "--dry-run", "--error-type", "ui_bug")
    assert bug.code == 0, bug.err
    assert "MODULE_ONLY: UI_BUG: nothing of another module stands on what goes" in told(bug)
    ended = roll_back(desk, "crm", "--error-type", "DATABASE_CORRUPTION")
    assert ended.code == 0, ended.err
    assert "FULL_SYSTEM: DATABASE_CORRUPTION: all that came in with crm:c2 or after it goes" in told(ended)
    assert in_database(desk) == "b1 c1 s1"


def test_a_broken_interface_takes_along_the_modules_whose_references_fail_now(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk,
        "crm:c2",
        ("CREATE TABLE crm.people (id int PRIMARY KEY)",),
        ("DROP TABLE crm.people",),
    )
    revision(
        desk, "stock:s2", ("ALTER TABLE stock.items ADD owner int",), ("ALTER TABLE stock.items DROP owner",)
    )
    deploy(desk)
    (desk.root / "database_map.md").write_text(
        "- Module crm\n  - table: people (id)\n- Module stock\n  - table: items (id, name, owner REFERENCES crm.people.id)\n"
    )
    arguments = ("rollback", "crm", "--dry-run", "--error-type", "API_BREAKING")
    healthy = desk.migrate(*arguments)
    assert healthy.code == 0, healthy.err
    assert "MODULE_ONLY: API_BREAKING" in told(healthy)
    assert "stock.items.owner: refers to crm.people.id, as the map says" in told(healthy)
    desk.execute("UPDATE stock.items SET owner = 99")
    broken = desk.migrate(*arguments)
    assert "stock.items.owner points at no row of crm.people" in told(broken)
    assert "DEPENDENCY_CHAIN: API_BREAKING: integrations fail" in told(broken)
    assert "- stock:s2" in told(broken)

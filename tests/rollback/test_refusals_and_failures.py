"""A rollback that cannot be: refused before the first write, or everything is in again as it was."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.rollback.firm import (
    both_deploys,
    deploy,
    first_deploy,
    held,
    in_database,
    revision,
    roll_back,
    told,
)
from tests.trees import versions_of

if TYPE_CHECKING:
    from tests.commands_site import Desk

NAME_GONE = ("ALTER TABLE crm.customers DROP name",)
NAME_BACK = ("ALTER TABLE crm.customers ADD name text NOT NULL",)


def test_without_a_terminal_and_without_yes_it_shows_and_does_nothing(desk: Desk) -> None:
    both_deploys(desk)
    before = desk.picture()
    ended = desk.migrate("rollback", "crm")
    assert ended.code == 1
    assert "2 revisions to take back" in told(ended)
    assert "nothing was rolled back: there is no terminal to ask on; --yes says" in ended.said
    document = json.loads(desk.migrate("rollback", "crm", "--format", "json").out)
    assert document["outcome"] == "not consented"
    assert desk.picture() == before
    assert desk.value("SELECT max(number) FROM migrate.run") == 2


def test_a_downgrade_that_fails_on_the_targets_rows_leaves_everything_in(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk,
        "crm:c2",
        ("CREATE TABLE crm.pairs (a int, b int)",),
        ("CREATE UNIQUE INDEX one_a ON crm.pairs (a)", "DROP TABLE crm.pairs"),
    )
    revision(
        desk,
        "billing:b2",
        ("CREATE VIEW billing.pairs AS SELECT a FROM crm.pairs",),
        ("DROP VIEW billing.pairs",),
    )
    deploy(desk)
    desk.execute("INSERT INTO crm.pairs VALUES (1, 1), (1, 2)")
    before = desk.picture()
    ended = roll_back(desk, "crm", staging="embedded")
    assert ended.code == 3, ended.err
    assert "could not create unique index" in ended.said
    assert desk.picture() == before
    assert held(desk) == ""
    assert desk.run_status() == "reversed"
    assert desk.steps() == ("downgrade billing:b2 rolled back", "downgrade crm:c2 failed")


def test_steps_that_were_committed_are_put_in_again_when_a_later_one_fails(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk,
        "crm:c2",
        ("CREATE TABLE crm.pairs (a int, b int)",),
        ("CREATE UNIQUE INDEX one_a ON crm.pairs (a)", "DROP TABLE crm.pairs"),
    )
    revision(
        desk,
        "billing:b2",
        ("CREATE VIEW billing.pairs AS SELECT a FROM crm.pairs",),
        ("DROP VIEW billing.pairs",),
    )
    deploy(desk)
    desk.execute("INSERT INTO crm.pairs VALUES (1, 1), (1, 2)")
    before = desk.picture()
    ended = roll_back(desk, "crm", "--atomic", "step")
    assert ended.code == 3, ended.err
    assert "putting back 1 step" in ended.said
    assert desk.picture() == before
    assert held(desk) == ""
    assert desk.steps() == (
        "downgrade billing:b2 reversed",
        "downgrade crm:c2 failed",
        "upgrade billing:b2 applied",
    )
    desk.execute("DELETE FROM crm.pairs WHERE b = 2")
    again = roll_back(desk, "crm")
    assert again.code == 0, again.err
    assert held(desk) == "billing:b2 crm:c2"


def test_what_cannot_be_rehearsed_is_not_begun(desk: Desk) -> None:
    first_deploy(desk)
    revision(desk, "crm:c2", ("CREATE TABLE crm.notes (id int)",), ("DROP TABLE crm.nodes",))
    deploy(desk)
    before = desk.picture()
    ended = roll_back(desk, staging="embedded")
    assert ended.code == 1
    assert "the rehearsal failed: crm:c2" in ended.said
    assert 'table "nodes" does not exist' in ended.said
    assert desk.picture() == before
    assert desk.value("SELECT max(number) FROM migrate.run") == 2


def test_a_downgrade_that_leaves_something_behind_is_refused_with_its_name(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk,
        "crm:c2",
        ("ALTER TABLE crm.customers ADD phone text", "CREATE INDEX by_name ON crm.customers (name)"),
        ("ALTER TABLE crm.customers DROP phone",),
    )
    deploy(desk)
    ended = roll_back(desk, staging="embedded")
    assert ended.code == 1
    assert "was taken back, and not as before it came in: index crm.customers.by_name" in ended.said
    assert in_database(desk) == "b1 c2 s1"
    unrehearsed = roll_back(desk)
    assert unrehearsed.code == 3
    assert "as-before" in unrehearsed.said
    assert in_database(desk) == "b1 c2 s1"
    desk.execute("DROP INDEX crm.by_name")
    assert roll_back(desk).code == 0, "what somebody has changed since then is not judged"


def test_what_says_that_it_cannot_go_back_or_does_nothing_is_refused(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk,
        "crm:c2",
        ("CREATE TABLE crm.notes (id int)",),
        ("DROP TABLE crm.notes",),
        irreversible="the old letters are shredded",
    )
    revision(desk, "stock:s2", ("CREATE TABLE stock.shops (id int)",), ())
    revision(desk, "billing:b2", ("CREATE TABLE billing.notes (id int)",), ())
    written = versions_of(desk.root, "billing") / "b2.py"
    written.write_text(written.read_text(encoding="utf-8").partition("def downgrade")[0], encoding="utf-8")
    deploy(desk)
    ended = roll_back(desk, "billing")
    assert ended.code == 1
    assert (
        "billing:b2 has a downgrade() that fails: AttributeError: the revision has no downgrade()"
        in ended.said
    )
    ended = roll_back(desk, "crm")
    assert ended.code == 1
    assert "crm:c2 says that it cannot be taken back: the old letters are shredded" in ended.said
    ended = roll_back(desk, "stock")
    assert ended.code == 1
    assert "stock:s2 has a downgrade() that does nothing, so what its upgrade() made would stay" in ended.said
    assert in_database(desk) == "b2 c2 s2"


def test_a_downgrade_that_breaks_what_another_module_has_is_refused_or_leaves_everything_in(
    desk: Desk,
) -> None:
    first_deploy(desk)
    hidden = "DO $$BEGIN EXECUTE 'DROP TABLE stock.items'; END$$"
    revision(desk, "crm:c2", ("CREATE TABLE crm.notes (id int)",), ("DROP TABLE crm.notes", hidden))
    deploy(desk)
    before = desk.picture()
    for staging, code in (("embedded", 1), ("off", 3)):
        ended = roll_back(desk, "crm", staging=staging)
        assert ended.code == code, ended.err
        assert "no-view-gone" in ended.said
        assert "stock.items" in ended.said
        assert desk.picture() == before


def test_a_module_that_is_not_here_and_stands_on_it_is_named(desk: Desk) -> None:
    both_deploys(desk)
    shutil.rmtree(desk.root / "modules" / "billing")
    ended = roll_back(desk, "crm")
    assert ended.code == 1
    assert "billing:b2 must go too, and this checkout has no files of 'billing'" in ended.said
    assert "(billing:b2 uses column 'crm.customers.phone', which crm:c2 makes)" in ended.said
    assert in_database(desk) == "b2 c2 s2"
    assert roll_back(desk, "stock").code == 0, "what it does not stand on goes without it"
    ended = roll_back(desk, "billing")
    assert ended.code == 1
    assert "module 'billing' is not in this checkout" in ended.said


def test_a_view_of_nobody_on_what_goes_is_refused_with_its_name(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk,
        "crm:c2",
        ("ALTER TABLE crm.customers ADD phone text",),
        ("ALTER TABLE crm.customers DROP phone",),
    )
    deploy(desk)
    desk.execute("CREATE SCHEMA reports; CREATE VIEW reports.calls AS SELECT phone FROM crm.customers")
    ended = roll_back(desk)
    assert ended.code == 1
    assert "reports.calls (view, reads crm.customers.phone) stands on what goes away" in ended.said
    assert in_database(desk) == "b1 c2 s1"


def test_a_file_that_is_gone_is_reversed_from_the_ledgers_text_once_somebody_trusts_it(desk: Desk) -> None:
    first_deploy(desk)
    before = desk.picture()
    revision(desk, "crm:c2", ("CREATE TABLE crm.notes (id int)",), ("DROP TABLE crm.notes",))
    revision(desk, "crm:c3", ("ALTER TABLE crm.notes ADD text text",), ("ALTER TABLE crm.notes DROP text",))
    deploy(desk)
    for name in ("c2", "c3"):
        (desk.root / desk.file("crm", name)).unlink()
    refused = roll_back(desk, "crm")
    assert refused.code == 1
    assert (
        "crm:c3, crm:c2 has no file here" in refused.said
        or "crm:c3, crm:c2 have no file here" in refused.said
    )
    assert "--trust-ledger-source" in refused.said
    assert "def downgrade" not in refused.err
    assert in_database(desk) == "b1 c3 s1"
    ended = roll_back(desk, "crm", "--trust-ledger-source", staging="embedded")
    assert ended.code == 0, ended.err
    assert "--- crm:c2, kept by the ledger as c2.py" in ended.err
    assert ended.err.index("def downgrade") < ended.err.index("rolling back 2 steps")
    assert "op.execute('DROP TABLE crm.notes')" in ended.err
    assert "crm:c2 is reversed by code that only the ledger has" in told(ended)
    assert desk.picture() == before


def test_a_text_that_is_not_what_was_applied_is_never_run(desk: Desk) -> None:
    first_deploy(desk)
    revision(desk, "crm:c2", ("CREATE TABLE crm.notes (id int)",), ("DROP TABLE crm.notes",))
    deploy(desk)
    (desk.root / desk.file("crm", "c2")).unlink()
    desk.execute(
        "UPDATE migrate.applied SET source = replace(source, 'notes', 'customers') WHERE revision = 'c2'"
    )
    ended = roll_back(desk, "crm", "--trust-ledger-source")
    assert ended.code == 1
    assert "the ledger's text of crm:c2 is not what was applied" in ended.said
    assert in_database(desk) == "b1 c2 s1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("crn",), "Did you mean 'crm'?"),
        (("crm", "--to", "c9"), "There is no revision 'c9' in module 'crm'. next: Did you mean"),
        (
            ("crm", "--run", "7"),
            "There is no run 7: the latest is run 1. next: `migrate history` lists the runs.",
        ),
        (("--to", "c1"), "--to needs the MODULE"),
        (("crm", "--to", "c1", "--run", "1"), "exclude each other"),
    ],
)
def test_a_name_that_nobody_knows_gets_the_nearest_known_one(
    desk: Desk, arguments: tuple[str, ...], said: str
) -> None:
    first_deploy(desk)
    ended = roll_back(desk, *arguments)
    assert ended.code == 2
    assert said in ended.said


def test_a_run_that_is_a_rollback_itself_is_not_rolled_back(desk: Desk) -> None:
    both_deploys(desk)
    assert roll_back(desk, "stock").code == 0
    ended = roll_back(desk, "--run", "3")
    assert ended.code == 1
    assert "run 3 applied nothing: it is a rollback" in ended.said
    assert "migrate release" in ended.said


def test_on_an_empty_database_there_is_nothing_to_roll_back(desk: Desk) -> None:
    first_deploy(desk)
    desk.execute(
        "DROP SCHEMA migrate CASCADE; DROP SCHEMA billing CASCADE; DROP SCHEMA crm CASCADE; DROP SCHEMA stock CASCADE"
    )
    for arguments in ((), ("crm",), ("crm", "--to", "base")):
        ended = roll_back(desk, *arguments)
        assert ended.code == 0, ended.err
        assert "nothing to roll back" in ended.said
    assert not desk.has_ledger()


def test_a_hold_is_lifted_by_its_name_once_and_again_without_harm(desk: Desk) -> None:
    both_deploys(desk)
    assert roll_back(desk, "crm").code == 0
    refused = desk.migrate("all-modules", "--yes")
    assert refused.code == 1
    assert "`migrate release billing:b2 crm:c2`" in refused.said
    wrong = desk.migrate("release", "crm:c7")
    assert wrong.code == 2
    assert "Did you mean 'crm:c2'?" in wrong.said
    assert desk.migrate("release").code == 2
    for outcome in ("released crm:c2, on hold since run 3 rolled it back", "crm:c2 is not on hold"):
        ended = desk.migrate("release", "crm:c2")
        assert ended.code == 0, ended.err
        assert outcome in told(ended)
        assert "still on hold: billing:b2" in told(ended)
    document = json.loads(desk.migrate("release", "--all", "--format", "json").out)
    assert [each["revision"] for each in document["released"]] == ["billing:b2"]
    deploy(desk)
    assert in_database(desk) == "b2 c2 s2"
    assert held(desk) == ""


def test_a_revision_that_came_back_in_by_itself_is_no_longer_on_hold(desk: Desk) -> None:
    both_deploys(desk)
    assert roll_back(desk, "crm").code == 0
    assert desk.migrate("release", "--all").code == 0
    deploy(desk)
    assert roll_back(desk, "--run", "2").code == 0
    assert in_database(desk) == "b2 c2 s1", "run 4 applied the others anew"

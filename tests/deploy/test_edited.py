"""Applied revisions that were edited: told with both versions, refused where it matters, silent once accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands_site import apply, write_shop
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.commands_site import Desk

DEPLOY = ("all-modules", "--yes", "--staging", "off")
EDIT = ("telefone2 text", "telefone2 varchar(40)")


def edit(desk: Desk, old: str = EDIT[0], new: str = EDIT[1]) -> None:
    """Change what crm:c2 says after it was applied."""
    file = desk.root / desk.file("crm", "c2")
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def edited(desk: Desk) -> Desk:
    """crm and billing are in; then crm:c2 was edited."""
    write_shop(desk.root)
    apply(desk)
    edit(desk)
    return desk


def add(desk: Desk, module: str, name: str, after: str | None, sql: str) -> None:
    write_revision(
        versions_of(desk.root, module), name, after=after, upgrade=f"op.execute({sql!r})", downgrade="pass"
    )


def test_a_deploy_with_nothing_pending_shows_both_versions_and_goes_on(edited: Desk) -> None:
    told = edited.migrate(*DEPLOY)

    assert told.code == 0, told.err
    assert "Revision crm:c2" in told.said
    assert "was edited after run 1 applied it." in told.said
    assert '- op.execute("ALTER TABLE crm.customers ADD telefone2 text")' in told.said
    assert '+ op.execute("ALTER TABLE crm.customers ADD telefone2 varchar(40)")' in told.said
    assert "`migrate accept crm:c2 --reason TEXT`" in told.said
    assert edited.value("SELECT count(*) FROM migrate.run") == 1


def test_a_pending_revision_that_has_nothing_to_do_with_it_is_applied(edited: Desk) -> None:
    add(edited, "billing", "b2", "b1", "CREATE TABLE billing.notes (id int PRIMARY KEY)")

    done = edited.migrate(*DEPLOY)

    assert done.code == 0, done.err
    assert "was edited after run 1 applied it." in done.said


@pytest.mark.parametrize(
    ("module", "name", "after", "sql"),
    [
        ("crm", "c3", "c2", "CREATE TABLE crm.more (id int PRIMARY KEY)"),
        ("billing", "b2", "b1", "CREATE VIEW billing.seconds AS SELECT telefone2 FROM crm.customers"),
        ("billing", "b2", "b1", "CREATE VIEW billing.whole AS SELECT * FROM crm.customers"),
    ],
    ids=["same module", "a use of its column", "a use of all columns"],
)
def test_a_pending_revision_that_needs_it_is_refused_before_any_write(
    edited: Desk, module: str, name: str, after: str, sql: str
) -> None:
    add(edited, module, name, after, sql)
    before = edited.picture()

    refused = edited.migrate(*DEPLOY)

    assert refused.code == 1, refused.err
    assert f"was edited after run 1 applied it, and pending {module}:{name} stands on it." in refused.said
    assert edited.picture() == before
    assert edited.value("SELECT count(*) FROM migrate.run") == 1


def test_one_module_is_judged_by_what_its_own_plan_needs(edited: Desk) -> None:
    add(edited, "crm", "c3", "c2", "CREATE TABLE crm.more (id int PRIMARY KEY)")
    add(edited, "billing", "b2", "b1", "CREATE TABLE billing.notes (id int PRIMARY KEY)")

    assert edited.migrate(*DEPLOY).code == 1
    assert edited.migrate(*DEPLOY, "--module", "crm").code == 1
    alone = edited.migrate(*DEPLOY, "--module", "billing")

    assert alone.code == 0, alone.err
    assert alone.said.count("was edited after run 1 applied it") == 1


def test_accepting_silences_exactly_that_content_and_lets_what_stands_on_it_in(edited: Desk) -> None:
    add(edited, "crm", "c3", "c2", "CREATE TABLE crm.more (id int PRIMARY KEY)")
    assert edited.migrate(*DEPLOY).code == 1

    accepted = edited.migrate("accept", "crm:c2", "--reason", "the length is checked by the application")
    assert accepted.code == 0, accepted.err
    assert "+ op.execute" in accepted.said
    assert "accepted: crm:c2 as its file stands now" in accepted.said
    done = edited.migrate(*DEPLOY)
    assert done.code == 0, done.err
    assert "was edited" not in done.said

    edit(edited, "varchar(40)", "varchar(50)")
    assert "was edited after run 1 applied it." in edited.migrate(*DEPLOY).said
    edit(edited, "varchar(50)", "varchar(40)")
    assert "was edited" not in edited.migrate(*DEPLOY).said
    assert edited.rows("SELECT module, revision, reason FROM migrate.acceptance") == (
        ("crm", "c2", "the length is checked by the application"),
    )


def test_accepting_twice_says_so_and_writes_nothing(edited: Desk) -> None:
    assert edited.migrate("accept", "crm:c2", "--reason", "one").code == 0
    again = edited.migrate("accept", "crm:c2", "--reason", "two")

    assert again.code == 0, again.err
    assert "nothing to do: crm:c2 was accepted" in again.said
    assert edited.rows("SELECT reason FROM migrate.acceptance") == (("one",),)
    as_applied = edited.migrate("accept", "crm:c1", "--reason", "one")
    assert as_applied.code == 0
    assert "nothing to do: crm:c1 is as it was applied" in as_applied.said


def test_what_cannot_be_accepted_is_refused_with_the_nearest_name(edited: Desk) -> None:
    add(edited, "crm", "c3", "c2", "SELECT 1")

    unknown = edited.migrate("accept", "crm:c22", "--reason", "one")
    pending = edited.migrate("accept", "crm:c3", "--reason", "one")
    silent = edited.migrate("accept", "crm:c2", "--reason", "  ")

    assert (unknown.code, pending.code, silent.code) == (2, 1, 2)
    assert "Did you mean 'crm:c2'?" in unknown.said
    assert "crm:c3 is pending, so there is nothing to accept" in pending.said
    assert "--reason is empty" in silent.said
    assert edited.rows("SELECT * FROM migrate.acceptance") == ()


def test_accepting_takes_the_lock_of_runs(edited: Desk) -> None:
    with edited.session() as other:
        other.execute(f"SELECT pg_advisory_lock({0x6D696772617465})")
        refused = edited.migrate("accept", "crm:c2", "--reason", "one", "--wait", "300ms")

    assert refused.code == 5, refused.err
    assert edited.rows("SELECT * FROM migrate.acceptance") == ()


def test_comments_docstrings_and_layout_are_no_edit(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    edit(desk, 'op.execute("ALTER', 'op.execute(  # a comment\n        "ALTER')
    add(desk, "crm", "c3", "c2", "CREATE TABLE crm.more (id int PRIMARY KEY)")

    done = desk.migrate(*DEPLOY)

    assert done.code == 0, done.err
    assert "was edited" not in done.said

"""Rows that a policy hides from the role that deploys: the rollback is shown all the same, and promises nothing of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.failures.roles import make_role
from tests.rollback.firm import revision, told
from tests.trees import project

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl
    from tests.commands_site import Desk

STEP = {
    "column": (("ALTER TABLE crm.customers ADD nick text",), ("ALTER TABLE crm.customers DROP nick",)),
    "rows": (("SELECT 1",), ("UPDATE crm.customers SET name = upper(name)",)),
}
POLICY = """
INSERT INTO crm.customers VALUES (1, 'Ada'), (2, 'Bo');
ALTER TABLE crm.customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY half ON crm.customers USING (id > 1)
"""
UNSEEN = "not counted: a policy may hide some from this role (crm:c2)"


@pytest.fixture
def url(desk: Desk, role: str) -> DatabaseUrl:
    """The target as a role that is no superuser, with an empty project for it."""
    project(desk.root, modules=("crm",))
    return make_role(desk, role, "GRANT CREATE ON DATABASE {database} TO {role}")


def deployed(desk: Desk, url: DatabaseUrl, step: str) -> None:
    """Two deploys by that role; then a policy hides the first of the two rows."""
    revision(
        desk,
        "crm:c1",
        ("CREATE TABLE crm.customers (id int PRIMARY KEY, name text)",),
        ("DROP TABLE crm.customers",),
    )
    revision(desk, "crm:c2", *STEP[step])
    ended = desk.migrate("all-modules", "--yes", "--staging", "off", url=url)
    assert ended.code == 0, ended.err
    desk.execute(POLICY)


@pytest.mark.parametrize(
    ("step", "what"), [("column", "values of crm.customers.nick"), ("rows", "values of crm.customers.name")]
)
def test_what_a_policy_hides_is_shown_without_a_number(
    desk: Desk, url: DatabaseUrl, step: str, what: str
) -> None:
    deployed(desk, url, step)
    ended = desk.migrate("rollback", "crm", "--to", "c1", "--dry-run", url=url)
    assert ended.code == 0, ended.err
    assert f"{what}, {UNSEEN}" in told(ended)
    assert "risk MEDIUM" in told(ended)
    document = json.loads(
        desk.migrate("rollback", "crm", "--to", "c1", "--dry-run", "--format", "json", url=url).out
    )
    (stake,) = document["analysis"]["rowsAtStake"]
    assert (stake["rows"], stake["exact"]) == (None, False)


def test_the_step_says_itself_that_it_does_not_see_all_rows(desk: Desk, url: DatabaseUrl) -> None:
    deployed(desk, url, "column")
    before = desk.picture()
    ended = desk.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off", url=url)
    assert ended.code == 3, ended.err
    assert "let the role that deploys read them (BYPASSRLS, or a policy that it is exempt from)" in ended.said
    assert desk.picture() == before


def test_what_is_given_up_goes_without_being_seen(desk: Desk, url: DatabaseUrl) -> None:
    deployed(desk, url, "column")
    arguments = ("rollback", "crm", "--to", "c1", "--yes", "--staging", "off", "--discard", "crm:c2")
    ended = desk.migrate(*arguments, url=url)
    assert ended.code == 0, ended.err
    assert "risk HIGH" in told(ended)
    assert desk.value("SELECT count(*) FROM pg_attribute WHERE attname = 'nick' AND NOT attisdropped") == 0


def test_a_table_that_nobody_let_the_role_read_is_still_refused(desk: Desk, url: DatabaseUrl) -> None:
    deployed(desk, url, "column")
    desk.execute(
        "ALTER TABLE crm.customers DISABLE ROW LEVEL SECURITY; ALTER TABLE crm.customers OWNER TO CURRENT_USER"
    )
    ended = desk.migrate("rollback", "crm", "--to", "c1", "--dry-run", url=url)
    assert ended.code == 6
    assert "`migrate check --rights` prints the GRANT statements" in ended.said

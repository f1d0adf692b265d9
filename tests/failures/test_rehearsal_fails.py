"""A failure in the rehearsal: exit 1, and the target has not had a single write, no ledger either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.failures.roles import make_role
from tests.failures.shop import STEPS, Break, build_shop
from tests.failures.test_matrix import POSITIONS
from tests.failures.test_rights import ENOUGH

if TYPE_CHECKING:
    from tests.failures.site import Site

# Wrong whatever rows there are.
WRONG = {
    "crm": Break(
        sql="ALTER TABLE crm.customers ADD COLUMN email text",
        undo="SELECT 1",
        spoil="SELECT 1",
        repair="SELECT 1",
        words=("ADD COLUMN email text", 'column "email" of relation "customers" already exists', "42701"),
    ),
    "billing": Break(
        sql="ALTER TABLE billing.archive ADD CONSTRAINT positive CHECK (number > 0)",
        undo="SELECT 1",
        spoil="SELECT 1",
        repair="SELECT 1",
        words=("ADD CONSTRAINT positive", "operator does not exist: text > integer", "42883"),
    ),
    "agenda": Break(
        sql="INSERT INTO agenda.people (email) VALUES ('twice'), ('twice')",
        undo="SELECT 1",
        spoil="SELECT 1",
        repair="SELECT 1",
        words=("INSERT INTO agenda.people", "duplicate key value violates unique constraint", "23505"),
    ),
}
# May do everything but make a schema: the ledger is the first thing that is written, and the server refuses it.
WITHOUT_LEDGER = ENOUGH[1:]


@pytest.mark.parametrize("atomic", ["run", "step"])
@pytest.mark.parametrize("where", POSITIONS)
def test_a_failure_in_the_rehearsal_writes_nothing_to_the_target(
    site: Site, role: str, where: str, atomic: str
) -> None:
    module, revision = STEPS[POSITIONS[where]]
    broken = WRONG[module]
    build_shop(site, (module, broken))
    url = make_role(site, role, *WITHOUT_LEDGER)
    before = site.picture()

    refused = site.migrate("all-modules", "--atomic", atomic, "--staging", "embedded", url=url)

    assert refused.code == 1, refused.err
    assert site.picture() == before
    assert not site.has_ledger()
    assert (
        f"{module}:{revision} failed in upgrade() at {site.place(module, revision, broken.sql)}"
        in refused.said
    )
    for words in broken.words:
        assert words in refused.said, refused.said
    assert "Traceback" not in refused.err


def test_that_role_could_not_have_written(site: Site, role: str) -> None:
    """The proof of the test above: the same role is stopped by the server at its first write."""
    build_shop(site)
    url = make_role(site, role, *WITHOUT_LEDGER)

    failed = site.migrate("all-modules", "--staging", "off", url=url)

    assert failed.code == 6, failed.err
    assert "permission denied for database" in failed.said
    assert not site.has_ledger()
    assert "Traceback" not in failed.err

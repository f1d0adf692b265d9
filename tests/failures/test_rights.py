"""Rights that the deploy role lacks: the rehearsal has them all, so only the target can say no."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.failures.roles import make_role
from tests.failures.shop import STEPS, Break, build_shop
from tests.failures.test_matrix import POSITIONS, expected_steps

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl
    from tests.failures.site import Site

ENOUGH = (
    "GRANT CREATE, CONNECT ON DATABASE {database} TO {role}",
    "GRANT ALL ON SCHEMA crm, billing TO {role}",
    *(
        f"ALTER TABLE {table} OWNER TO {{role}}"
        for table in (
            "crm.customers",
            "crm.notes",
            "crm.old_notes",
            "crm.alembic_version",
            "billing.alembic_version",
            "billing.invoices",
        )
    ),
)
# Where it fails -> the right to take away, how to give it back, what PostgreSQL says.
MISSING = {
    "first": (
        "ALTER TABLE crm.customers OWNER TO CURRENT_USER; GRANT ALL ON crm.customers TO {role}",
        "ALTER TABLE crm.customers OWNER TO {role}",
        "must be owner of table customers",
    ),
    "middle": (
        "REVOKE UPDATE ON billing.invoices FROM {role}",
        "GRANT UPDATE ON billing.invoices TO {role}",
        "permission denied for table invoices",
    ),
    "last": (
        "REVOKE REFERENCES ON billing.invoices FROM {role}",
        "GRANT REFERENCES ON billing.invoices TO {role}",
        "permission denied for table invoices",
    ),
}


def as_deploy_role(site: Site, role: str, where: str) -> DatabaseUrl:
    build_shop(site)
    url = make_role(site, role, *ENOUGH)
    site.execute(MISSING[where][0].format(role=role))
    return url


@pytest.mark.parametrize("staging", ["embedded", "off"])
@pytest.mark.parametrize("atomic", ["run", "step"])
@pytest.mark.parametrize("where", POSITIONS)
def test_a_right_that_is_missing_leaves_everything_as_it_was(
    site: Site, role: str, where: str, atomic: str, staging: str
) -> None:
    url = as_deploy_role(site, role, where)
    before = site.picture()

    failed = site.migrate("all-modules", "--atomic", atomic, "--staging", staging, url=url)

    assert failed.code == 3, failed.err
    assert site.picture() == before
    assert site.steps() == expected_steps(POSITIONS[where], atomic)
    module, revision = STEPS[POSITIONS[where]]
    assert f"{module}:{revision} failed in upgrade() at {site.file(module, revision)}:" in failed.said
    assert MISSING[where][2] in failed.said
    assert "42501" in failed.said
    assert "Traceback" not in failed.err

    site.execute(MISSING[where][1].format(role=role))
    again = site.migrate("all-modules", "--atomic", atomic, "--staging", staging, url=url)
    assert again.code == 0, again.err


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_a_new_module_whose_schema_may_not_be_made_leaves_everything_as_it_was(
    site: Site, role: str, atomic: str
) -> None:
    """The ledger is there from an earlier run; the right to make schemas was taken away since."""
    url = as_deploy_role(site, role, "last")
    assert site.migrate("all-modules", "--staging", "off", url=url).code == 3
    site.execute(MISSING["last"][1].format(role=role))
    site.execute(f"REVOKE CREATE ON DATABASE {site.url.parameters['dbname']} FROM {role}")
    before = site.picture()

    failed = site.migrate("all-modules", "--atomic", atomic, "--staging", "off", url=url)

    assert failed.code == 3, failed.err
    assert site.picture() == before
    assert site.steps() == expected_steps(2, atomic)
    assert "agenda:a1" in failed.said
    assert "permission denied for database" in failed.said
    assert "Traceback" not in failed.err


def test_a_role_that_may_not_make_the_ledger_changes_nothing(site: Site, role: str) -> None:
    build_shop(site)
    url = make_role(site, role, *ENOUGH)
    site.execute(f"REVOKE CREATE ON DATABASE {site.url.parameters['dbname']} FROM {role}")
    before = site.picture()

    failed = site.migrate("all-modules", "--staging", "off", url=url)

    assert failed.code == 6, failed.err
    assert site.picture() == before
    assert not site.has_ledger()
    assert "permission denied for database" in failed.said
    assert "Traceback" not in failed.err


DROPS_TOTAL = Break(
    sql="ALTER TABLE billing.invoices DROP COLUMN total",
    undo="ALTER TABLE billing.invoices ADD COLUMN total numeric",
    spoil="SELECT 1",
    repair="SELECT 1",
    words=(),
)


def test_what_check_rights_prints_is_enough_to_keep_data_to_roll_back_and_to_release(
    site: Site, role: str
) -> None:
    """The ledger is another role's, as where a superuser migrated first."""
    build_shop(site, ("billing", DROPS_TOTAL))
    assert site.migrate("all-modules", "--module", "crm", "--staging", "off").code == 0
    url = make_role(site, role, *(each for each in ENOUGH if each.startswith("ALTER TABLE")))
    before = site.picture()
    asked = site.migrate("check", "--rights", "--role", role, "--format", "json")
    assert asked.code == 1, asked.err
    for needed in json.loads(asked.out)["needs"]:
        for statement in needed["statements"]:
            site.execute(statement)
    assert site.migrate("check", "--rights", url=url).code == 0

    for command in (
        ("all-modules", "--yes"),
        ("rollback", "--run", "2", "--yes"),
        ("release", "--all"),
        ("all-modules", "--yes"),
        ("rollback", "--run", "4", "--yes"),
        ("gc", "--keep", "2"),
    ):
        staging = () if command[0] in ("release", "gc") else ("--staging", "embedded")
        ended = site.migrate(*command, *staging, url=url)
        assert ended.code == 0, f"{command} {ended.err}"

    assert site.picture().rows["billing", "invoices"] == before.rows["billing", "invoices"]

"""One image a module: what is not in a checkout is absent, not missing, and what it uses is not taken from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.commands_site import Desk
from tests.failures.roles import make_role
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

DEPLOY = ("all-modules", "--yes")
UNREHEARSED = (*DEPLOY, "--staging", "off")
# Each image's modules, and settings of them.
CRM: dict[str, dict[str, Any]] = {"crm": {}}
BILLING: dict[str, dict[str, Any]] = {
    "billing": {"schemas": ["money"]}
}  # a schema that is not called as its module

VIEW = "CREATE VIEW money.phones AS SELECT id, phone FROM crm.customers"
KEY = "CREATE TABLE money.invoices (id int PRIMARY KEY, customer int CONSTRAINT of_customer REFERENCES crm.customers (code))"
FUNCTION = (
    "CREATE FUNCTION money.phone_of(int) RETURNS text LANGUAGE plpgsql AS"
    " $$ BEGIN RETURN (SELECT phone FROM crm.customers WHERE id = $1); END $$"
)


class Images:
    """Checkouts that have nothing in common but the database."""

    def __init__(self, url: DatabaseUrl, state: Path, folder: Path) -> None:
        self._url, self._state, self._folder = url, state, folder

    def build(self, name: str, modules: dict[str, dict[str, Any]]) -> Desk:
        """A checkout with these modules and no revisions yet."""
        return Desk(root=project(self._folder / name, modules=modules), url=self._url, state=self._state)


@pytest.fixture
def images(database: DatabaseUrl, state_directory: Path, tmp_path: Path) -> Images:
    return Images(database, state_directory, tmp_path)


def revise(image: Desk, module: str, name: str, *statements: str, back: str = "", **names: Any) -> None:
    """A revision of these statements on top of the one before it."""
    previous = f"{name[0]}{int(name[1:]) - 1}" if int(name[1:]) > 1 else None
    write_revision(
        versions_of(image.root, module),
        name,
        after=previous,
        upgrade="\n".join(f"op.execute({each!r})" for each in statements),
        downgrade=f"op.execute({back!r})" if back else "pass",
        **names,
    )


def deploy(image: Desk, *arguments: str) -> None:
    ended = image.migrate(*(arguments or UNREHEARSED))
    assert ended.code == 0, ended.err


def crm_image(images: Images) -> Desk:
    image = images.build("crm", CRM)
    revise(
        image, "crm", "c1",
        "CREATE TABLE crm.customers (id int PRIMARY KEY, code int CONSTRAINT one_code UNIQUE, phone text)",
        back="DROP TABLE crm.customers",
    )  # fmt: skip
    return image


def billing_image(images: Images, statement: str) -> Desk:
    image = images.build("billing", BILLING)
    revise(image, "billing", "b1", statement, requires=["crm:c1"])
    return image


def test_two_images_deploy_to_one_database_in_turn_each_rehearsed(images: Images) -> None:
    crm = crm_image(images)
    deploy(crm, *DEPLOY)
    billing = billing_image(images, VIEW)
    deploy(billing, *DEPLOY)
    revise(
        crm, "crm", "c2", "ALTER TABLE crm.customers ADD fax text", back="ALTER TABLE crm.customers DROP fax"
    )
    deploy(crm, *DEPLOY)
    revise(
        billing,
        "billing",
        "b2",
        "CREATE TABLE money.bills (id int PRIMARY KEY)",
        back="DROP TABLE money.bills",
    )
    deploy(billing, *DEPLOY)

    for image in (crm, billing):
        again = image.migrate(*DEPLOY)
        assert again.code == 0, again.err
        assert "nothing to do" in again.said
    assert crm.value("SELECT count(*) FROM migrate.run") == 4
    status = " ".join(crm.migrate("status").out.split())
    assert "billing 2 b2 not in this checkout" in status
    assert crm.rows("SELECT name, schemas, version_table FROM migrate.module ORDER BY 1") == (
        ("billing", ["money"], "money.alembic_version"),
        ("crm", ["crm"], "crm.alembic_version"),
    )


@pytest.mark.parametrize(
    ("statement", "drop", "holder"),
    [
        (VIEW, "ALTER TABLE crm.customers DROP phone", "relation 'money.phones'"),
        (VIEW, "ALTER TABLE crm.customers DROP phone CASCADE", "relation 'money.phones'"),
        (KEY, "ALTER TABLE crm.customers DROP code CASCADE", "constraint 'money.invoices.of_customer'"),
        (FUNCTION, "ALTER TABLE crm.customers DROP phone", "function 'money.phone_of'"),
    ],
    ids=["view", "view-cascade", "key", "function"],
)
def test_a_drop_of_what_an_absent_module_uses_is_refused_before_any_write(
    images: Images, statement: str, drop: str, holder: str
) -> None:
    crm = crm_image(images)
    deploy(crm)
    deploy(billing_image(images, statement))
    revise(crm, "crm", "c2", drop)
    before = crm.picture()

    refused = crm.migrate(*UNREHEARSED)

    assert refused.code == 1, refused.err
    assert holder in refused.said
    assert "of module 'billing', which is not in this checkout," in refused.said
    assert crm.picture() == before
    assert crm.value("SELECT count(*) FROM migrate.run") == 2


def test_what_an_absent_module_has_let_go_of_may_be_dropped(images: Images) -> None:
    crm = crm_image(images)
    deploy(crm)
    billing = billing_image(images, VIEW)
    deploy(billing)
    revise(billing, "billing", "b2", "DROP VIEW money.phones", back=VIEW)
    deploy(billing)
    revise(
        crm,
        "crm",
        "c2",
        "ALTER TABLE crm.customers DROP phone",
        back="ALTER TABLE crm.customers ADD phone text",
    )

    deploy(crm, *DEPLOY)


def test_several_absent_modules_are_each_named_with_their_object(images: Images) -> None:
    crm = crm_image(images)
    deploy(crm)
    deploy(billing_image(images, VIEW))
    agenda = images.build("agenda", {"agenda": {}})
    revise(agenda, "agenda", "a1", "CREATE VIEW agenda.people AS SELECT phone FROM crm.customers")
    deploy(agenda)
    revise(crm, "crm", "c2", "ALTER TABLE crm.customers DROP phone CASCADE")

    refused = crm.migrate(*UNREHEARSED)

    assert refused.code == 1, refused.err
    assert "relation 'money.phones' of module 'billing', which is not in this checkout" in refused.said
    assert "relation 'agenda.people' of module 'agenda', which is not in this checkout" in refused.said


def test_without_effects_in_the_ledger_the_catalog_still_names_the_module(images: Images) -> None:
    crm = crm_image(images)
    deploy(crm)
    deploy(billing_image(images, VIEW))
    crm.execute("UPDATE migrate.applied SET effects = NULL")
    revise(crm, "crm", "c2", "ALTER TABLE crm.customers DROP phone CASCADE")

    refused = crm.migrate(*UNREHEARSED)

    assert refused.code == 1, refused.err
    assert "relation 'money.phones' of module 'billing', which is not in this checkout" in refused.said


def test_plain_alembic_may_have_taken_an_absent_module_back(images: Images) -> None:
    crm = crm_image(images)
    deploy(crm)
    deploy(billing_image(images, FUNCTION))
    crm.execute(
        "DROP FUNCTION money.phone_of; DELETE FROM money.alembic_version"
    )  # as `alembic downgrade` does
    revise(
        crm,
        "crm",
        "c2",
        "ALTER TABLE crm.customers DROP phone",
        back="ALTER TABLE crm.customers ADD phone text",
    )

    deploy(crm, *DEPLOY)


def test_a_pending_revision_may_require_one_of_an_absent_module(images: Images) -> None:
    crm = crm_image(images)
    deploy(crm)
    deploy(billing_image(images, VIEW))
    revise(
        crm,
        "crm",
        "c2",
        "CREATE TABLE crm.late (id int PRIMARY KEY)",
        back="DROP TABLE crm.late",
        requires=["billing:b1"],
    )

    deploy(crm)


def test_effects_of_both_directions_are_kept_with_the_revision(images: Images) -> None:
    deploy(crm_image(images))
    found = images.build("none", CRM).rows(
        "SELECT effects -> 'upgrade' -> 'effects' -> 0 ->> 'verb', effects -> 'downgrade' -> 'effects' -> 0 ->> 'verb',"
        " seconds > 0 FROM migrate.applied"
    )
    assert found == (("creates", "drops", True),)


def test_an_absent_module_whose_schema_is_gone_has_nothing_in_and_stands_in_nobodys_way(
    images: Images,
) -> None:
    crm = crm_image(images)
    deploy(crm)
    deploy(billing_image(images, VIEW))
    crm.execute("DROP SCHEMA money CASCADE")
    assert "billing" not in crm.migrate("status").out
    revise(
        crm,
        "crm",
        "c2",
        "ALTER TABLE crm.customers DROP phone",
        back="ALTER TABLE crm.customers ADD phone text",
    )
    deploy(crm)


def test_the_rights_that_copying_an_absent_modules_definitions_takes_are_asked_for(
    images: Images, role: str
) -> None:
    crm = crm_image(images)
    deploy(crm)
    billing = billing_image(images, VIEW)
    deploy(billing)
    make_role(crm, role, "GRANT USAGE ON SCHEMA money TO {role}")
    revise(
        billing,
        "billing",
        "b2",
        "CREATE TABLE money.notes (id int PRIMARY KEY)",
        back="DROP TABLE money.notes",
    )
    deploy(billing)

    asked = crm.migrate("check", "--rights", "--role", role)

    said = " ".join(asked.out.split())
    assert asked.code == 1, asked.err
    assert "pg_dump locks the tables of module 'billing' to read their definitions: SELECT on" in said
    assert f'GRANT SELECT ON TABLE "money"."alembic_version", "money"."notes" TO "{role}";' in said


def test_a_module_may_share_its_version_table_with_an_absent_one(images: Images) -> None:
    table = {"version_table": "public.alembic_version"}
    both = images.build("both", {"crm": table, "hr": table})
    crm = images.build("crm", {"crm": table})
    for image in (both, crm):
        revise(image, "crm", "c1", "CREATE TABLE crm.customers (id int)", back="DROP TABLE crm.customers")
    revise(both, "hr", "h1", "CREATE TABLE hr.people (id int)", back="DROP TABLE hr.people")
    deploy(both)

    started = crm.migrate(*UNREHEARSED)
    assert started.code == 0, started.err
    assert "nothing to do" in started.said
    assert "warning" not in started.said
    revise(crm, "crm", "c2", "CREATE TABLE crm.notes (id int)", back="DROP TABLE crm.notes")
    deploy(crm)

    assert crm.rows("SELECT version_num FROM public.alembic_version ORDER BY 1") == (("c2",), ("h1",))
    assert both.migrate("rollback", "crm", "--yes", "--staging", "off").code == 1  # it does not have crm:c2
    assert crm.migrate("rollback", "crm", "--yes", "--staging", "off").code == 0
    assert crm.rows("SELECT version_num FROM public.alembic_version ORDER BY 1") == (("c1",), ("h1",))


def test_a_plan_that_failed_is_tried_again_when_an_absent_module_has_moved(images: Images) -> None:
    crm = crm_image(images)
    billing = billing_image(images, VIEW)
    deploy(crm)
    deploy(billing)
    revise(
        crm, "crm", "c2",
        "DO $$ BEGIN IF to_regclass('money.bills') IS NULL THEN RAISE 'no bills'; END IF; END $$",
    )  # fmt: skip
    assert crm.migrate(*UNREHEARSED).code == 3
    refused = crm.migrate(*UNREHEARSED)
    assert "tried the same plan" in refused.said
    revise(billing, "billing", "b2", "CREATE TABLE money.bills (id int)")
    deploy(billing)

    deploy(crm)

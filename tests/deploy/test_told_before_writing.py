"""What the planner or a look at the revisions finds, on a server: how it is told, and that nothing was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.commands_site import Desk

UNREHEARSED = ("all-modules", "--yes", "--staging", "off")


def revise(
    desk: Desk, module: str, name: str, *statements: str, after: str | None = None, **names: object
) -> None:
    """A revision of these statements; the first of a module also makes its tree."""
    if not (desk.root / "pyproject.toml").exists():
        project(desk.root, modules=("crm", "billing"))
    write_revision(
        versions_of(desk.root, module),
        name,
        after=after,
        upgrade="\n".join(f"op.execute({each!r})" for each in statements) or "pass",
        **names,  # type: ignore[arg-type] # as write_revision takes them
    )


def refused(desk: Desk, *words: str) -> None:
    """Neither the modules nor the ledger were touched, and the words are told."""
    before, ledger = desk.picture(), desk.has_ledger()
    ended = desk.migrate(*UNREHEARSED)
    assert ended.code == 1, ended.err
    for each in words:
        assert each in ended.said, ended.err
    assert desk.picture() == before
    assert desk.has_ledger() == ledger


def test_an_enum_value_is_used_in_a_transaction_after_the_one_that_adds_it(desk: Desk) -> None:
    revise(
        desk, "crm", "c1", "CREATE TYPE crm.mood AS ENUM ('glad')", "CREATE TABLE crm.people (mood crm.mood)"
    )
    assert desk.migrate(*UNREHEARSED).code == 0
    waived = {"loss-before-commit": ("a label cannot be removed", "2099-12-31")}
    revise(desk, "crm", "c2", "ALTER TYPE crm.mood ADD VALUE 'sad'", after="c1", waive=waived)
    revise(desk, "crm", "c3", "INSERT INTO crm.people VALUES ('sad')", after="c2")

    ended = desk.migrate("all-modules", "--yes")  # rehearsed as well

    assert ended.code == 0, ended.err
    assert desk.rows("SELECT mood::text FROM crm.people") == (("sad",),)
    assert desk.rows("SELECT steps FROM migrate.intent WHERE run = 2 ORDER BY sequence") == (
        (["crm:c2"],),
        (["crm:c3"],),
    )


def test_a_revision_put_below_an_applied_one_is_refused_with_both_and_the_way_out(desk: Desk) -> None:
    revise(desk, "crm", "c1", "CREATE TABLE crm.one (id int)")
    revise(desk, "crm", "c3", "CREATE TABLE crm.three (id int)", after="c1")
    assert desk.migrate(*UNREHEARSED).code == 0
    revise(desk, "crm", "c2", "CREATE TABLE crm.two (id int)", after="c1")
    revise(desk, "crm", "c3", "CREATE TABLE crm.three (id int)", after="c2")

    refused(
        desk,
        "Revision crm:c2 (modules/crm/migrations/versions/c2.py",
        "was put below 'c3', which is in, so it would never run",
        "down_revision = 'c3', and put the parent of 'c3' back",
    )


def test_a_circle_is_refused_with_the_reason_and_the_place_of_each_edge(desk: Desk) -> None:
    revise(desk, "crm", "c1", "CREATE TABLE crm.a (c int)")
    revise(desk, "billing", "b1", "CREATE TABLE billing.b (d int)")
    assert desk.migrate(*UNREHEARSED).code == 0
    revise(
        desk, "crm", "c2",
        "CREATE TABLE crm.z AS SELECT d FROM billing.b", "ALTER TABLE crm.a DROP c",
        after="c1",
    )  # fmt: skip
    revise(
        desk, "billing", "b2",
        "CREATE TABLE billing.z AS SELECT c FROM crm.a", "ALTER TABLE billing.b DROP d",
        after="b1",
    )  # fmt: skip

    refused(
        desk,
        "they wait for each other",
        "No order is possible: billing:b2 -> crm:c2 -> billing:b2.",
        "'crm:c2' drops column 'crm.a.c', which 'billing:b2' uses",
        "'billing:b2' drops column 'billing.b.d', which 'crm:c2' uses",
        "modules/crm/migrations/versions/c2.py:12",
        "modules/billing/migrations/versions/b2.py:12",
        "in two: one revision with what waits for",
    )


def test_a_required_revision_that_nobody_has_is_refused_with_the_nearest_name(desk: Desk) -> None:
    revise(desk, "crm", "9c41aa", "CREATE TABLE crm.one (id int)")
    revise(desk, "billing", "b1", "CREATE TABLE billing.one (id int)", requires=["crm:9c41ab"])

    refused(
        desk,
        "requires 'crm:9c41ab', and module 'crm' has no such revision",
        "Did you mean '9c41aa'?",
        "modules/billing/migrations/versions/b1.py",
    )


def test_a_revision_id_that_its_version_table_cannot_hold_is_refused_with_both_lengths(desk: Desk) -> None:
    desk.execute("CREATE SCHEMA crm; CREATE TABLE crm.alembic_version (version_num varchar(32) PRIMARY KEY)")
    revise(desk, "crm", "c" * 33, "CREATE TABLE crm.one (id int)")

    refused(
        desk,
        "has an id of 33 characters, and crm.alembic_version holds 32",
        "ALTER TABLE crm.alembic_version ALTER COLUMN version_num TYPE varchar(255)",
    )


def test_a_name_that_the_server_would_cut_is_told_before_the_run_with_what_it_becomes(desk: Desk) -> None:
    name = "a_name_that_goes_on_for_more_than_sixty_three_bytes_as_nobody_wants"
    revise(desk, "crm", "c1", f"CREATE TABLE crm.{name} (id int)")

    looked = desk.migrate("check")
    ended = desk.migrate(*UNREHEARSED)

    for said in (" ".join(f"{looked.out} {looked.err}".split()), ended.said):
        assert f"names '{name}', {len(name)} bytes long; PostgreSQL keeps the first 63" in said
        assert f"What it will be called: '{name[:63]}'" in said
    assert ended.code == 0, ended.err
    assert desk.value(f"SELECT to_regclass('crm.{name[:63]}') IS NOT NULL") is True

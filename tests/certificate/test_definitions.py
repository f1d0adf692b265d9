"""Definitions are compared whoever migrates, and without the passwords that a snapshot does not have."""

from __future__ import annotations

from coordinator.model.catalog import Address, Catalog
from coordinator.model.definition import definition_of, made_by, of_any_role, of_role

TABLE = Address("grants on table", "crm", "customers")
FUNCTION = Address("function", "crm", "far")
FOREIGN = Address("foreign table", "crm", "abroad")
NOTHING = Catalog(definitions={})


def defaults(role: str) -> Address:
    return Address("default privileges", "crm", role, "tables")


def test_grants_agree_where_the_names_of_the_roles_sort_otherwise() -> None:
    there = definition_of(TABLE, "postgres: INSERT, SELECT\nreader: SELECT", "postgres")
    here = definition_of(TABLE, "reader: SELECT\nzoe: INSERT, SELECT", "zoe")
    assert there.agrees(here)
    assert not there.agrees(definition_of(TABLE, "reader: INSERT\nzoe: INSERT, SELECT", "zoe"))
    assert not there.agrees(definition_of(TABLE, "reader: SELECT\nzoe: INSERT, SELECT", "ann"))


def test_what_only_looks_like_a_grant_is_no_name_of_the_role() -> None:
    body = "owner ann\nplpgsql\nann: b\nAND a"
    assert not definition_of(FUNCTION, body, "ann").agrees(
        definition_of(FUNCTION, body.replace("ann: b", "bob: b"), "bob")
    )


def test_default_privileges_of_who_migrates_are_those_of_whoever_migrates() -> None:
    text = "reader: SELECT"
    there = made_by(NOTHING, Catalog(definitions={defaults("postgres"): text}), "postgres")
    here = made_by(NOTHING, Catalog(definitions={defaults("deploy"): text}), "deploy")
    assert there == here
    assert set(there.where("deploy")) == {defaults("deploy")}
    assert of_role(of_any_role(defaults("other"), "deploy"), "deploy") == defaults("other")


def test_default_privileges_of_a_role_by_name_are_made_by_any_role() -> None:
    """FOR ROLE deploy, rehearsed by another role and then run by that one."""
    after = Catalog(definitions={defaults("deploy"): "reader: SELECT"})
    assert made_by(NOTHING, after, "postgres").where("deploy") == made_by(NOTHING, after, "deploy").where(
        "deploy"
    )


def test_passwords_do_not_count() -> None:
    body = "owner ann\nsql\nSELECT dblink('postgresql://u:{}@db.example.org/erp', 'SELECT 1')"
    assert definition_of(FUNCTION, body.format("s3cret"), "ann").agrees(
        definition_of(FUNCTION, body.format("***"), "ann")
    )
    foreign = "owner ann\nserver s options password={}, table_name=t"
    assert definition_of(FOREIGN, foreign.format("s3, cret"), "ann").agrees(
        definition_of(FOREIGN, foreign.format("***"), "ann")
    )
    assert not definition_of(FOREIGN, foreign.format("***"), "ann").agrees(
        definition_of(FOREIGN, foreign.format("***").replace("=t", "=u"), "ann")
    )

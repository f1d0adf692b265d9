"""What is read of plpgsql bodies: types with a schema in declarations and signatures, and fields of records."""

from __future__ import annotations

import pytest

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.effect import Holding, ObjectKind, ObjectName, Verb
from coordinator.model.names import RevisionKey
from coordinator.revisions.effects import effects_of
from coordinator.sql.parser import body_queries
from coordinator.sql.tree import SqlSyntaxError

PHONE = ObjectName(ObjectKind.COLUMN, "crm", "customers", "phone")


def function(body: str, *, parameters: str = "", result: str = "int") -> str:
    return f"CREATE FUNCTION billing.f({parameters}) RETURNS {result} LANGUAGE plpgsql AS $$ {body} $$"


def queries(body: str, **signature: str) -> list[str]:
    return [" ".join(each.sql.split()) for each in body_queries(function(body, **signature))]


def held(body: str, **signature: str) -> set[ObjectName]:
    """What the function goes on using; nothing about it is unknown."""
    statement = Statement(sql=function(body, **signature), line=1)
    capture = Capture(key=RevisionKey("billing", "b1"), direction=Direction.UPGRADE, statements=(statement,))
    effects = effects_of(capture, schema="billing")
    assert effects.unknown == ()
    return {each.object for each in effects.of(Verb.HOLD) if each.holding is Holding.LATE}


@pytest.mark.parametrize(
    ("parameters", "result"),
    [
        ("a crm.mood", "int"),
        ("a crm.mood[]", "int"),
        ("a crm.customers.phone%TYPE", "int"),
        ("", "crm.customers"),
        ("", "SETOF crm.customers"),
        ("", "TABLE (mood crm.mood)"),
    ],
)
def test_a_signature_with_types_of_a_schema_hides_no_query(parameters: str, result: str) -> None:
    body = "BEGIN PERFORM 1 FROM crm.customers; END"
    assert "SELECT 1 FROM crm.customers" in queries(body, parameters=parameters, result=result)


@pytest.mark.parametrize(
    "declaration",
    [
        "v crm.mood;",
        "v crm.mood[];",
        "v CONSTANT crm.mood NOT NULL := 'sad';",
        'v crm."Odd; type";',
        "é text := 'declare v crm.no;'; v crm.mood; -- w crm.no\n",
        "v crm.customers%ROWTYPE; w customers%rowtype;",
    ],
)
def test_a_declaration_with_a_type_of_a_schema_hides_no_query(declaration: str) -> None:
    told = queries(f"DECLARE {declaration} BEGIN DELETE FROM crm.notes; RETURN 1; END")
    assert "DELETE FROM crm.notes" in told
    assert not any(
        "crm.no" in each and "notes" not in each for each in told if each.startswith("SELECT NULL")
    )


def test_a_type_that_is_declared_is_held() -> None:
    names = held("DECLARE v crm.mood; BEGIN RETURN 1; END")
    assert ObjectName(ObjectKind.TYPE, "crm", "mood") in names


def test_an_inner_block_declares_too() -> None:
    assert PHONE in held("BEGIN DECLARE q crm.customers; BEGIN q.phone := 1; END; RETURN 1; END")


@pytest.mark.parametrize(
    "body",
    [
        "DECLARE r crm.customers; BEGIN SELECT * INTO r FROM crm.customers; RETURN r.phone; END",
        "DECLARE r crm.customers%ROWTYPE; BEGIN r.phone := '1'; RETURN 1; END",
        "DECLARE r record; BEGIN SELECT * INTO r FROM crm.customers WHERE id = 1; RETURN r.phone; END",
        "DECLARE r record; BEGIN FOR r IN SELECT * FROM crm.customers LOOP RETURN r.phone; END LOOP; RETURN 1; END",
    ],
)
def test_a_field_of_a_whole_row_is_a_column_of_its_relation(body: str) -> None:
    assert PHONE in held(body)


@pytest.mark.parametrize(
    "body",
    [
        "DECLARE r record; BEGIN SELECT id AS phone INTO r FROM crm.customers; RETURN r.phone; END",
        "DECLARE r record; BEGIN SELECT c.*, 1 AS phone INTO r FROM crm.customers c; RETURN r.phone; END",
        "DECLARE r record; BEGIN SELECT * INTO r FROM crm.customers; SELECT 1 AS phone INTO r; RETURN r.phone; END",
        "DECLARE r record; BEGIN SELECT * INTO r FROM crm.customers JOIN crm.notes USING (id); RETURN r.phone; END",
        "DECLARE r record; BEGIN SELECT * INTO r FROM crm.customers; RETURN r.name; END",
    ],
)
def test_a_field_that_may_come_from_elsewhere_is_nobodys_column(body: str) -> None:
    assert PHONE not in held(body)


def test_a_body_that_is_no_plpgsql_is_still_refused() -> None:
    with pytest.raises(SqlSyntaxError, match="syntax error"):
        body_queries(function("DECLARE r crm.customers; BEGIN this is wrong; END"))


def test_a_do_block_declares_as_functions_do() -> None:
    found = body_queries("DO $$ DECLARE q crm.customers; BEGIN DELETE FROM crm.notes; END $$")
    assert [each.sql for each in found] == ["SELECT NULL::crm.customers", "DELETE FROM crm.notes"]

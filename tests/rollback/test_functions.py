"""Functions that name what a rollback takes away: PostgreSQL does not follow their bodies, so the rollback must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollback.firm import NO_PHONE, PHONE, deploy, first_deploy, in_database, revision, roll_back, told

if TYPE_CHECKING:
    from tests.commands_site import Desk

PLAIN = "CREATE FUNCTION public.calls() RETURNS bigint LANGUAGE {language} AS $$ {body} $$"
BODY = "SELECT count({column}) FROM crm.customers"


def plpgsql(column: str) -> str:
    """A function of nobody that counts the values of one column of crm.customers."""
    return PLAIN.format(language="plpgsql", body=f"BEGIN RETURN ({BODY.format(column=column)}); END")


def sql(column: str) -> str:
    """The same in SQL."""
    return PLAIN.format(language="sql", body=BODY.format(column=column))


WRITER = (
    "CREATE FUNCTION public.calls() RETURNS void LANGUAGE plpgsql AS"
    " $$ BEGIN INSERT INTO crm.customers (id, phone) VALUES (7, '1'); END $$"
)


def phone_deployed(desk: Desk) -> None:
    first_deploy(desk)
    revision(desk, "crm:c2", PHONE, NO_PHONE)
    deploy(desk)


@pytest.mark.parametrize("function", [plpgsql("phone"), sql("phone"), WRITER])
def test_a_function_of_nobody_that_names_what_goes_is_refused_with_its_name(
    desk: Desk, function: str
) -> None:
    phone_deployed(desk)
    desk.execute(function)
    before = desk.picture()
    ended = roll_back(desk)
    assert ended.code == 1, ended.err
    assert (
        "public.calls (function, names crm.customers.phone) stands on what goes away, and no module owns it"
        in ended.said
    )
    assert "risk HIGH" in told(ended)
    assert in_database(desk) == "b1 c2 s1"
    assert desk.picture() == before
    desk.execute("DROP FUNCTION public.calls")
    assert roll_back(desk).code == 0


def test_a_function_of_nobody_that_names_only_what_stays_is_shown(desk: Desk) -> None:
    phone_deployed(desk)
    desk.execute(plpgsql("name"))
    ended = roll_back(desk)
    assert ended.code == 0, ended.err
    assert "public.calls: function, names crm.customers" in told(ended)
    assert in_database(desk) == "b1 c1 s1"


def test_a_function_that_names_a_table_by_its_new_name_is_refused(desk: Desk) -> None:
    first_deploy(desk)
    revision(
        desk,
        "stock:s2",
        ("ALTER TABLE stock.items RENAME TO goods",),
        ("ALTER TABLE stock.goods RENAME TO items",),
    )
    deploy(desk)
    desk.execute(sql("id").replace("crm.customers", "stock.goods"))
    ended = roll_back(desk)
    assert ended.code == 1, ended.err
    assert "public.calls (function, names stock.goods) stands on what goes away" in ended.said


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ((plpgsql("phone"),), ("DROP FUNCTION public.calls()",)),
        (
            (plpgsql("phone").replace("CREATE", "CREATE OR REPLACE"),),
            (plpgsql("name").replace("CREATE", "CREATE OR REPLACE"),),
        ),
    ],
    ids=["dropped", "replaced"],
)
def test_a_function_that_the_downgrade_takes_care_of_is_no_obstacle(
    desk: Desk, up: tuple[str, ...], down: tuple[str, ...]
) -> None:
    first_deploy(desk)
    if "OR REPLACE" in up[0]:
        desk.execute(plpgsql("name"))
    revision(desk, "crm:c2", (*PHONE, *up), (*down, *NO_PHONE), touches=["public"])
    deploy(desk)
    ended = roll_back(desk)
    assert ended.code == 0, ended.err
    assert in_database(desk) == "b1 c1 s1"


def test_a_column_that_the_downgrade_makes_anew_is_no_loss_to_a_function(desk: Desk) -> None:
    first_deploy(desk)
    down = ("ALTER TABLE crm.customers DROP phone", "ALTER TABLE crm.customers ADD phone int")
    desk.execute("ALTER TABLE crm.customers ADD phone int")
    revision(desk, "crm:c2", ("ALTER TABLE crm.customers ALTER phone TYPE text",), down)
    deploy(desk)
    desk.execute(plpgsql("phone"))
    ended = roll_back(desk)
    assert ended.code == 0, ended.err

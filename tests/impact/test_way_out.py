"""The code of a way out, pasted and run on a server: at every moment both who asks for the old and for the new is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.impact.way_out.choosing import ways_out
from coordinator.impact.way_out.code import literal, name, revision
from coordinator.model.impact import Stage, WayOutStep
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session
from tests.impact.bench import BEFORE, THEIRS, judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

DIAL = """CREATE FUNCTION bill.dial() RETURNS text LANGUAGE plpgsql AS $$
BEGIN RETURN (SELECT phone FROM crm.people LIMIT 1); END $$"""


@pytest.fixture
def session(database: DatabaseUrl) -> Iterator[Session]:
    with Session(connect(database, application_name="test")) as opened:
        opened.execute(f"CREATE SCHEMA crm; CREATE SCHEMA bill; {BEFORE} {THEIRS}")
        opened.execute("INSERT INTO crm.people (id, phone, age, mood) VALUES (1, '7', 30, 'sad')")
        yield opened


class Op:
    """Alembic's `op` as far as pasted code needs it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def execute(self, sql: str) -> None:
        self.session.execute(sql)


def play(session: Session, step: WayOutStep, function: str = "upgrade") -> None:
    names: dict[str, object] = {"op": Op(session)}
    exec(compile(step.code, "pasted", "exec"), names)
    names[function]()  # type: ignore[operator]


def steps(change: str, *code: str) -> dict[Stage, list[WayOutStep]]:
    impacts, branch = judged(change, *code)
    (way,) = ways_out(branch, impacts, {"bill.dial": DIAL})
    found: dict[Stage, list[WayOutStep]] = {}
    for each in way.steps:
        found.setdefault(each.stage, []).append(each)
    return found


def test_a_column_is_renamed_while_both_names_are_asked_for(session: Session) -> None:
    way = steps("ALTER TABLE crm.people RENAME COLUMN phone TO mobile", "SELECT phone FROM crm.people")
    play(session, way[Stage.EXPAND][0])
    session.execute(
        "INSERT INTO crm.people (id, phone) VALUES (2, 'old'); INSERT INTO crm.people (id, mobile) VALUES (3, 'new')"
    )
    session.execute(
        "UPDATE crm.people SET phone = 'changed' WHERE id = 3; UPDATE crm.people SET mobile = 'too' WHERE id = 2"
    )
    rows = session.rows("SELECT id, phone, mobile FROM crm.people ORDER BY id")
    assert rows == ((1, "7", "7"), (2, "too", "too"), (3, "changed", "changed"))
    (moves,) = [each for each in way[Stage.MOVE] if each.code]
    play(session, moves)
    session.execute("CREATE OR REPLACE VIEW bill.phones AS SELECT mobile AS phone FROM crm.people")
    play(session, way[Stage.CONTRACT][0])
    assert session.value("SELECT bill.dial()") == "7"
    with pytest.raises(StatementError, match="phone"):
        session.execute("SELECT phone FROM crm.people")
    play(session, way[Stage.CONTRACT][0], "downgrade")
    assert session.value("SELECT phone FROM crm.people WHERE id = 2") == "too"
    play(session, moves, "downgrade")
    session.execute("CREATE OR REPLACE VIEW bill.phones AS SELECT phone FROM crm.people")
    play(session, way[Stage.EXPAND][0], "downgrade")
    assert session.value("SELECT bill.dial()") == "7"


def test_a_type_changes_beside_the_old_one(session: Session) -> None:
    way = steps("ALTER TABLE crm.people ALTER age TYPE text", "SELECT id FROM crm.people WHERE age > 3")
    play(session, way[Stage.EXPAND][0])
    session.execute(
        "INSERT INTO crm.people (id, age) VALUES (2, 40); INSERT INTO crm.people (id, age_text) VALUES (3, '50')"
    )
    assert session.rows("SELECT age, age_text FROM crm.people ORDER BY id") == (
        (30, "30"),
        (40, "40"),
        (50, "50"),
    )
    play(session, way[Stage.CONTRACT][0])
    play(session, way[Stage.CONTRACT][0], "downgrade")
    assert session.value("SELECT sum(age) FROM crm.people") == 120
    play(session, way[Stage.EXPAND][0], "downgrade")


def test_a_table_moves_and_is_written_under_both_names(session: Session) -> None:
    way = steps("ALTER TABLE crm.people SET SCHEMA bill", "SELECT count(*) FROM crm.people")
    play(session, way[Stage.EXPAND][0])
    session.execute(
        "INSERT INTO crm.people (id, phone) VALUES (2, 'x'); INSERT INTO bill.people (id, phone) VALUES (3, 'y')"
    )
    assert session.value("SELECT count(*) FROM crm.people") == 3
    play(session, way[Stage.CONTRACT][0])
    play(session, way[Stage.CONTRACT][0], "downgrade")
    play(session, way[Stage.EXPAND][0], "downgrade")
    assert session.value("SELECT count(*) FROM crm.people") == 3


def test_a_mandatory_column_is_optional_first(session: Session) -> None:
    way = steps("ALTER TABLE crm.people ADD vat text NOT NULL", "INSERT INTO crm.people (id) VALUES (1)")
    play(session, way[Stage.EXPAND][0])
    session.execute("INSERT INTO crm.people (id) VALUES (2)")
    with pytest.raises(StatementError, match="vat_given"):
        play(session, way[Stage.CONTRACT][0])  # whoever pastes it is told to fill the rows first
    session.execute(
        "ALTER TABLE crm.people DROP CONSTRAINT people_vat_given; UPDATE crm.people SET vat = 'x'"
    )
    play(session, way[Stage.CONTRACT][0])
    with pytest.raises(StatementError, match="not-null"):
        session.execute("INSERT INTO crm.people (id) VALUES (3)")
    play(session, way[Stage.CONTRACT][0], "downgrade")
    play(session, way[Stage.EXPAND][0], "downgrade")


def test_an_enum_value_is_added_beside_the_old_one(session: Session) -> None:
    way = steps(
        "ALTER TYPE crm.mood RENAME VALUE 'sad' TO 'blue'", "SELECT id FROM crm.people WHERE mood = 'sad'"
    )
    play(session, way[Stage.EXPAND][0])
    play(session, way[Stage.CONTRACT][0])
    assert session.value("SELECT mood::text FROM crm.people") == "blue"


def test_what_is_dropped_waits_for_those_who_use_it() -> None:
    way = steps("ALTER TABLE crm.people DROP COLUMN phone", "SELECT phone FROM crm.people")
    assert Stage.EXPAND not in way
    assert "CREATE OR REPLACE FUNCTION bill.dial()" in way[Stage.MOVE][0].code
    assert way[Stage.CONTRACT][0].what == "crm:c2 as it is, once nobody uses it"
    assert way[Stage.CONTRACT][0].code == "requires = ['bill:<its revision of step 1>']"


def test_names_and_texts_are_quoted_where_they_must_be() -> None:
    assert name("crm", "Order", "user", 'a"b', "plain_1") == 'crm."Order"."user"."a""b".plain_1'
    assert literal("it's") == "'it''s'"
    assert "op.execute('DROP TABLE \"Order\"')" in revision(['DROP TABLE "Order"'], [])
    assert revision([], ["# nothing"]).endswith("    # nothing\n    pass")

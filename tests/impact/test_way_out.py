"""The code of a way out, pasted and run on a server: at every moment both who asks for the old and for the new is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.impact.branch import run_past
from coordinator.impact.way_out.around import Around
from coordinator.impact.way_out.choosing import ways_out
from coordinator.impact.way_out.code import literal, name, revision
from coordinator.model.impact import Stage, WayOutStep
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session
from tests.impact.bench import BEFORE, THEIRS, judged, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

DIAL = """CREATE FUNCTION bill.dial() RETURNS text LANGUAGE plpgsql AS $$
BEGIN RETURN (SELECT phone FROM crm.people LIMIT 1); END $$"""

PHONES = "CREATE VIEW bill.phones AS SELECT phone FROM crm.people"
AGAIN = "CREATE VIEW bill.again AS SELECT 1 AS one FROM bill.phones"
PAST = run_past([running("crm", "c1", BEFORE), running("bill", "b0", f"{THEIRS}{AGAIN}")])


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


def play(
    session: Session, step: WayOutStep, function: str = "upgrade", change: tuple[str, str] = ("", "")
) -> None:
    """Run pasted code; `change` is what its author changes in `upgrade`."""
    upgrade, downgrade, rest = step.code.partition("def downgrade")
    code = (upgrade.replace(*change) if change[0] else upgrade) + downgrade + rest
    names: dict[str, object] = {"op": Op(session)}
    exec(compile(code, "pasted", "exec"), names)
    names[function]()  # type: ignore[operator]


def steps(change: str, *code: str) -> dict[Stage, list[WayOutStep]]:
    impacts, branch = judged(change, *code)
    (way,) = ways_out(
        branch, impacts, Around(sources={"bill.dial": DIAL, "bill.phones": PHONES}, uses=PAST.uses)
    )
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
    assert "# view bill.phones, to be written with mobile AS phone:" in moves.code
    play(session, moves, change=("AS SELECT phone FROM", "AS SELECT mobile AS phone FROM"))
    play(session, way[Stage.CONTRACT][0])
    assert session.value("SELECT bill.dial()") == "7"
    with pytest.raises(StatementError, match="phone"):
        session.execute("SELECT phone FROM crm.people")
    play(session, way[Stage.CONTRACT][0], "downgrade")
    assert session.value("SELECT phone FROM crm.people WHERE id = 2") == "too"
    play(session, moves, "downgrade")
    play(session, way[Stage.EXPAND][0], "downgrade")
    assert session.value("SELECT bill.dial()") == "7"
    assert session.value("SELECT phone FROM bill.phones WHERE phone = 'too'") == "too"


def test_a_view_loses_its_column_before_the_column_is_dropped(session: Session) -> None:
    (moves,) = steps("ALTER TABLE crm.people DROP COLUMN phone")[Stage.MOVE]
    assert "# view bill.phones, to be written without the old:" in moves.code
    assert "what stands on it: bill.again" in moves.code
    session.execute(AGAIN)
    with pytest.raises(StatementError, match="other objects depend on it"):
        play(session, moves)
    session.execute("DROP VIEW bill.again")
    play(session, moves, change=("SELECT phone FROM crm.people", "SELECT age FROM crm.people"))
    session.execute("ALTER TABLE crm.people DROP COLUMN phone")
    session.execute(AGAIN)
    assert session.value("SELECT age FROM bill.phones") == 30
    session.execute("ALTER TABLE crm.people ADD COLUMN phone text; DROP VIEW bill.again")
    play(session, moves, "downgrade")
    assert session.value("SELECT phone FROM bill.phones") is None


def test_a_column_keeps_what_is_asked_of_its_values(session: Session) -> None:
    way = steps("ALTER TABLE crm.people RENAME COLUMN at TO since", "SELECT at FROM crm.people")
    play(session, way[Stage.EXPAND][0])
    play(session, way[Stage.CONTRACT][0])
    assert "# give since the default of at" in way[Stage.CONTRACT][0].code
    with pytest.raises(StatementError, match="not-null"):
        session.execute("INSERT INTO crm.people (id) VALUES (2)")
    session.execute("INSERT INTO crm.people (id, since) VALUES (2, now())")
    play(session, way[Stage.CONTRACT][0], "downgrade")
    with pytest.raises(StatementError, match="not-null"):
        session.execute("UPDATE crm.people SET at = NULL, since = NULL")


def test_using_is_left_to_its_author() -> None:
    for using, told in (("", False), (" USING length(phone)", True)):
        way = steps(
            f"ALTER TABLE crm.people ALTER phone TYPE int{using}", "SELECT lower(phone) FROM crm.people"
        )
        assert ("# what USING says belongs here" in way[Stage.EXPAND][0].code) is told


def test_what_stands_on_a_column_is_told_to_be_made_for_the_new_one() -> None:
    way = steps("ALTER TABLE crm.people RENAME COLUMN id TO number", "SELECT id FROM crm.people")
    code = way[Stage.EXPAND][0].code
    assert "# make for number too: constraint 'crm.people.people_pkey'" in code
    assert "# make for number too: constraint 'bill.bills.bills_person_fkey'" in code


def test_a_word_that_means_another_column_too_is_not_replaced() -> None:
    body = "SELECT sum(p.age + b.age) FROM crm.people p, bill.bills b"
    sql = f"CREATE FUNCTION bill.sum() RETURNS bigint LANGUAGE sql AS $$ {body} $$"
    impacts, branch = judged(
        "ALTER TABLE crm.people RENAME COLUMN age TO years", others=(running("bill", "b9", sql),)
    )
    uses = run_past([running("crm", "c1", BEFORE), running("bill", "b0", f"{THEIRS};\n{sql}")]).uses
    (way,) = ways_out(branch, impacts, Around(sources={"bill.sum": sql}, uses=uses))
    (moves,) = [each for each in way.steps if each.stage is Stage.MOVE]
    assert "# function bill.sum, to be written with years in the place of age:" in moves.code
    assert "b.years" not in moves.code


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

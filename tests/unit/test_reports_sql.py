"""The script of a plan: in order, runnable as it stands, honest about what is not known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.module import Module
from coordinator.reports.escaping import sql_comment, sql_name, sql_text
from coordinator.reports.plan_sql import ScriptStep, plan_sql
from coordinator.sql.parser import parse
from tests.plans import plan, step

if TYPE_CHECKING:
    from coordinator.model.plan import Step


def known(
    what: Step,
    *statements: Statement,
    before: frozenset[str] | None = frozenset(),
    unknown: tuple[str, ...] = (),
    owner: str | None = None,
) -> ScriptStep:
    name = what.key.module
    return ScriptStep(
        step=what,
        module=Module(name=name, path=Path(name), schemas=(name,), owner=owner),
        capture=Capture(key=what.key, direction=Direction.UPGRADE, statements=statements, unknown=unknown),
        search_path=(name, "public"),
        heads_before=before,
        heads_after=frozenset({what.key.revision}),
    )


def test_each_segment_is_a_transaction_that_moves_the_heads() -> None:
    first = step(1, "crm:a1", message="create customers")
    script = plan_sql(
        plan([first]), [known(first, Statement(sql="CREATE TABLE customers (id int)"), before=None)]
    )
    assert script.splitlines()[4:] == [
        "-- segment 1: one transaction, 1 step",
        "BEGIN;",
        "",
        "-- step 1: crm:a1 create customers (modules/crm/a1.py:9)",
        'CREATE SCHEMA IF NOT EXISTS "crm";',
        (
            'CREATE TABLE IF NOT EXISTS "crm"."alembic_version" (version_num varchar(255) NOT NULL,'
            ' CONSTRAINT "alembic_version_pkc" PRIMARY KEY (version_num));'
        ),
        'SET LOCAL search_path = "crm", "public";',
        "CREATE TABLE customers (id int);",
        "RESET search_path;",
        """INSERT INTO "crm"."alembic_version" (version_num) VALUES ('a1');""",
        "",
        "COMMIT;",
    ]


def test_statements_of_an_autocommit_block_stand_outside_of_a_transaction() -> None:
    lone = step(1, "crm:a1", transactional=False)
    statements = (
        Statement(sql="ALTER TABLE t ADD c int"),
        Statement(sql="CREATE INDEX CONCURRENTLY i ON t (c)", autocommit=True),
        Statement(sql="UPDATE t SET c = 1"),
    )
    lines = plan_sql(plan([lone]), [known(lone, *statements, owner="crm_owner")]).splitlines()
    at = lines.index("CREATE INDEX CONCURRENTLY i ON t (c);")
    assert lines[at - 3 : at] == [
        "COMMIT;",
        'SET SESSION search_path = "crm", "public";',
        'SET SESSION ROLE "crm_owner";',
    ]
    assert lines[at + 1 : at + 4] == ["RESET ROLE;", "RESET search_path;", "BEGIN;"]
    assert "UPDATE t SET c = 1;" in lines[at + 4 :]


def test_what_is_not_known_is_said_where_it_is_missing() -> None:
    first = step(1, "crm:a1")
    script = plan_sql(plan([first]), [known(first, unknown=("it asks the database at line 12",))])
    assert "-- NOT COMPLETE: it asks the database at line 12" in script


def test_a_comment_at_the_end_of_a_statement_does_not_swallow_its_semicolon() -> None:
    first = step(1, "crm:a1")
    script = plan_sql(
        plan([first]), [known(first, Statement(sql="SELECT 1 -- done;"), Statement(sql="SELECT 2;"))]
    )
    assert "SELECT 1 -- done\n;\nSELECT 2;\n" in script
    assert len(parse(script)) == 7


def test_a_message_cannot_leave_its_comment() -> None:
    first = step(1, "crm:a1", message="harmless\n; DROP TABLE crm.customers; --\r\n")
    script = plan_sql(plan([first]), [known(first)])
    assert not any(line.lstrip().startswith(";") or line.startswith("DROP") for line in script.splitlines())
    assert len(parse(script)) == 5


def test_no_step_is_said() -> None:
    assert "-- There is nothing to do." in plan_sql(None, ())
    assert "-- No plan: 1 pending revision cannot be planned as they are." in plan_sql(None, (), pending=1)


def test_names_and_texts_become_sql_only_quoted() -> None:
    assert sql_name('a"b', "c") == '"a""b"."c"'
    assert sql_text("it's") == "'it''s'"
    assert sql_text("back\\slash'") == "E'back\\\\slash'''"
    assert sql_comment("a\nb") == "-- a b"

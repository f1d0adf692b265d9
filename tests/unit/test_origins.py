"""From which other tables a function takes what it writes into one, by its SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.names import RevisionKey
from coordinator.planning.origins import brings_rows, origins_of, written_columns
from coordinator.revisions.effects import effects_of

if TYPE_CHECKING:
    from coordinator.model.effect import RevisionEffects

T = {("crm", "t")}


def said(*statements: str) -> RevisionEffects:
    """The effects of a function that sends each statement from a line of its own."""
    sent = tuple(Statement(sql=each, line=line) for line, each in enumerate(statements, start=1))
    return effects_of(
        Capture(key=RevisionKey("crm", "c1"), direction=Direction.DOWNGRADE, statements=sent), schema="crm"
    )


@pytest.mark.parametrize(
    ("statements", "origins", "columns", "rows"),
    [
        (("UPDATE t SET a = lower(a) WHERE id IN (SELECT id FROM t)",), set(), {"a"}, False),
        (
            ("UPDATE t SET a = o.a FROM o WHERE o.id = t.id", "UPDATE p SET a = q.a FROM q"),
            {"o"},
            {"a"},
            False,
        ),
        (
            ("CREATE TABLE m AS SELECT * FROM o", "UPDATE t SET a = (SELECT max(a) FROM m)"),
            {"m", "o"},
            {"a"},
            False,
        ),
        (("CREATE VIEW v AS SELECT * FROM o", "INSERT INTO t SELECT * FROM v"), {"v", "o"}, None, True),
        (("CREATE TABLE t AS SELECT * FROM o",), {"o"}, None, True),
        (("ALTER TABLE o RENAME TO t",), {"o"}, None, True),
        (("ALTER TABLE t RENAME b TO a", "UPDATE t SET a = o.a FROM o"), {"o"}, None, False),
        (("CREATE TABLE t (id int REFERENCES o)", "INSERT INTO t (id) VALUES (1)"), set(), {"id"}, True),
        (("DELETE FROM t WHERE id IN (SELECT id FROM o)",), {"o"}, set(), False),
        (("ALTER TABLE t ALTER a TYPE text",), set(), set(), False),
    ],
)
def test_what_a_function_fills_a_table_from(
    statements: tuple[str, ...], origins: set[str], columns: set[str] | None, rows: bool
) -> None:
    effects = said(*statements)
    assert {name for _, name in origins_of(effects, T)} == origins
    assert written_columns(effects, T) == columns
    assert brings_rows(effects, T) is rows

"""From which other tables a function takes what it writes into one, by its SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.catalog import Address, Catalog
from coordinator.model.names import RevisionKey
from coordinator.planning.kin import kin_of
from coordinator.planning.origins import brings_rows, names_say_all, origins_of, written_columns
from coordinator.revisions.effects import effects_of

if TYPE_CHECKING:
    from coordinator.model.effect import RevisionEffects

T = {("crm", "t")}
# part is a partition of t, and t of r; v is a view.
HERE = Catalog(
    definitions={
        **{Address("table", "crm", each): "owner me" for each in ("r", "o", "q", "m")},
        Address("table", "crm", "t"): "owner me\nchild of crm.r\nDEFAULT",
        Address("table", "crm", "part"): "owner me\nchild of crm.t\nDEFAULT",
        Address("view", "crm", "v"): "owner me",
    }
)


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
        (("CREATE TABLE t (LIKE o)", "CREATE INDEX ON q (a)"), set(), set(), False),
        (("CREATE TABLE t PARTITION OF o DEFAULT", "CREATE TABLE p2 () INHERITS (q)"), set(), set(), False),
        (("CREATE TABLE t AS SELECT * FROM o WITH NO DATA",), set(), set(), False),
        (("INSERT INTO r SELECT * FROM o",), {"o"}, None, True),
        (("UPDATE part SET a = o.a FROM o",), {"o"}, {"a"}, False),
        (("MERGE INTO r USING o ON o.id = r.id WHEN NOT MATCHED THEN DO NOTHING",), {"o"}, None, True),
        (("ALTER TABLE t ATTACH PARTITION o DEFAULT",), {"o"}, None, True),
        (("ALTER TABLE r ATTACH PARTITION o DEFAULT",), {"o"}, set(), False),
        (
            (
                "CREATE TABLE n (LIKE t)",
                "INSERT INTO n SELECT * FROM o",
                "ALTER TABLE t ATTACH PARTITION n DEFAULT",
            ),
            {"o"},
            None,
            True,
        ),
    ],
)
def test_what_a_function_fills_a_table_from(
    statements: tuple[str, ...], origins: set[str], columns: set[str] | None, rows: bool
) -> None:
    effects = said(*statements)
    kin = kin_of(effects, HERE)
    assert {name for _, name in origins_of(effects, T, kin)} == origins
    assert written_columns(effects, T, kin) == columns
    assert brings_rows(effects, T, kin) is rows


@pytest.mark.parametrize(
    ("statements", "sure"),
    [
        (("UPDATE t SET a = o.a FROM o",), True),
        (("UPDATE t SET a = v.a FROM v",), True),
        (("CREATE TABLE n AS SELECT * FROM o", "INSERT INTO t SELECT * FROM n"), True),
        (("ALTER TABLE o RENAME TO n", "INSERT INTO t SELECT * FROM n"), True),
        (("UPDATE v SET a = o.a FROM o",), False),
        (("CREATE VIEW n AS SELECT * FROM t", "INSERT INTO n SELECT * FROM o"), False),
        (("CREATE TEMP TABLE n AS SELECT * FROM o", "UPDATE t SET a = n.a FROM n"), False),
        (("UPDATE elsewhere SET a = o.a FROM o",), False),
        (("UPDATE t SET a = e.a FROM elsewhere AS e",), False),
    ],
)
def test_whether_names_say_all(statements: tuple[str, ...], sure: bool) -> None:
    """A name that is not there is one of another schema on the search path."""
    assert names_say_all(said(*statements), HERE) is sure

"""What is shown of other sessions' queries, and how long a run is patient."""

from __future__ import annotations

import pytest

from coordinator.execution.patience import Patience
from coordinator.model.waiting import Blocker, span
from coordinator.sql.shown import without_values


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("SELECT *\n  FROM crm.customers WHERE id = 4711", "SELECT * FROM crm.customers WHERE id = …"),
        ("UPDATE t SET a = 'it''s secret', b = $$also$$ -- note", "UPDATE t SET a = …, b = …"),
        ("SELECT E'a\\'secret', n1 FROM t2", "SELECT …, n1 FROM t2"),
        ("INSERT INTO t VALUES ('cut off by the ser", "INSERT INTO t VALUES (…"),
        ('SELECT 1.5e-7, .5, "it\'s 4 me"', 'SELECT …, …, "it\'s 4 me"'),
        ("SET my.password = hunter2", "SET my.password = …"),
        ("SELECT 'a\\' OR name = secret", "SELECT …"),
        ("SELECT $1, $2", "SELECT $1, $2"),
        ("UPDATE t SET a = b; SET x.y = z, secret; SELECT c", "UPDATE t SET a = b; SET x.y = …; SELECT c"),
        ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", "ALTER TABLE t ALTER COLUMN a SET NOT NULL"),
        ("GRANT EXECUTE ON FUNCTION f(integer) TO a", "GRANT EXECUTE ON FUNCTION f(integer) TO a"),
        ("CREATE TRIGGER a EXECUTE FUNCTION f(b)", "CREATE TRIGGER a EXECUTE FUNCTION f(b)"),
    ],
)
def test_a_query_is_shown_without_its_values(query: str, shown: str) -> None:
    assert without_values(query) == shown


def test_a_long_query_is_cut() -> None:
    shown = without_values("SELECT " + ", ".join(f"column_{name}" for name in "abcdefghijklmnop"), limit=40)
    assert len(shown) <= 40
    assert shown.endswith("…")


def test_pauses_grow_and_end_with_the_patience() -> None:
    patient = Patience(1000.0)
    pauses = [patient.next_pause() for _ in range(12)]
    assert all(pause is not None and pause <= 15 for pause in pauses)
    assert (pauses[0] or 0) < (pauses[-1] or 0)
    other = Patience(1000.0)
    assert [other.next_pause() for _ in range(12)] != pauses, "two runs would meet again and again"
    assert Patience(0.0).next_pause() is None


def test_what_our_role_may_not_see_of_a_blocker_is_said() -> None:
    hidden = Blocker(pid=7, user="app", application="web", state="", age=None, query="")
    assert str(hidden) == "pid 7 (web of app, doing what our role may not see)"
    assert "prepared transaction" in str(
        Blocker(pid=0, user="", application="", state="", age=None, query="")
    )
    assert (span(12.3), span(300.0), span(9000.0)) == ("12 s", "5 min", "2.5 h")

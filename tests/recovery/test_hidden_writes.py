"""Half done steps that write by more than their SQL says: nobody claims that rows are as they were when they may not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.recovery.test_half_done import SLEEP, in_block, kill_asleep, values
from tests.recovery.test_lone_steps import UNREHEARSED, execute, write

if TYPE_CHECKING:
    from tests.failures.site import Site

COLUMN, NO_COLUMN = execute("ALTER TABLE t ADD COLUMN c int"), execute("ALTER TABLE t DROP COLUMN c")
BUILD, DROP = execute("CREATE INDEX CONCURRENTLY ix ON t (b)"), execute("DROP INDEX IF EXISTS crm.ix")
SHIFT = (
    "CREATE FUNCTION crm.shift(int) RETURNS void LANGUAGE sql AS 'UPDATE crm.t SET b = b + $1';"
    "CREATE FUNCTION crm.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';"
)
STAMP = (
    "CREATE FUNCTION crm.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.b := NEW.b + 10; RETURN NEW; END';"
    "CREATE TRIGGER stamp BEFORE UPDATE ON crm.t FOR EACH ROW EXECUTE FUNCTION crm.stamp();"
)
MAYBE = "it may have changed rows, which nothing here can tell or take back"


@pytest.mark.parametrize(
    ("prepared", "up", "down", "told"),
    [
        pytest.param(
            SHIFT,
            (COLUMN, in_block(BUILD, SLEEP), execute("SELECT crm.shift(10)")),
            (execute("SELECT crm.shift(-10)"), DROP, NO_COLUMN),
            "its downgrade() calls function 'shift', which may change rows",
            id="its downgrade calls a function",
        ),
        pytest.param(
            SHIFT, (execute("SELECT crm.shift(10)"), in_block(BUILD, SLEEP)), (DROP,), MAYBE, id="its upgrade"
        ),
        pytest.param(
            "",
            (*map(execute, SHIFT.split(";")[:1]), execute("SELECT crm.shift(10)"), in_block(BUILD, SLEEP)),
            (DROP, execute("DROP FUNCTION crm.shift")),
            MAYBE,
            id="one that it makes",
        ),
        pytest.param(
            STAMP,
            (COLUMN, execute("UPDATE t SET c = a"), in_block(BUILD, SLEEP)),
            (DROP, NO_COLUMN),
            MAYBE,
            id="a trigger",
        ),
    ],
)
def test_what_a_function_or_a_trigger_may_have_written_is_never_called_taken_back(
    site: Site, prepared: str, up: tuple[str, ...], down: tuple[str, ...], told: str
) -> None:
    write(site, up, down)
    site.execute(prepared or "SELECT")
    kill_asleep(site, *UNREHEARSED)
    cut_off = values(site)
    ended = site.migrate("recover", "--abort")
    assert ended.code == 4, ended.err
    assert f"crm:a1 was cut off half way and cannot be taken back: {told}" in ended.said
    assert values(site) == cut_off


def test_a_function_that_cannot_write_is_in_nobodys_way(site: Site) -> None:
    """PostgreSQL's own, and one that is immutable."""
    write(
        site,
        (
            COLUMN,
            execute("SELECT crm.twice(a), lower('A'), count(*) OVER () FROM t"),
            in_block(execute("CREATE INDEX CONCURRENTLY ix ON t (crm.twice(b))"), SLEEP),
        ),
        (execute("SELECT crm.twice(a) FROM t"), DROP, NO_COLUMN),
    )
    site.execute(SHIFT)
    before = site.picture()
    kill_asleep(site, *UNREHEARSED)
    ended = site.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert site.picture() == before

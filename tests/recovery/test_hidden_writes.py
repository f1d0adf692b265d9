"""Half done steps that write by more than their SQL says: nobody claims that rows are as they were when they may not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.ledger.lock import KEY
from tests.failures.shop import LOCK_HOLDER
from tests.recovery.test_half_done import SLEEP, in_block, kill_asleep, values
from tests.recovery.test_lone_steps import SLEEPER, UNREHEARSED, execute, write

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


INSERT = "INSERT INTO auth.permissions VALUES (1)"
GRANT = f"CREATE FUNCTION crm.permit() RETURNS void LANGUAGE sql AS '{INSERT}'"
UNIQUE = execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)")
NOBODY_COMPARED = "the run has changed rows of auth.permissions, which nobody compared"


@pytest.mark.parametrize(
    ("up", "touches", "told"),
    [
        pytest.param(
            (execute(INSERT), in_block(UNIQUE)), ["auth"], "rows differ in auth.permissions", id="said"
        ),
        pytest.param((execute(INSERT), in_block(UNIQUE)), [], NOBODY_COMPARED, id="unsaid"),
        pytest.param((in_block(execute(INSERT), UNIQUE),), [], NOBODY_COMPARED, id="in the block"),
        pytest.param(
            (execute("SELECT crm.permit()"), in_block(UNIQUE)), [], NOBODY_COMPARED, id="by a function"
        ),
        pytest.param(
            (in_block(execute("SELECT crm.permit()"), UNIQUE),),
            [],
            "ran code in an autocommit block that may have changed rows of other modules",
            id="by a function in the block",
        ),
    ],
)
def test_rows_of_another_module_that_a_half_done_step_has_written_are_never_called_as_before(
    site: Site, up: tuple[str, ...], touches: list[str], told: str
) -> None:
    """The index cannot be built on the target's rows."""
    write(site, up, (DROP,), touches=touches)
    site.execute(f"CREATE SCHEMA auth; CREATE TABLE auth.permissions (a int); {GRANT}")
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 4, ended.err
    assert told in ended.said
    assert site.value("SELECT count(*) FROM auth.permissions") == 1
    assert site.migrate("recover", "--abort").code == 4


def test_rows_of_ones_own_are_compared_also_where_the_block_reaches_them_by_another_name(site: Site) -> None:
    """A partitioned table by itself and through a view."""
    add, drop = execute("ALTER TABLE p ADD COLUMN c int"), execute("ALTER TABLE p DROP COLUMN c")
    block = in_block(execute("UPDATE p SET c = 1"), execute("INSERT INTO few VALUES (2, 2)"))
    write(site, (add, block), (execute("DELETE FROM p WHERE a = 2"), drop))
    write(site, (execute("SELECT 1/0"),), (), "a2", after="a1")
    site.execute(
        "CREATE TABLE crm.p (a int PRIMARY KEY, b int) PARTITION BY RANGE (a);"
        "CREATE TABLE crm.p1 PARTITION OF crm.p FOR VALUES FROM (0) TO (5); INSERT INTO crm.p VALUES (1, 0);"
        "CREATE VIEW crm.few AS SELECT a, b FROM crm.p WHERE a < 3"
    )
    before = site.picture()
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 3, ended.err
    assert site.picture() == before


def test_rows_that_another_modules_trigger_has_written_in_a_committed_step_are_told(site: Site) -> None:
    write(site, (execute("INSERT INTO t VALUES (9, 9)"),), (execute("DELETE FROM t WHERE a = 9"),))
    write(site, (execute("SELECT 1/0"),), (), "a2", after="a1")
    site.execute(
        "CREATE SCHEMA auth; CREATE TABLE auth.permissions (a int);"
        f"CREATE FUNCTION crm.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {INSERT}; RETURN NEW; END';"
        "CREATE TRIGGER note AFTER INSERT ON crm.t FOR EACH ROW EXECUTE FUNCTION crm.note()"
    )
    ended = site.migrate(*UNREHEARSED, "--atomic", "step")
    assert ended.code == 4, ended.err
    assert NOBODY_COMPARED in ended.said
    assert values(site) == (1, 2)


def test_a_half_done_step_whose_lock_is_gone_is_not_as_before_where_rows_are_not_compared(site: Site) -> None:
    """There are more rows than are compared, as far as the server knows, and nothing shows in the catalog."""
    write(site, (execute("SELECT 1"),), ())
    assert site.migrate(*UNREHEARSED).code == 0
    asleep = in_block(execute("SELECT pg_sleep(2)"), UNIQUE)
    write(site, (execute("INSERT INTO t VALUES (9, 9)"), asleep), (), "a2", after="a1")
    site.execute(
        "ALTER TABLE crm.t SET (autovacuum_enabled = off);"
        "UPDATE pg_class SET reltuples = 2e6 WHERE oid = 'crm.t'::regclass"
    )
    with site.session() as other, site.running(*UNREHEARSED) as process:
        site.await_value(SLEEPER)
        other.execute(f"SELECT pg_terminate_backend(({LOCK_HOLDER})); SELECT pg_advisory_lock({KEY})")
        ended = site.end(process)
    assert ended.code == 4, ended.err
    assert "crm:a2 is half done" in ended.said
    assert "it was not taken back: that could not be tried" in ended.said

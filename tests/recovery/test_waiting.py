"""Recoveries that meet somebody who is in their way: they wait as long as a run does, say for whom, and go on later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.recovery.test_half_done import ROLLBACK, SLEEP, awake, in_block, kill_asleep
from tests.recovery.test_lone_steps import UNREHEARSED, execute, write

if TYPE_CHECKING:
    from tests.failures.site import Site

SHORT = {"MIGRATE_LOCK_WAIT": "300ms", "MIGRATE_LOCK_PATIENCE": "1s"}
BUILD = execute("CREATE INDEX CONCURRENTLY ix ON t (b)")
DROP = execute("DROP INDEX CONCURRENTLY crm.ix")
CASES = {
    "a drop of what it built": ((in_block(BUILD, SLEEP),), (in_block(DROP),), ""),
    "its downgrade": ((in_block(DROP, SLEEP),), (in_block(BUILD),), "CREATE INDEX ix ON crm.t (b)"),
}


@pytest.mark.parametrize("how", ["--abort", "--resume"])
@pytest.mark.parametrize("case", CASES)
def test_a_reader_in_the_way_of_what_takes_away_a_half_done_step_is_named(
    site: Site, case: str, how: str
) -> None:
    up, down, older = CASES[case]
    write(site, up, down)
    if older:
        site.execute(older)
    before = site.picture()
    kill_asleep(site, *UNREHEARSED)
    with site.session() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM crm.t")
        pid = reader.pid_when_open
        ended = site.migrate("recover", how, environment=SHORT)
        assert ended.code == 4, ended.err
        assert f"held by pid {pid} (test of" in ended.said, ended.err
        assert "what is left of crm:a1 could not be taken away: it did not get a lock on" in ended.said
        assert "the same `migrate recover` goes on from there" in ended.said
        assert site.value("SELECT status FROM migrate.run WHERE number = 1") in ("running", "unsettled")
        assert site.migrate(*UNREHEARSED).code == 4
        reader.execute("ROLLBACK")
    again = site.migrate("recover", how)
    assert again.code == 0, again.err
    assert "stays as it is" not in again.said
    assert site.picture().rows["crm", "t"] == before.rows["crm", "t"]
    if how == "--abort":
        assert site.picture() == before


def test_a_reader_in_the_way_of_what_was_made_for_a_module_is_named(site: Site) -> None:
    write(site, (in_block(BUILD, SLEEP),), (in_block(DROP),))
    before = site.picture()
    kill_asleep(site, *UNREHEARSED)
    with site.session() as reader:
        reader.execute("BEGIN; SELECT FROM crm.alembic_version")
        ended = site.migrate("recover", "--abort", environment=SHORT)
        assert ended.code == 4, ended.err
        assert "what is left of module 'crm' could not be taken away: it did not get a lock on" in ended.said
        assert f"crm.alembic_version, held by pid {reader.pid_when_open}" in ended.said
        reader.execute("ROLLBACK")
    again = site.migrate("recover", "--abort")
    assert again.code == 0, again.err
    assert site.picture() == before


def test_a_lock_in_the_way_of_a_cut_off_downgrade_does_not_settle_it(site: Site) -> None:
    """Else the next rollback would begin at the top and take the rows down once more."""
    write(
        site,
        (execute("UPDATE t SET b = b + 10"), execute("ALTER TABLE t ADD COLUMN c int")),
        (
            execute("UPDATE t SET b = b - 10"),
            in_block(execute("SELECT 1"), SLEEP),
            execute("ALTER TABLE t DROP COLUMN c"),
        ),
    )
    assert site.migrate(*UNREHEARSED).code == 0
    kill_asleep(site, *ROLLBACK)
    awake(site)
    values = "SELECT b FROM crm.t ORDER BY b"
    assert site.rows(values) == ((1,), (2,))
    with site.session() as reader:
        reader.execute("BEGIN; SELECT FROM crm.t")
        ended = site.migrate("recover", "--resume", environment=SHORT)
        assert ended.code == 4, ended.err
        assert f"held by pid {reader.pid_when_open}" in ended.said, ended.err
        assert "`migrate recover --resume` goes on from there" in ended.said
        refused = site.migrate(*ROLLBACK[:-2])
        assert refused.code == 4, refused.err
        reader.execute("ROLLBACK")
    again = site.migrate("recover", "--resume")
    assert again.code == 0, again.err
    assert site.rows(values) == ((1,), (2,))
    assert "crm     0/1" in site.migrate("status").out


def test_who_holds_the_table_that_is_looked_into_for_rows_that_came_since_is_named(site: Site) -> None:
    write(
        site,
        (execute("ALTER TABLE t ADD COLUMN c int"), in_block(BUILD, SLEEP)),
        (in_block(DROP), execute("ALTER TABLE t DROP COLUMN c")),
    )
    before = site.picture()
    kill_asleep(site, *UNREHEARSED)
    with site.session() as other:
        other.execute("BEGIN; LOCK TABLE crm.t")
        ended = site.migrate("recover", "--abort", environment=SHORT)
        assert ended.code == 4, ended.err
        assert "what is left of crm:a1 could not be taken away: it did not get a lock on" in ended.said
        assert f"crm.t, held by pid {other.pid_when_open}" in ended.said
        other.execute("ROLLBACK")
    again = site.migrate("recover", "--abort")
    assert again.code == 0, again.err
    assert site.picture() == before

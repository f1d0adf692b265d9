"""Steps that commit statement by statement: before them, when they fail half way, and when they are killed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

UNREHEARSED = ("all-modules", "--staging", "off")
TABLE = "CREATE SCHEMA crm; CREATE TABLE crm.t (a int, b int); INSERT INTO crm.t VALUES (1, 1), (1, 2)"
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
BLOCK = "with op.get_context().autocommit_block():\n    "
# The server process that sleeps in a step.
SLEEPER = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
    " AND application_name LIKE 'migrate:%' AND query LIKE '%pg_sleep(%' AND query NOT LIKE '%pg_stat_activity%'"
)


def execute(sql: str, *, alone: bool = False) -> str:
    """A line of a revision."""
    return f"{BLOCK if alone else ''}op.execute({sql!r})"


def write(site: Site, up: tuple[str, ...], down: tuple[str, ...], revision: str = "a1", **names: Any) -> None:
    """A revision of crm, whose table has two rows with the same `a`."""
    if not (site.root / "pyproject.toml").exists():
        site.execute(TABLE)
        project(site.root, modules=("crm",))
    versions = versions_of(site.root, "crm")
    write_revision(versions, revision, upgrade="\n".join(up), downgrade="\n".join(down) or "pass", **names)


def leave_invalid(site: Site, name: str = "ix") -> None:
    """What a concurrent build leaves that failed by itself."""
    with site.session() as session, pytest.raises(Exception, match="could not create unique index"):
        session.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON crm.t (a)")
    assert site.value(INVALID) == 1


@pytest.mark.parametrize("alone", [True, False])
def test_an_invalid_index_is_dropped_and_rebuilt_although_the_revision_says_if_not_exists(
    site: Site, alone: bool
) -> None:
    how = " CONCURRENTLY" if alone else ""
    write(
        site,
        (execute(f"CREATE INDEX{how} IF NOT EXISTS ix ON t (a)", alone=alone),),
        (execute(f"DROP INDEX{how} crm.ix", alone=alone),),
    )
    leave_invalid(site)
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err
    assert site.value(INVALID) == 0
    assert not site.value("SELECT indisunique FROM pg_index WHERE indexrelid = 'crm.ix'::regclass")


def test_an_invalid_index_that_stays_is_not_accepted(site: Site) -> None:
    """Nothing can be dropped in its way: an index of that name is on another table."""
    write(site, (execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON other (a)", alone=True),), ())
    site.execute("CREATE TABLE crm.other (a int)")
    leave_invalid(site)
    before = site.picture()
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 3, ended.err
    assert "index 'crm.ix' is there and invalid: its build did not end" in ended.said
    assert site.picture() == before


def test_a_failed_build_leaves_nothing_and_the_next_run_builds_it(site: Site) -> None:
    write(
        site,
        (execute("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON t (a)", alone=True),),
        (execute("DROP INDEX CONCURRENTLY crm.ix", alone=True),),
    )
    before = site.picture()
    assert site.migrate(*UNREHEARSED).code == 3
    assert site.picture() == before
    site.execute("DELETE FROM crm.t WHERE b = 2")
    ended = site.migrate(*UNREHEARSED, "--retry")
    assert ended.code == 0, ended.err
    assert site.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.ix'::regclass")


COLUMN_THEN_INDEX = (
    (
        execute("ALTER TABLE t ADD COLUMN c int"),
        execute("ALTER TABLE t ALTER COLUMN b SET NOT NULL"),
        execute("UPDATE t SET c = a"),
        execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (c)", alone=True),
        execute("CREATE INDEX CONCURRENTLY iy ON t (c)", alone=True),
    ),
    (
        execute("DROP INDEX CONCURRENTLY iy", alone=True),
        execute("DROP INDEX CONCURRENTLY ix", alone=True),
        execute("ALTER TABLE t ALTER COLUMN b DROP NOT NULL"),
        execute("ALTER TABLE t DROP COLUMN c"),
    ),
)


def test_what_was_committed_before_a_build_failed_is_taken_back_by_the_downgrade(site: Site) -> None:
    """The second index was never built, so the downgrade's DROP INDEX of it is passed over."""
    write(site, *COLUMN_THEN_INDEX)
    before = site.picture()
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 3, ended.err
    assert site.picture() == before
    site.execute("DELETE FROM crm.t WHERE b = 2")
    assert site.migrate(*UNREHEARSED, "--retry").code == 0


def test_a_downgrade_that_might_destroy_what_was_there_before_is_not_run(site: Site) -> None:
    """The table is there already, so the upgrade fails; its downgrade would drop that older table."""
    write(
        site,
        (
            execute("CREATE VIEW v AS SELECT a FROM t"),
            execute("CREATE INDEX CONCURRENTLY ix ON t (b)", alone=True),
            execute("CREATE TABLE older (a int)"),
        ),
        (execute("DROP TABLE older"), execute("DROP INDEX crm.ix"), execute("DROP VIEW v")),
    )
    site.execute("CREATE TABLE crm.older (a int); INSERT INTO crm.older VALUES (1)")
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 4, ended.err
    assert "view crm.v was not there before" in ended.said
    assert "it was not taken back: relation 'crm.older' was there before the step" in ended.said
    assert (
        max(
            len(line)
            for line in ended.err.splitlines()
            if "target:" not in line and "on postgres" not in line
        )
        <= 80
    )
    assert site.value("SELECT count(*) FROM crm.older") == 1

    refused = site.migrate("recover", "--abort")
    assert refused.code == 4, refused.err
    assert "crm:a1 was cut off half way and cannot be taken back" in refused.said
    assert "relation 'crm.v'" in refused.said
    assert site.value("SELECT count(*) FROM crm.older") == 1
    site.execute("DROP VIEW crm.v")
    again = site.migrate("recover", "--abort")
    assert again.code == 0, again.err
    assert site.migrate("recover").code == 0


def test_rows_that_a_half_done_step_wrote_are_told_when_nothing_can_take_them_back(site: Site) -> None:
    write(
        site,
        (
            execute("UPDATE t SET b = b + 10"),
            execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)", alone=True),
        ),
        (execute("DROP INDEX CONCURRENTLY crm.ix", alone=True), execute("UPDATE t SET b = b - 10")),
    )
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 4, ended.err
    assert "rows differ in crm.t" in ended.said
    assert site.value(INVALID) == 0


@pytest.mark.parametrize("how", ["--abort", "--resume"])
def test_a_step_that_was_killed_half_way_is_brought_to_one_side(site: Site, how: str) -> None:
    write(
        site,
        (
            execute("ALTER TABLE t ADD COLUMN c int"),
            f"{BLOCK}op.execute('CREATE INDEX CONCURRENTLY ix ON t (b)'); op.execute('SELECT pg_sleep(60)')",
        ),
        (execute("DROP INDEX CONCURRENTLY ix", alone=True), execute("ALTER TABLE t DROP COLUMN c")),
    )
    before = site.picture()
    with site.running(*UNREHEARSED) as process:
        site.await_value(SLEEPER)
        process.kill()
        process.communicate()
    refused = site.migrate(*UNREHEARSED)
    assert refused.code == 4, refused.err
    assert "crm:a1, which commits statement by statement and may be half done" in refused.said
    explained = site.migrate("recover")
    said = " ".join(explained.out.split())
    assert explained.code == 4
    assert "half done crm:a1 in its upgrade(): column 'crm.t.c', index 'crm.ix' of it is there" in said
    assert "next: `migrate recover --abort`" in said

    ended = site.migrate("recover", how)
    assert ended.code == 0, ended.err
    if how == "--abort":
        assert site.picture() == before
    else:  # the version table that the run made stays, empty
        assert site.picture().rows["crm", "t"] == before.rows["crm", "t"]
        assert not site.value("SELECT EXISTS (SELECT FROM pg_attribute WHERE attname = 'c' AND attnum > 0)")
        assert site.value("SELECT to_regclass('crm.ix') IS NULL")
    file = site.root / site.file("crm", "a1")
    file.write_text(file.read_text().replace("pg_sleep(60)", "1"))
    done = site.migrate(*UNREHEARSED)
    assert done.code == 0, done.err


def test_a_step_that_was_killed_before_its_first_commit_left_nothing(site: Site) -> None:
    write(
        site,
        (
            execute("ALTER TABLE t ADD COLUMN c int"),
            execute("SELECT pg_sleep(60)"),
            execute("CREATE INDEX CONCURRENTLY ix ON t (b)", alone=True),
        ),
        (),
    )
    before = site.picture()
    with site.running(*UNREHEARSED) as process:
        site.await_value(SLEEPER)
        process.kill()
        process.communicate()
    file = site.root / site.file("crm", "a1")
    file.write_text(file.read_text().replace("pg_sleep(60)", "1"))
    assert site.picture().rows == before.rows
    done = site.migrate(*UNREHEARSED)
    assert done.code == 0, done.err
    assert site.value("SELECT status FROM migrate.run WHERE number = 1") == "reversed"


def test_no_connection_of_ours_holds_a_snapshot_while_an_index_is_built(site: Site) -> None:
    """A foreign transaction makes the build wait; meanwhile the others of ours are looked at again and again.

    One of them is a second runner that waits for the first.
    """
    write(
        site,
        (execute("CREATE INDEX CONCURRENTLY ix ON t (b)", alone=True),),
        (execute("DROP INDEX CONCURRENTLY crm.ix", alone=True),),
    )
    with site.session() as foreign:
        foreign.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        with site.running(*UNREHEARSED) as process, site.running(*UNREHEARSED) as waiter:
            site.await_value(
                "SELECT pid FROM pg_stat_progress_create_index"
                " WHERE datname = current_database() AND phase LIKE 'waiting for%'"
            )
            site.await_value(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'migrate:waiting' AND query LIKE '%pg_locks%'"  # it looks who has it
            )
            held = 0
            for _ in range(20):
                held += site.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'active'"
                    " AND application_name LIKE 'migrate:%' AND backend_xmin IS NOT NULL"
                )
            foreign.execute("ROLLBACK")
            ended, waited = sorted(
                map(site.end, (process, waiter)), key=lambda each: "nothing to do" in each.said
            )
    assert held == 0
    assert ended.code == 0, ended.err
    assert "1 step applied" in ended.said
    assert waited.code == 0, waited.err
    assert "nothing to do" in waited.said

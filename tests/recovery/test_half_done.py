"""Steps that were cut off while they committed statement by statement: nothing is done twice, nothing of others is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.recovery.test_lone_steps import BLOCK, SLEEPER, UNREHEARSED, execute, write
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

ROLLBACK = ("rollback", "crm", "--staging", "off", "--yes", "--run", "1")
SLEEP = "op.execute('SELECT pg_sleep(60)')"
INDEXES = "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'crm'::regnamespace AND c.relkind IN ('i', 'I') ORDER BY 1"
OWN = "alembic_version_pkc"
NOBODY = (
    "SELECT true WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'migrate:%')"
)


def in_block(*lines: str) -> str:
    """One autocommit block of a revision."""
    return BLOCK + "; ".join(lines)


def kill_asleep(site: Site, *words: str) -> None:
    """Kill the command while its step sleeps, and wait until the server has noticed."""
    with site.running(*words) as process:
        site.await_value(SLEEPER)
        process.kill()
        process.communicate()
    site.await_value(NOBODY)


def awake(site: Site, revision: str = "a1") -> None:
    """The revision's file, mended so that nobody sleeps in it any more."""
    file = site.root / site.file("crm", revision)
    file.write_text(file.read_text().replace(SLEEP, "pass", 1))


def values(site: Site) -> tuple[int, ...]:
    return tuple(row[0] for row in site.rows("SELECT b FROM crm.t ORDER BY b"))


UP = (
    execute("UPDATE t SET b = b + 10"),
    execute("CREATE INDEX CONCURRENTLY ix ON t (b)", alone=True),
    execute("UPDATE t SET b = b * 2"),
    execute("CREATE INDEX CONCURRENTLY iy ON t (b)", alone=True),
)
DOWN = (
    in_block(execute("DROP INDEX CONCURRENTLY crm.iy"), SLEEP),
    execute("UPDATE t SET b = b / 2"),
    in_block(execute("DROP INDEX CONCURRENTLY crm.ix"), SLEEP),
    execute("UPDATE t SET b = b - 10"),
)


@pytest.mark.parametrize("how", ["--resume", "--abort"])
def test_rows_that_a_cut_off_downgrade_has_changed_are_changed_once(site: Site, how: str) -> None:
    """It is killed in its first block, and the recovery in the second; then back and forward again."""
    write(site, UP, DOWN)
    assert site.migrate(*UNREHEARSED).code == 0
    assert values(site) == (22, 24)
    kill_asleep(site, *ROLLBACK)
    awake(site)
    kill_asleep(site, "recover", how)
    assert values(site) == (11, 12)
    awake(site)
    ended = site.migrate("recover", how)
    assert ended.code == 0, ended.err
    assert values(site) == ((1, 2) if how == "--resume" else (22, 24))
    if how == "--resume":
        assert site.migrate("release", "--all").code == 0
        assert site.migrate(*UNREHEARSED).code == 0
    assert values(site) == (22, 24)
    assert site.rows(INDEXES) == ((OWN,), ("ix",), ("iy",))
    assert site.migrate("rollback", "crm", "--to", "base", "--staging", "off", "--yes").code == 0
    assert values(site) == (1, 2)


def test_the_advised_abort_of_a_downgrade_that_failed_half_way_leaves_the_rows_as_they_were(
    site: Site,
) -> None:
    write(
        site,
        UP[:2],
        (
            execute("UPDATE t SET b = b - 10"),
            in_block(*map(execute, ("DROP INDEX CONCURRENTLY crm.ix", "DROP INDEX CONCURRENTLY crm.other"))),
        ),
    )
    assert site.migrate(*UNREHEARSED).code == 0
    failed = site.migrate(*ROLLBACK)
    assert failed.code == 4
    assert "`migrate recover --abort` goes on" in failed.said
    assert values(site) == (1, 2)
    ended = site.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert values(site) == (11, 12)
    assert "crm     1/1      a1     up to date" in site.migrate("status").out


def test_a_write_of_which_nobody_knows_whether_it_is_in_is_not_sent_again(site: Site) -> None:
    """It is shown as its author wrote it, without the values that he bound."""
    bound = "op.get_bind().execute(sa.text('UPDATE t SET b = b - :by'), {'by': 10})"
    write(site, UP[:2], (in_block(bound, SLEEP), execute("DROP INDEX crm.ix")))
    assert site.migrate(*UNREHEARSED).code == 0
    kill_asleep(site, *ROLLBACK)
    assert values(site) == (1, 2)
    awake(site)
    ended = site.migrate("recover", "--abort")
    assert ended.code == 4
    assert "crm:a1 was cut off in its downgrade(): nobody knows whether this statement is in" in ended.said
    assert "at: UPDATE t SET b = b - %(by)s" in ended.said
    assert "finish it by hand from there" in ended.said
    assert values(site) == (1, 2)
    kept = site.migrate("recover", "--resume")
    assert kept.code == 0, kept.err
    assert "crm:a1 was cut off in its downgrade() and stays as it is" in " ".join(kept.out.split())
    assert values(site) == (1, 2)


def test_a_downgrade_that_does_not_send_what_it_had_sent_is_not_gone_on_with(site: Site) -> None:
    write(site, UP[:2], (execute("UPDATE t SET b = b - 10"), in_block(execute("DROP INDEX crm.ix"), SLEEP)))
    assert site.migrate(*UNREHEARSED).code == 0
    kill_asleep(site, *ROLLBACK)
    awake(site)
    file = site.root / site.file("crm", "a1")
    file.write_text(file.read_text().replace("b - 10", "b - 11"))
    ended = site.migrate("recover", "--abort")
    assert ended.code == 4
    assert "it does not send the statements that it had sent before" in ended.said
    assert values(site) == (1, 2)
    file.write_text(file.read_text().replace("b - 11", "b - 10"))
    assert site.migrate("recover", "--abort").code == 0
    assert values(site) == (11, 12)


@pytest.mark.parametrize("how", ["fails", "killed"])
def test_an_abort_that_stopped_after_a_half_done_step_goes_on(site: Site, how: str) -> None:
    """What it took away of the half done step is written down, whatever it reversed after that."""
    stops = "raise RuntimeError('mend me')" if how == "fails" else SLEEP
    write(site, (execute("ALTER TABLE t ADD COLUMN c int"),), (stops, execute("ALTER TABLE t DROP COLUMN c")))
    write(
        site,
        (execute("ALTER TABLE t ADD COLUMN d int"),),
        (execute("ALTER TABLE t DROP COLUMN d"),),
        "a2",
        after="a1",
    )
    write(
        site,
        (
            execute("CREATE VIEW v AS SELECT a FROM t"),
            in_block(execute("CREATE INDEX CONCURRENTLY ix ON t (a)"), SLEEP),
        ),
        (execute("DROP INDEX CONCURRENTLY crm.ix", alone=True), execute("DROP VIEW v")),
        "a3",
        after="a2",
    )
    before = site.picture()
    kill_asleep(site, *UNREHEARSED, "--atomic", "step")
    if how == "fails":
        failed = site.migrate("recover", "--abort")
        assert failed.code == 4
        assert "mend me" in failed.said
    else:
        kill_asleep(site, "recover", "--abort")
    file = site.root / site.file("crm", "a1")
    file.write_text(file.read_text().replace(stops, "pass"))
    ended = site.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert site.picture() == before


@pytest.mark.parametrize("how", ["--abort", "--resume"])
def test_what_others_changed_since_is_not_in_the_way_of_a_recovery(site: Site, how: str) -> None:
    write(
        site,
        (
            execute("ALTER TABLE t ADD COLUMN c int"),
            in_block(execute("CREATE INDEX CONCURRENTLY ix ON t (c)"), SLEEP),
        ),
        (execute("DROP INDEX crm.ix"), execute("ALTER TABLE t DROP COLUMN c")),
    )
    kill_asleep(site, *UNREHEARSED)
    site.execute("CREATE TABLE public.unrelated (a int)")
    ended = site.migrate("recover", how)
    assert ended.code == 0, ended.err
    assert "stays as it is" not in ended.said
    assert (
        site.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'crm.t'::regclass AND attname = 'c'")
        == 0
    )


@pytest.mark.parametrize("how", ["--abort", "--resume"])
def test_rows_that_came_since_into_what_was_half_done_are_kept_and_come_back(site: Site, how: str) -> None:
    write(
        site,
        (
            execute("CREATE TABLE n (a int PRIMARY KEY)"),
            in_block(execute("CREATE INDEX CONCURRENTLY nix ON n (a)"), SLEEP),
        ),
        (execute("DROP TABLE n"),),
    )
    kill_asleep(site, *UNREHEARSED)
    site.execute("INSERT INTO crm.n SELECT generate_series(1, 1000)")
    ended = site.migrate("recover", how)
    assert ended.code == 0, ended.err
    assert "with it went 1000 rows of crm.n: they are kept" in " ".join(ended.out.split())
    assert site.value("SELECT to_regclass('crm.n')") is None
    awake(site)
    done = site.migrate(*UNREHEARSED)
    assert done.code == 0, done.err
    assert site.value("SELECT count(*) FROM crm.n") == 1000


ADDED = {
    "int": "7",
    "int DEFAULT 5": "7",
    "numeric(6, 2) NOT NULL DEFAULT 5": "7",
    "date DEFAULT now()": "'2000-01-01'",
}


@pytest.mark.parametrize("others", [False, True], ids=["as it was added", "all set alike"])
@pytest.mark.parametrize("shape", ADDED)
def test_what_others_have_set_alike_in_every_row_of_a_half_done_column_is_kept(
    site: Site, shape: str, others: bool
) -> None:
    write(
        site,
        (
            execute(f"ALTER TABLE t ADD COLUMN c {shape}"),
            in_block(execute("CREATE INDEX CONCURRENTLY ix ON t (c)"), SLEEP),
        ),
        (execute("DROP INDEX crm.ix"), execute("ALTER TABLE t DROP COLUMN c")),
    )
    kill_asleep(site, *UNREHEARSED)
    if others:
        site.execute(f"UPDATE crm.t SET c = {ADDED[shape]}")
    ended = site.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert ("of crm.t: they are kept" in " ".join(ended.out.split())) is others


def test_an_older_index_whose_name_is_that_of_a_new_column_stays(site: Site) -> None:
    write(
        site,
        (
            execute("ALTER TABLE t ADD COLUMN c int"),
            execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)", alone=True),
        ),
        (execute("DROP INDEX CONCURRENTLY IF EXISTS ix", alone=True), execute("ALTER TABLE t DROP COLUMN c")),
    )
    site.execute("CREATE INDEX c ON crm.t (b)")
    before = site.picture()
    assert site.migrate(*UNREHEARSED).code == 3
    assert site.picture() == before


def test_an_index_that_somebody_else_builds_meanwhile_stays_and_is_told(site: Site) -> None:
    write(
        site,
        (
            execute("ALTER TABLE t ADD COLUMN c int"),
            in_block(
                "op.execute('SELECT pg_sleep(4)')", execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)")
            ),
        ),
        (execute("DROP INDEX CONCURRENTLY IF EXISTS ix", alone=True), execute("ALTER TABLE t DROP COLUMN c")),
    )
    with site.running(*UNREHEARSED) as process:
        site.await_value(SLEEPER)
        site.execute("CREATE INDEX theirs ON crm.t (b)")
        ended = site.end(process)
    assert ended.code == 4
    assert "index crm.t.theirs was not there before" in ended.said
    assert ("theirs",) in site.rows(INDEXES)


PARTITIONED = (
    "CREATE TABLE crm.p (k int) PARTITION BY RANGE (k);"
    "CREATE TABLE crm.p1 PARTITION OF crm.p FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE crm.p2 PARTITION OF crm.p FOR VALUES FROM (10) TO (20); INSERT INTO crm.p VALUES (1), (11), (11)"
)
PARTITIONED_INDEX = (
    execute("CREATE INDEX pix ON ONLY p (k)"),
    execute("CREATE INDEX CONCURRENTLY pix1 ON p1 (k)", alone=True),
    execute("ALTER INDEX pix ATTACH PARTITION pix1"),
)


def test_indexes_of_partitions_are_taken_back_with_their_parent_when_the_next_one_fails(site: Site) -> None:
    write(
        site,
        (
            *PARTITIONED_INDEX,
            execute("CREATE UNIQUE INDEX CONCURRENTLY pix2 ON p2 (k)", alone=True),
            execute("ALTER INDEX pix ATTACH PARTITION pix2"),
        ),
        (execute("DROP INDEX pix"),),
    )
    site.execute(PARTITIONED)
    before = site.picture()
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 3, ended.err
    assert site.picture() == before
    file = site.root / site.file("crm", "a1")
    file.write_text(file.read_text().replace("UNIQUE ", ""))
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err
    assert site.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.pix'::regclass")


@pytest.mark.parametrize("how", ["--abort", "--resume"])
def test_indexes_of_partitions_that_were_cut_off_are_taken_away(site: Site, how: str) -> None:
    """One partition's index is attached already, the other's is not."""
    write(
        site,
        (*PARTITIONED_INDEX, in_block(execute("CREATE INDEX CONCURRENTLY pix2 ON p2 (k)"), SLEEP)),
        (execute("DROP INDEX pix"),),
    )
    site.execute(PARTITIONED)
    kill_asleep(site, *UNREHEARSED)
    told = site.migrate("recover")
    assert "index 'crm.pix', index 'crm.pix1', index 'crm.pix2'" in " ".join(told.out.split())
    ended = site.migrate("recover", how)
    assert ended.code == 0, ended.err
    assert site.rows(INDEXES) == (() if how == "--abort" else ((OWN,),))


def test_what_a_reindexing_left_that_was_cut_off_is_dropped(site: Site) -> None:
    write(site, (in_block(execute("REINDEX INDEX CONCURRENTLY crm.big"), "op.execute('SELECT 1')"),), ())
    site.execute("CREATE INDEX big ON crm.t (b)")
    with site.session() as foreign:
        foreign.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        with site.running(*UNREHEARSED) as process:
            site.await_value("SELECT pid FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for%'")
            process.kill()
            process.communicate()
        site.await_value(
            "SELECT true WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'migrate:%')"
        )
        foreign.execute("ROLLBACK")
    assert ("big_ccnew",) in site.rows(INDEXES)
    ended = site.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert site.rows(INDEXES) == (("big",),)
    assert site.migrate(*UNREHEARSED).code == 0


def kill_before_it_begins(site: Site) -> None:
    """Kill the run when the intent of its step is written, and its first checkpoint is not."""
    with site.session() as foreign:
        foreign.execute("BEGIN; LOCK TABLE migrate.checkpoint IN SHARE MODE")
        with site.running(*UNREHEARSED) as process:
            ledger = site.await_value(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO migrate.checkpoint%'"
            )
            process.kill()
            process.communicate()
        foreign.execute("SELECT pg_terminate_backend(%s, 10000)", (ledger,))
        foreign.execute("ROLLBACK")
    site.await_value(NOBODY)


@pytest.mark.parametrize("how", ["--abort", "--resume", "next run"])
def test_nothing_that_is_older_goes_when_a_step_never_began(site: Site, how: str) -> None:
    write(site, (execute("SELECT 1"),), ())
    assert site.migrate(*UNREHEARSED).code == 0
    write(
        site,
        (
            in_block(
                execute("DROP INDEX CONCURRENTLY crm.ix"), execute("CREATE INDEX CONCURRENTLY ix ON t (a, b)")
            ),
            execute("CREATE TABLE IF NOT EXISTS older (a int)"),
        ),
        (execute("DROP TABLE older"), execute("DROP INDEX CONCURRENTLY crm.ix", alone=True)),
        "a2",
        after="a1",
    )
    site.execute(
        "CREATE INDEX ix ON crm.t (b); CREATE TABLE crm.older (a int); INSERT INTO crm.older VALUES (7)"
    )
    before = site.picture()
    kill_before_it_begins(site)
    if how == "next run":
        assert site.migrate("status").code == 0
    else:
        ended = site.migrate("recover", how)
        assert ended.code == 0, ended.err
    assert site.picture() == before
    done = site.migrate(*UNREHEARSED)
    assert done.code == 0, done.err
    assert site.value("SELECT indnatts FROM pg_index WHERE indexrelid = 'crm.ix'::regclass") == 2
    assert site.rows("SELECT a FROM crm.older") == ((7,),)


def test_a_downgrade_that_ends_before_it_has_sent_what_it_had_sent_is_not_done(site: Site) -> None:
    write(
        site,
        UP[:2],
        (
            *(execute(f"UPDATE t SET b = b - {each}") for each in (1, 2, 7)),
            in_block(execute("DROP INDEX crm.ix"), SLEEP),
            execute("UPDATE t SET a = 0"),
        ),
    )
    assert site.migrate(*UNREHEARSED).code == 0
    kill_asleep(site, *ROLLBACK)
    assert values(site) == (1, 2)
    awake(site)
    file = site.root / site.file("crm", "a1")
    file.write_text(re.sub(r".*UPDATE t SET b = b - .*\n", "", file.read_text()))
    for how in ("--abort", "--resume"):
        ended = site.migrate("recover", how)
        assert "it does not send the statements that it had sent before" in ended.said + " ".join(
            ended.out.split()
        )
        assert ended.code == (4 if how == "--abort" else 0)
        assert site.value("SELECT sum(a) FROM crm.t") == 2
        assert site.value("SELECT count(*) FROM migrate.applied") == 1


@pytest.mark.parametrize("batches", [1, 3])
def test_a_loop_over_batches_goes_on_where_it_stopped(site: Site, batches: int) -> None:
    """How long it goes on depends on how many rows each batch has changed, also on those of the first try."""
    batch = "UPDATE t SET b = b - 10 WHERE ctid = ANY (ARRAY(SELECT ctid FROM t WHERE b > 10 LIMIT 2))"
    write(
        site,
        UP[:2],
        (
            f"for number in range(9):\n    changed = op.get_bind().exec_driver_sql({batch!r}).rowcount",
            "    with op.get_context().autocommit_block():",
            "        op.execute('SELECT 1')",
            f"        if number == {batches - 1}: {SLEEP}",
            "    if changed < 2: break",
            execute("ALTER TABLE t DROP COLUMN a"),
            execute("DROP INDEX crm.ix"),
        ),
    )
    site.execute("INSERT INTO crm.t SELECT 0, n FROM generate_series(3, 10) n")
    assert site.migrate(*UNREHEARSED).code == 0
    kill_asleep(site, *ROLLBACK)
    assert sum(value > 10 for value in values(site)) == 10 - 2 * batches
    awake(site)
    ended = site.migrate("recover", "--resume")
    assert ended.code == 0, ended.err
    assert values(site) == tuple(range(1, 11))
    assert site.value("SELECT count(*) FROM migrate.applied") == 0


def test_an_index_that_the_mark_of_a_failed_downgrade_says_is_in_stays(site: Site) -> None:
    write(
        site,
        (execute("ALTER TABLE t ADD COLUMN c int"), in_block(execute("SELECT 1"))),
        (
            execute("ALTER TABLE t DROP COLUMN c"),
            execute("CREATE INDEX CONCURRENTLY i1 ON t (b)", alone=True),
            execute("CREATE UNIQUE INDEX CONCURRENTLY i2 ON t (a)", alone=True),
        ),
    )
    assert site.migrate(*UNREHEARSED).code == 0
    assert site.migrate(*ROLLBACK).code == 4
    assert site.rows(INDEXES) == ((OWN,), ("i1",))
    again = site.migrate("recover", "--abort")
    assert again.code == 4, again.err
    assert site.rows(INDEXES) == ((OWN,), ("i1",))
    site.execute("DELETE FROM crm.t WHERE b = 2")
    ended = site.migrate("recover", "--resume")
    assert ended.code == 0, ended.err
    assert site.rows(INDEXES) == ((OWN,), ("i1",), ("i2",))
    assert site.value("SELECT count(*) FROM migrate.applied") == 0


def test_indexes_of_a_failed_downgrade_go_when_it_left_nothing_else(site: Site) -> None:
    write(
        site,
        (in_block(execute("SELECT 1")),),
        (
            execute("CREATE INDEX CONCURRENTLY i1 ON t (b)", alone=True),
            execute("CREATE UNIQUE INDEX CONCURRENTLY i2 ON t (a)", alone=True),
        ),
    )
    assert site.migrate(*UNREHEARSED).code == 0
    before = site.picture()
    ended = site.migrate(*ROLLBACK)
    assert ended.code == 3, ended.err
    assert site.picture() == before


FUNCTION = "CREATE FUNCTION crm.f({}) RETURNS int LANGUAGE sql AS 'SELECT 1'"


@pytest.mark.parametrize("alone", [True, False])
def test_a_function_of_the_same_name_is_another_one(site: Site, alone: bool) -> None:
    """And what stands inside of a transaction is not passed over by its name at all."""
    write(
        site,
        (execute("DROP FUNCTION crm.f(text)"), execute("CREATE INDEX CONCURRENTLY ix ON t (b)", alone=True)),
        (
            in_block(execute("DROP INDEX CONCURRENTLY crm.ix"), SLEEP),
            execute(FUNCTION.format("text"), alone=alone),
        ),
    )
    site.execute(";".join(FUNCTION.format(each) for each in ("int", "text")))
    assert site.migrate(*UNREHEARSED).code == 0
    kill_asleep(site, *ROLLBACK)
    awake(site)
    ended = site.migrate("recover", "--resume")
    assert ended.code == 0, ended.err
    assert site.value("SELECT count(*) FROM pg_proc WHERE proname = 'f'") == 2


def test_a_function_that_is_in_is_not_made_again(site: Site) -> None:
    write(
        site,
        (execute("DROP FUNCTION crm.f(text)"), execute("CREATE INDEX CONCURRENTLY ix ON t (b)", alone=True)),
        (in_block(execute("DROP INDEX CONCURRENTLY crm.ix"), execute(FUNCTION.format("text")), SLEEP),),
    )
    site.execute(FUNCTION.format("text"))
    assert site.migrate(*UNREHEARSED).code == 0
    kill_asleep(site, *ROLLBACK)
    awake(site)
    ended = site.migrate("recover", "--resume")
    assert ended.code == 0, ended.err


NEW_MODULE = (
    (
        execute("CREATE TABLE n (a int)"),
        in_block(execute("CREATE INDEX CONCURRENTLY nix ON n (a)"), SLEEP),
        execute("SELECT 1 / count(*) FROM n"),
    ),
    (execute("DROP INDEX CONCURRENTLY crm.nix", alone=True), execute("DROP TABLE n")),
)


@pytest.mark.parametrize("how", ["fails", "killed"])
def test_a_new_module_whose_first_step_stops_half_way_goes_with_its_schema(site: Site, how: str) -> None:
    project(site.root, modules=("crm",))
    up, down = NEW_MODULE
    write_revision(versions_of(site.root, "crm"), "a1", upgrade="\n".join(up), downgrade="\n".join(down))
    if how == "killed":
        kill_asleep(site, *UNREHEARSED)
        ended = site.migrate("recover", "--abort")
        assert ended.code == 0, ended.err
    else:
        awake(site)
        ended = site.migrate(*UNREHEARSED)
        assert ended.code == 3, ended.err
    assert site.value("SELECT to_regnamespace('crm') IS NULL")


def test_what_a_half_done_step_stands_on_is_not_reversed_beneath_it(site: Site) -> None:
    write(site, (execute("ALTER TABLE t ADD COLUMN c int"),), (execute("ALTER TABLE t DROP COLUMN c"),))
    write(
        site,
        (
            execute("CREATE VIEW v AS SELECT a FROM t"),
            execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)", alone=True),
        ),
        (execute("SELECT 1 / (SELECT count(*) FROM public.mended)"), execute("DROP VIEW v")),
        "a2",
        after="a1",
    )
    site.execute("CREATE TABLE public.mended (a int)")
    before = site.picture()
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 4, ended.err
    assert "crm:a2 is half done, and what it stands on stays until it is recovered" in ended.said
    assert "still in: crm:a1" in ended.said
    site.execute("INSERT INTO public.mended VALUES (1)")
    again = site.migrate("recover", "--abort")
    assert again.code == 0, again.err
    site.execute("DELETE FROM public.mended")
    assert site.picture() == before


def test_what_an_abort_takes_back_is_proved_like_a_rollback(site: Site) -> None:
    write(site, (execute("ALTER TABLE t ADD COLUMN c int"),), (execute("SELECT 1"),))
    write(site, (SLEEP,), (), "a2", after="a1")
    kill_asleep(site, *UNREHEARSED, "--atomic", "step")
    ended = site.migrate("recover", "--abort")
    assert ended.code == 4, ended.err
    assert "was taken back, and not as before it came in: column crm.t.c" in ended.said
    file = site.root / site.file("crm", "a1")
    file.write_text(file.read_text().replace("SELECT 1", "ALTER TABLE t DROP COLUMN c"))
    again = site.migrate("recover", "--abort")
    assert again.code == 0, again.err

"""Steps that commit statement by statement: what is left when one fails, and what authors may catch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.ledger.lock import KEY
from tests.failures.shop import LOCK_HOLDER, SLEEPER
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

UNREHEARSED = ("all-modules", "--staging", "off")
_TABLE = "CREATE SCHEMA crm; CREATE TABLE crm.t (a int, b int); INSERT INTO crm.t VALUES (1, 1), (1, 2)"


def _step(site: Site, upgrade: str) -> None:
    site.execute(_TABLE)
    project(site.root, modules=("crm",))
    write_revision(versions_of(site.root, "crm"), "a1", upgrade=upgrade)


def test_indexes_built_before_a_later_one_failed_are_dropped_with_it(site: Site) -> None:
    _step(
        site,
        "with op.get_context().autocommit_block():\n"
        '    op.execute("CREATE UNIQUE INDEX CONCURRENTLY good ON t (b)")\n'
        '    op.execute("CREATE UNIQUE INDEX CONCURRENTLY bad ON t (a)")',
    )
    before = site.picture()
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 3, ended.err
    assert 'could not create unique index "bad"' in ended.said
    assert site.picture() == before


def test_an_author_may_catch_the_failure_of_a_block_mend_the_rows_and_try_again(site: Site) -> None:
    _step(
        site,
        "context = op.get_context()\n"
        "try:\n"
        "    with context.autocommit_block():\n"
        '        op.execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)")\n'
        "except sa.exc.IntegrityError:\n"
        "    with context.autocommit_block():\n"
        '        op.execute("DROP INDEX CONCURRENTLY ix")\n'
        '    op.execute("UPDATE t SET a = b")\n'
        "    with context.autocommit_block():\n"
        '        op.execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)")',
    )
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err
    assert site.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.ix'::regclass")


def test_what_follows_a_failed_block_that_was_caught_is_in_a_transaction_again(site: Site) -> None:
    _step(
        site,
        "try:\n"
        "    with op.get_context().autocommit_block():\n"
        '        op.execute("DROP INDEX CONCURRENTLY nope")\n'
        "except sa.exc.ProgrammingError:\n"
        "    pass\n"
        'op.execute("DELETE FROM t")\n'
        'op.execute("SELECT 1/0")',
    )
    before = site.picture()
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 3, ended.err
    assert "division by zero" in ended.said
    assert site.picture() == before


def test_a_step_that_stops_half_way_is_named_with_what_remains(site: Site) -> None:
    _step(
        site,
        "with op.get_context().autocommit_block():\n"
        '    op.execute("CREATE TABLE made (a int)")\n'
        '    op.execute("SELECT 1/0")',
    )
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 4, ended.err
    assert "crm:a1 commits statement by statement, so what it did before it failed is in" in ended.said
    assert site.migrate(*UNREHEARSED).code == 4


def test_limits_of_the_database_for_its_applications_do_not_hold_for_a_run(site: Site) -> None:
    name = site.url.parameters["dbname"]
    for setting in (
        "statement_timeout = '400ms'",
        "idle_session_timeout = '400ms'",
        "idle_in_transaction_session_timeout = '400ms'",
        "default_transaction_isolation = 'serializable'",
    ):
        site.execute(f"ALTER DATABASE {name} SET {setting}")
    _step(
        site,
        "import time\n"
        'if op.get_bind().execute(sa.text("SELECT 1")).scalar():\n'
        "    time.sleep(0.6)\n"
        "with op.get_context().autocommit_block():\n"
        '    op.execute("SELECT pg_sleep(0.6)")\n'
        'op.execute("SELECT pg_sleep(0.6)")',
    )
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("taken", [False, True], ids=["and nobody has it", "to another run"])
def test_a_run_that_lost_its_lock_sends_nothing_more_in_a_block(site: Site, taken: bool) -> None:
    """What is sent there is in at once; also what it had built stays, unless the lock can be had again."""
    _step(
        site,
        "with op.get_context().autocommit_block():\n"
        '    op.execute("CREATE INDEX CONCURRENTLY ix ON t (b)")\n'
        '    op.execute("SELECT pg_sleep(2)")\n'
        "    op.execute(\"SELECT nextval('public.sent')\")",
    )
    site.execute("CREATE SEQUENCE public.sent")
    with site.session() as other, site.running(*UNREHEARSED) as process:
        site.await_value(SLEEPER)
        other.execute(f"SELECT pg_terminate_backend(({LOCK_HOLDER}))")
        if taken:
            other.execute(f"SELECT pg_advisory_lock({KEY})")
        ended = site.end(process)
        assert site.value("SELECT to_regclass('crm.ix') IS NOT NULL") is taken
    assert ended.code == (4 if taken else 3), ended.err
    assert "the connection to the server was lost" in ended.said
    assert site.value("SELECT is_called FROM public.sent") is False
    assert site.migrate("recover", "--abort").code == 0
    assert site.value("SELECT to_regclass('crm.ix') IS NULL")


@pytest.mark.parametrize("staging", ["off", "embedded"])
def test_the_reindexing_of_a_partitioned_table_is_told_where_it_belongs(site: Site, staging: str) -> None:
    """Only the server knows that it is partitioned."""
    _step(site, 'op.execute("REINDEX TABLE parted")')
    site.execute("CREATE TABLE crm.parted (a int PRIMARY KEY) PARTITION BY RANGE (a)")
    before = site.picture()
    ended = site.migrate("all-modules", "--staging", staging)
    assert ended.code == (3 if staging == "off" else 1), ended.err
    assert "REINDEX TABLE cannot run inside a transaction block" in ended.said
    assert "send it by itself inside `with op.get_context().autocommit_block():`" in ended.said
    assert site.picture() == before
    versions = versions_of(site.root, "crm")
    block = 'with op.get_context().autocommit_block():\n    op.execute("REINDEX TABLE parted")'
    write_revision(versions, "a1", upgrade=block)
    trace = ("--trace",) if staging == "embedded" else ()
    done = site.migrate("all-modules", "--staging", staging, *trace)
    assert done.code == 0, done.err

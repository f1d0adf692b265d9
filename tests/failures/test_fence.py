"""The fence behind the lock: a connection that is lost lets another runner in, but never two of them write."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.failures.shop import LOCK_HOLDER
from tests.recovery.test_lone_steps import UNREHEARSED, execute, write

if TYPE_CHECKING:
    from tests.failures.site import Site

COLUMN, NO_COLUMN = execute("ALTER TABLE t ADD COLUMN c int"), execute("ALTER TABLE t DROP COLUMN c")
WAIT = execute(
    "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM public.go) LOOP PERFORM pg_sleep(0.05); END LOOP; END $$"
)
WAITING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
    " AND query LIKE 'DO $$%' AND query LIKE '%public.go%'"
)
GO = "INSERT INTO public.go VALUES (1)"


def test_a_second_runner_is_refused_while_a_transaction_of_the_first_is_open(site: Site) -> None:
    """The first has lost its lock, and does not bear its name, so that only the fence tells of it."""
    write(site, (COLUMN, execute("SET application_name = 'somebody'"), WAIT), (NO_COLUMN,))
    site.execute("CREATE TABLE public.go (a int)")
    before = site.picture()
    with site.running(*UNREHEARSED) as first:
        pid = site.await_value(WAITING)
        site.execute(f"SELECT pg_terminate_backend(({LOCK_HOLDER}), 10000)")
        second = site.migrate(*UNREHEARSED)
        assert second.code == 5, second.err
        assert (
            f"a transaction of an earlier run is still open on the server: server process {pid}"
            in second.said
        )
        site.execute(GO)
        ended = site.end(first)
    assert ended.code == 3, ended.err
    site.execute("TRUNCATE public.go")
    assert site.picture() == before
    site.execute(GO)
    again = site.migrate(*UNREHEARSED, "--retry")
    assert again.code == 0, again.err


def test_a_runner_whose_fence_another_one_has_taken_writes_nothing_more(site: Site) -> None:
    """The other one takes it as soon as the first's transaction is over, before its next one begins."""
    write(site, (COLUMN, WAIT), (NO_COLUMN,))
    write(
        site,
        (execute("ALTER TABLE t ADD COLUMN d int"),),
        (execute("ALTER TABLE t DROP COLUMN d"),),
        "a2",
        after="a1",
    )
    site.execute("CREATE TABLE public.go (a int)")
    with site.running(*UNREHEARSED, "--atomic", "step") as first, site.session() as other:
        site.await_value(WAITING)
        taking = threading.Thread(target=other.execute, args=("UPDATE migrate.fence SET owner = 2",))
        taking.start()
        site.await_value(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE '%migrate.fence%')"
        )
        site.execute(GO)
        ended = site.end(first)
        taking.join()
    assert ended.code == 4, ended.err
    assert "another run has taken over from run 1" in ended.said
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'crm.t'::regclass AND attnum > 2"
    assert site.rows(columns) == (("c",),)
    assert site.value("SELECT version_num FROM crm.alembic_version") == "a1"
    recovered = site.migrate("recover", "--abort")
    assert recovered.code == 0, recovered.err

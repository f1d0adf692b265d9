"""Application traffic in the way: deadlocks, conflicts, limits of the role; and a signal in the middle of it."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.blockers import blocking
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session
from tests.failures.roles import make_role
from tests.manners.street import (
    ADD_TO_CUSTOMERS,
    ADD_TO_NOTES,
    NEVER_REHEARSED,
    REHEARSED,
    build_street,
    reading,
    waiting_for,
    waits,
)
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from coordinator.postgres.blockers import BlockingSession
    from tests.failures.site import Site

BUILDING = (
    "SELECT true FROM pg_stat_progress_create_index"
    " WHERE datname = current_database() AND command = 'CREATE INDEX CONCURRENTLY'"
)
BUILD_WAITS = "SELECT true FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted"
BY_EMAIL = (
    "with op.get_context().autocommit_block():\n"
    '    op.execute("CREATE INDEX CONCURRENTLY by_email ON crm.customers (email)")'
)


def _hidden(table: str, column: str) -> tuple[str, str]:
    """A step whose lock no SQL tells, so that it is met only by the statement itself."""
    return (
        f"DO $$ BEGIN EXECUTE 'ALTER TABLE crm.{table} ADD COLUMN {column} text'; END $$",
        f"ALTER TABLE crm.{table} DROP COLUMN {column}",
    )


def test_a_deadlock_with_an_application_is_tried_again_and_succeeds(site: Site) -> None:
    build_street(site, _hidden("customers", "phone"), _hidden("notes", "body"))
    with site.session() as session:
        # The server ends whoever finds the deadlock first; the application shall not be that one.
        session.execute("SET deadlock_timeout = '60s'; BEGIN; SELECT count(*) FROM crm.notes")
        process = site.start(*NEVER_REHEARSED, environment=waits(wait="10s"))
        site.await_value(waiting_for("crm.notes"))
        session.execute("SELECT count(*) FROM crm.customers; COMMIT")  # waits for the run, which waits for us
        ended = site.end(process)

    assert ended.code == 0, ended.err
    assert "trying again in" in ended.said
    assert "1 step was given back" in ended.said
    assert site.steps() == ("upgrade crm:c1 applied", "upgrade crm:c2 applied")
    assert site.value("SELECT count(*) FROM migrate.intent") == 1


def test_a_serialization_failure_is_tried_again(site: Site) -> None:
    site.execute("CREATE SEQUENCE public.tries")
    fails_twice = (
        "DO $$ BEGIN IF nextval('public.tries') < 3 THEN"
        " RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001'; END IF; END $$"
    )
    build_street(site, ADD_TO_CUSTOMERS, (fails_twice, "SELECT 1"))
    ended = site.migrate(*NEVER_REHEARSED, environment=waits())
    assert ended.code == 0, ended.err
    assert ended.said.count("trying again in") == 2
    assert "in the way: a conflict with another transaction; 1 step was given back" in ended.said


def test_what_alembic_remembers_goes_back_with_the_transaction(site: Site) -> None:
    # Alembic notes the types that it has made, and would not make them again in the second try.
    site.execute("CREATE SEQUENCE public.tries")
    build_street(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c1",
        after="c0",
        upgrade='op.create_table("orders", sa.Column("state", sa.Enum("new", "paid", name="order_state")), schema="crm")\n'
        "op.execute(\"DO $$ BEGIN IF nextval('public.tries') < 2 THEN"
        " RAISE EXCEPTION 'later' USING ERRCODE = '40P01'; END IF; END $$\")",
        downgrade='op.drop_table("orders", schema="crm")\nop.execute("DROP TYPE order_state")',
    )
    ended = site.migrate(*NEVER_REHEARSED, environment=waits())
    assert ended.code == 0, ended.err
    assert ended.said.count("trying again in") == 1


def test_a_cancelled_statement_is_never_tried_again(site: Site) -> None:
    build_street(site, ("SELECT pg_sleep(30)", "SELECT 1"))
    before = site.picture()
    process = site.start(*NEVER_REHEARSED, environment=waits())
    sleeper = site.await_value(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(%'"
        " AND application_name LIKE 'migrate:%'"
    )
    site.execute(f"SELECT pg_cancel_backend({sleeper})")
    ended = site.end(process)
    assert ended.code == 3, ended.err
    assert "57014" in ended.said
    assert "trying again" not in ended.said
    assert site.picture() == before


def test_a_step_that_reached_outside_of_the_database_is_not_run_again(site: Site) -> None:
    build_street(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c1",
        after="c0",
        header="import socket",
        upgrade='if op.get_bind().execute(sa.text("SELECT 1")).scalar():\n'  # not while it is only read
        "    try:\n"
        '        socket.create_connection(("127.0.0.1", 5432), timeout=1)\n'
        "    except Exception:\n"
        "        pass\n"
        "op.execute(\"DO $$ BEGIN RAISE EXCEPTION 'later' USING ERRCODE = '40P01'; END $$\")",
    )
    ended = site.migrate(*NEVER_REHEARSED, environment=waits())
    assert ended.code == 3, ended.err
    assert "trying again" not in ended.said


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_run_that_waits_for_its_locks(site: Site, how: signal.Signals) -> None:
    build_street(site, ADD_TO_NOTES, ADD_TO_CUSTOMERS)
    before = site.picture()
    with reading(site, "crm.customers"), site.running(*NEVER_REHEARSED, environment=waits()) as process:
        site.await_value(waiting_for("crm.customers"))
        time.sleep(1.7)  # a few tries
        began = time.monotonic()
        process.send_signal(how)
        ended = site.end(process)
        assert time.monotonic() - began < 10
    assert ended.code == 3, ended.err
    assert "the run was interrupted" in ended.said
    assert site.picture() == before
    assert site.run_status() == "reversed"


def test_a_signal_during_the_locks_of_a_later_transaction_takes_the_earlier_ones_back(site: Site) -> None:
    build_street(site, ADD_TO_NOTES, ADD_TO_CUSTOMERS)
    before = site.picture()
    arguments = (*NEVER_REHEARSED, "--atomic", "step")
    with reading(site, "crm.customers"), site.running(*arguments, environment=waits()) as process:
        site.await_value(waiting_for("crm.customers"))
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        ended = site.end(process)
    assert ended.code == 3, ended.err
    assert site.picture() == before
    assert site.steps()[-1] == "downgrade crm:c1 reversed"


def test_limits_of_the_role_and_the_database_do_not_end_a_step(site: Site, role: str) -> None:
    build_street(site, ("SELECT pg_sleep(1.2)", "SELECT 1"), ADD_TO_CUSTOMERS)
    url = make_role(
        site,
        role,
        "GRANT ALL ON DATABASE {database} TO {role}",
        "ALTER SCHEMA crm OWNER TO {role}",
        *(
            f"ALTER TABLE crm.{table} OWNER TO {{role}}"
            for table in ("customers", "notes", "visits", "alembic_version")
        ),
        "ALTER ROLE {role} SET statement_timeout = '300ms'",
        "ALTER ROLE {role} SET lock_timeout = '1ms'",
        "ALTER ROLE {role} SET idle_in_transaction_session_timeout = '300ms'",
        "ALTER DATABASE {database} SET idle_session_timeout = '300ms'",
    )
    with Session(connect(url, application_name="test")) as session, pytest.raises(StatementError):
        session.execute("SELECT pg_sleep(1)")
    ended = site.migrate(*REHEARSED, url=url)
    assert ended.code == 0, ended.err
    assert site.steps() == ("upgrade crm:c1 applied", "upgrade crm:c2 applied")


def test_a_concurrent_build_that_ran_into_a_deadlock_is_built_once_more(site: Site) -> None:
    build_street(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c1",
        after="c0",
        upgrade=BY_EMAIL,
        downgrade='op.execute("DROP INDEX crm.by_email")',
    )
    site.execute(f"ALTER DATABASE \"{site.url.parameters['dbname']}\" SET deadlock_timeout = '5s'")
    with site.session() as session:
        session.execute(
            "SET deadlock_timeout = '60s'; BEGIN; UPDATE crm.customers SET email = 'new' WHERE id = 1"
        )
        process = site.start(*NEVER_REHEARSED)
        site.await_value(BUILD_WAITS)
        session.execute("LOCK TABLE crm.customers IN SHARE UPDATE EXCLUSIVE MODE; COMMIT")
        ended = site.end(process)
    assert ended.code == 0, ended.err
    assert site.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.by_email'::regclass")
    # Else nothing was shown; a server process tells its statistics when it ends.
    site.await_value(
        "SELECT deadlocks = 1 FROM pg_stat_database WHERE datname = current_database()", seconds=10
    )


def test_a_concurrent_build_that_cannot_end_is_taken_back_once_its_blocker_ends(site: Site) -> None:
    build_street(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c1",
        after="c0",
        upgrade=BY_EMAIL,
        downgrade='op.execute("DROP INDEX crm.by_email")',
    )
    before = site.picture()
    with site.session() as session:
        session.execute("BEGIN; UPDATE crm.customers SET email = 'new' WHERE id = 1")
        with site.running(*NEVER_REHEARSED, environment=waits(patience="2s")) as process:
            site.await_value(BUILDING)
            process.send_signal(signal.SIGINT)
            ended = site.end(process)
        assert ended.code == 4, ended.err
        assert "migrate recover" in ended.said
        session.execute("ROLLBACK")
    aborted = site.migrate("recover", "--abort")
    assert aborted.code == 0, aborted.err
    assert site.picture() == before


def test_no_thread_and_no_connection_is_left_when_a_run_ends(site: Site) -> None:
    from coordinator.execution.monitor import WatchedLock

    build_street(site)
    before = threading.active_count()
    with site.session() as session, site.session() as working:
        lock = WatchedLock(session, tell=lambda event: None, look_every=0.05)
        lock.acquire(wait=1, waiting=lambda holder, seconds: None)
        with pytest.raises(KeyboardInterrupt), lock.watched(), lock.watching(working):
            _interrupted(before + 1)
        assert threading.active_count() == before
        # A lock connection that is gone ends neither the thread nor the run: the run meets it when it needs the lock.
        with lock.watched():
            site.execute(f"SELECT pg_terminate_backend({lock.pid})")
            time.sleep(0.3)
            assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_a_wait_that_ends_while_it_is_looked_at_hides_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coordinator.execution import monitor

    build_street(site)
    over = threading.Event()
    looks = []

    def asked_too_late_from_the_second_time_on(session: Session, pid: int) -> tuple[BlockingSession, ...]:
        looks.append(pid)
        if len(looks) > 1:
            assert over.wait(10)
        return blocking(session, pid)

    monkeypatch.setattr(monitor, "blocking", asked_too_late_from_the_second_time_on)
    with site.session() as session, site.session() as working, reading(site, "crm.notes"):
        lock = monitor.WatchedLock(session, tell=lambda event: None, look_every=0.05)
        lock.acquire(wait=1, waiting=lambda holder, seconds: None)
        with lock.watched(), lock.watching(working):
            working.execute("SET lock_timeout = '1s'; BEGIN")
            with pytest.raises(StatementError, match="lock timeout"):
                working.execute("LOCK TABLE crm.notes")
            over.set()
        assert len(looks) > 1
        assert lock.wait is not None
        assert [each.application for each in lock.wait.blockers] == ["nightly report"]


def _interrupted(threads: int) -> None:
    assert threading.active_count() == threads
    time.sleep(0.3)
    raise KeyboardInterrupt

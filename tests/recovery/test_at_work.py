"""Which run is at work: the one whose number the holder of the lock bears, and no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from coordinator.ledger.lock import KEY, Holder, Lock, application_name, find_holder
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from tests.commands_site import Desk
from tests.recovery.test_lone_steps import UNREHEARSED, execute, write
from tests.recovery.test_state_machine import COLUMN, NO_COLUMN, STEP, killed, two_steps

if TYPE_CHECKING:
    import psycopg
    import pytest

    from tests.failures.site import Site


def test_a_run_is_cut_off_although_another_command_holds_the_lock(site: Site) -> None:
    two_steps(site)
    killed(site, "COMMIT", 2, *STEP)
    with site.session() as session:
        name = application_name("gc", "erasing kept data")
        session.execute("SELECT set_config('application_name', %s, false)", (name,))
        session.execute("SELECT pg_advisory_lock(%s)", (KEY,))
        explained = site.migrate("recover")
        status = site.migrate("status")
        (site.root / site.file("crm", "a2")).unlink()
        nothing = site.migrate(*STEP)
    assert explained.code == 4, explained.err
    assert "run 1 is cut off" in explained.out
    assert "in         crm:a1" in explained.out
    assert status.code == 0, status.err
    assert "run 1 is cut off" in " ".join(status.out.split())
    assert nothing.code == 0, nothing.err
    assert "run 1 is not over, and the lock is held: `migrate gc` on " in nothing.said


def test_a_run_is_at_work_from_its_first_moment(site: Site) -> None:
    """It is kept from its first step by a lock on what it notes before."""
    write(site, (execute(COLUMN),), (execute(NO_COLUMN),))
    assert site.migrate(*UNREHEARSED).code == 0
    write(site, (execute("SELECT 1"),), (execute("SELECT 1"),), "a2", after="a1")
    with site.session() as session:
        session.execute("BEGIN; LOCK TABLE migrate.module IN SHARE MODE")
        with site.running(*UNREHEARSED) as process:
            site.await_value("SELECT number FROM migrate.run WHERE number = 2")
            site.await_value(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            explained = site.migrate("recover")
            status = site.migrate("status")
            session.execute("ROLLBACK")
            ended = site.end(process)
    assert "run 2 is at work" in explained.out
    assert explained.code == 0, explained.err
    assert "run 2 is at work" in status.out
    assert ended.code == 0, ended.err


def test_a_run_that_begins_between_two_looks_is_not_taken_for_one_that_was_cut_off(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site, (execute(COLUMN),), (execute(NO_COLUMN),))
    assert site.migrate(*UNREHEARSED).code == 0
    desk = Desk(root=site.root, url=site.url, state=site.state)
    commands = (("status",), ("recover",), ("rollback", "crm", "--dry-run"))
    for number, words in enumerate(commands, start=2):
        with site.session() as other:

            def begins(session: Session, *, other: Session = other, number: int = number) -> Holder | None:
                holder = find_holder(session)
                if holder is None:
                    other.execute(
                        f"SET application_name = 'migrate:{number} host'; SELECT pg_advisory_lock({KEY})"
                    )
                    other.execute(
                        "INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program,"
                        " rehearsal) VALUES ('apply', 'running', '', '', 'local', 'host', 1, '', '')"
                    )
                return holder

            monkeypatch.setattr("coordinator.workflow.state.find_holder", begins)
            looked = desk.migrate(*words)
            other.execute(f"UPDATE migrate.run SET status = 'reversed' WHERE number = {number}")
        assert looked.code == 0, f"{words}: {looked.err}"
        assert "cut off" not in looked.out + looked.said
        if words[0] != "rollback":
            assert f"run {number} is at work" in looked.out


def test_a_lock_that_is_had_again_bears_the_number_that_it_bore(site: Site) -> None:
    def opened() -> psycopg.Connection:
        return connect(site.url, application_name="migrate:waiting")

    with Session(opened(), reconnect=opened) as session, site.session() as other:
        lock = Lock(session)
        lock.acquire(wait=0.0, waiting=lambda holder, seconds: None)
        lock.announce("7", "taking back crm:c1")
        before = other.value("SELECT pg_terminate_backend(%s, 5000)", (lock.pid,))
        assert before
        lock.regain()
        holder = find_holder(other)
        assert holder is not None
        assert (holder.pid, holder.run) == (lock.pid, 7)


def test_a_run_that_was_cut_off_is_not_cancelled_and_not_told_as_running(site: Site) -> None:
    two_steps(site)
    killed(site, "COMMIT", 1, *UNREHEARSED)
    cancelled = site.migrate("cancel", "1")
    assert cancelled.code == 0, cancelled.err
    assert "nothing to cancel: run 1 was cut off" in cancelled.said
    assert (
        "`migrate recover` explains what is in; the next `migrate all-modules` settles it" in cancelled.said
    )
    document = json.loads(site.migrate("cancel", "1", "--format", "json").out)
    assert (document["wasAtWork"], document["run"], document["status"]) == (False, 1, "running")

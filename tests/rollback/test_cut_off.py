"""A rollback that is stopped in the middle.

Asked to stop, it puts back what went. Killed, it leaves that to `migrate recover`, or the next one goes on.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.failures.roles import make_role
from tests.failures.shop import SLEEPER
from tests.kept.shelf import same
from tests.rollback.firm import deploy, first_deploy, held, in_database, revision, roll_back

if TYPE_CHECKING:
    from tests.commands_site import Desk

SLEEPS = "SELECT pg_sleep(60) WHERE EXISTS (SELECT FROM crm.customers WHERE name = 'slow')"


def slow_way_back(desk: Desk) -> None:
    """Two steps whose ways back destroy a column with values, and then sleep."""
    first_deploy(desk)
    revision(desk, "crm:c2", ("CREATE TABLE crm.notes (id int)",), (SLEEPS, "DROP TABLE crm.notes"))
    revision(
        desk,
        "billing:b2",
        (
            "CREATE VIEW billing.notes AS SELECT id FROM crm.notes",
            "ALTER TABLE billing.invoices ADD paid int",
        ),
        ("ALTER TABLE billing.invoices DROP paid", "DROP VIEW billing.notes"),
    )
    deploy(desk)
    desk.execute(
        "UPDATE crm.customers SET name = 'slow' WHERE id = 1; UPDATE billing.invoices SET paid = id * 100"
    )


@pytest.mark.parametrize("atomic", ["run", "step"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_rollback_that_is_asked_to_stop_leaves_everything_in(
    desk: Desk, how: signal.Signals, atomic: str
) -> None:
    slow_way_back(desk)
    before = desk.picture()
    with desk.running("rollback", "crm", "--yes", "--staging", "off", "--atomic", atomic) as process:
        desk.await_value(SLEEPER)
        began = time.monotonic()
        process.send_signal(how)
        ended = desk.end(process)
    assert ended.code == 3, ended.err
    assert time.monotonic() - began < 30
    assert "the run was interrupted" in ended.said
    assert "Traceback" not in ended.err
    assert same(desk, before)
    assert held(desk) == ""
    assert desk.run_status() == "reversed"
    assert not desk.value(SLEEPER)


def cut_off(desk: Desk) -> None:
    """Kill a rollback of two transactions while the second one sleeps: billing:b2 is out by then, crm:c2 is not."""
    slow_way_back(desk)
    with desk.running("rollback", "crm", "--yes", "--staging", "off", "--atomic", "step") as process:
        sleeper = desk.await_value(SLEEPER)
        process.kill()
        process.communicate()
    desk.execute(
        f"SELECT pg_terminate_backend({sleeper}); UPDATE crm.customers SET name = 'Ada' WHERE id = 1"
    )
    desk.await_value(f"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {sleeper})")
    assert in_database(desk) == "b1 c2 s1"
    assert held(desk) == "billing:b2"


def test_recover_puts_back_what_a_killed_rollback_took_out(desk: Desk) -> None:
    cut_off(desk)
    explained = desk.migrate("recover")
    assert "run 3 is cut off" in " ".join(explained.out.split())
    ended = desk.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert in_database(desk) == "b2 c2 s1"
    assert held(desk) == ""
    assert desk.value("SELECT status FROM migrate.run WHERE number = 3") == "reversed"


def test_the_next_rollback_goes_on_where_a_killed_one_stopped(desk: Desk) -> None:
    cut_off(desk)
    nothing = roll_back(desk, "billing", "--to", "b1")
    assert nothing.code == 0, nothing.err
    assert "warning run-cut-off: run 3 was cut off after billing:b2" in nothing.said
    assert desk.value("SELECT status FROM migrate.run WHERE number = 3") == "running"
    ended = roll_back(desk, "crm")
    assert ended.code == 0, ended.err
    assert in_database(desk) == "b1 c1 s1"
    assert held(desk) == "billing:b2 crm:c2"


def test_a_rollback_that_is_only_shown_writes_nothing_and_needs_no_right_to(desk: Desk, role: str) -> None:
    cut_off(desk)
    schemas = "migrate, crm, billing, stock"
    reader = make_role(
        desk,
        role,
        f"GRANT USAGE ON SCHEMA {schemas} TO {{role}}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schemas} TO {{role}}",
    )
    owner = desk.value("SELECT owner FROM migrate.fence")
    shown = desk.migrate("rollback", "crm", "--dry-run", url=reader)
    declined = desk.migrate("rollback", "crm", "--staging", "off")

    assert shown.code == 0, shown.err
    assert "crm:c2" in shown.out + shown.err
    assert declined.code == 1, declined.err
    assert desk.value("SELECT status FROM migrate.run WHERE number = 3") == "running"
    assert desk.value("SELECT owner FROM migrate.fence") == owner


def test_one_that_was_killed_after_its_last_commit_is_settled_by_the_next_which_finds_nothing(
    desk: Desk,
) -> None:
    first_deploy(desk)
    revision(desk, "crm:c2", ("CREATE TABLE crm.notes (id int)",), ("DROP TABLE crm.notes",))
    deploy(desk)
    assert roll_back(desk, "--run", "2").code == 0
    desk.execute("UPDATE migrate.run SET status = 'running', finished = NULL WHERE number = 3")
    status = "SELECT status FROM migrate.run WHERE number = 3"

    shown = desk.migrate("rollback", "--run", "2", "--dry-run")
    assert shown.code == 0, shown.err
    assert desk.value(status) == "running"
    settled = roll_back(desk, "--run", "2")

    assert settled.code == 0, settled.err
    assert "nothing to roll back: nothing that came in with run 2 is in any more" in " ".join(
        settled.err.split()
    )
    assert desk.value(status) == "settled"
    assert held(desk) == "crm:c2"
    assert in_database(desk) == "b1 c1 s1"

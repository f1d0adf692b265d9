"""A rollback whose process is killed in the middle: `migrate recover` puts back what went, or the next one goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.failures.shop import SLEEPER
from tests.rollback.firm import deploy, first_deploy, held, in_database, revision, roll_back

if TYPE_CHECKING:
    from tests.commands_site import Desk

SLEEPS = "SELECT pg_sleep(60) WHERE EXISTS (SELECT FROM crm.customers WHERE name = 'slow')"


def cut_off(desk: Desk) -> None:
    """Kill a rollback of two transactions while the second one sleeps: billing:b2 is out by then, crm:c2 is not."""
    first_deploy(desk)
    revision(desk, "crm:c2", ("CREATE TABLE crm.notes (id int)",), (SLEEPS, "DROP TABLE crm.notes"))
    revision(
        desk,
        "billing:b2",
        ("CREATE VIEW billing.notes AS SELECT id FROM crm.notes",),
        ("DROP VIEW billing.notes",),
    )
    deploy(desk)
    desk.execute("UPDATE crm.customers SET name = 'slow' WHERE id = 1")
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
    ended = roll_back(desk, "crm")
    assert ended.code == 0, ended.err
    assert in_database(desk) == "b1 c1 s1"
    assert held(desk) == "billing:b2 crm:c2"

"""A plan that failed for a reason of code or data is not tried again from the same starting point, until --retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import BREAKS, SLEEPER, Break, build_shop, sleeping
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.commands_site import Desk
    from tests.failures.site import Ended, Site

CAUSE = BREAKS["billing", "rows"]
DEPLOY = ("all-modules", "--yes", "--staging", "off")
# Works as long as the test holds that lock, so that others queue up behind it; then it fails by its rows.
GATE = 77
SLOW_CAUSE = Break(
    sql=f"SELECT pg_advisory_xact_lock({GATE}); {CAUSE.sql}",
    undo="SELECT 1",
    spoil=CAUSE.spoil,
    repair=CAUSE.repair,
    words=CAUSE.words,
)
# Its way back fails on a target that has a customer 7.
NO_WAY_BACK = Break(
    sql="UPDATE crm.customers SET phone = phone || '0'",
    undo="UPDATE crm.customers SET phone = 1 / (id - 7)",
    spoil="SELECT 1",
    repair="SELECT 1",
    words=(),
)
# Its way back takes long, as long as a table has a row.
SLOW_WAY_BACK = Break(
    sql="UPDATE crm.customers SET phone = phone || '0'",
    undo="SELECT pg_sleep(60) FROM crm.nap",
    spoil="CREATE TABLE crm.nap AS SELECT 1 AS one",
    repair="SELECT 1",
    words=(),
)


def attempts(site: Site) -> int:
    """How many runs the ledger counts."""
    return int(site.value("SELECT count(*) FROM migrate.run"))


def writes(site: Site) -> int:
    """Rows that were ever written in this database, as the server counts them."""
    site.execute("SELECT pg_stat_force_next_flush()")
    return int(
        site.value("SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables")
    )


def assert_refused(ended: Ended, run: int = 1) -> None:
    assert ended.code == 3, ended.err
    assert f"run {run} tried the same plan and failed at 20" in ended.said
    assert 'column "total" of relation "invoices" contains null' in ended.said
    assert f"`migrate history {run}`" in ended.said
    assert "`migrate all-modules --retry`" in ended.said


def test_a_later_start_is_refused_at_once_and_names_run_time_cause_and_ways_on(desk: Desk) -> None:
    build_shop(desk, ("billing", CAUSE))
    first = desk.migrate(*DEPLOY)
    assert first.code == 3, first.err
    assert "`migrate all-modules --retry`" in first.said
    assert desk.value("SELECT final FROM migrate.run") is True
    before = writes(desk)

    again = desk.migrate("all-modules", "--yes", "--staging", "container")  # would need an engine

    assert_refused(again)
    assert attempts(desk) == 1
    assert writes(desk) == before


def test_retry_tries_once_more_and_fails_or_succeeds_by_what_is_there_now(desk: Desk) -> None:
    build_shop(desk, ("billing", CAUSE))
    assert desk.migrate(*DEPLOY).code == 3
    assert desk.migrate(*DEPLOY, "--retry").code == 3
    assert attempts(desk) == 2
    assert_refused(desk.migrate(*DEPLOY), run=2)

    desk.execute(CAUSE.repair)
    assert_refused(desk.migrate(*DEPLOY), run=2)  # nobody can see that rows were mended
    done = desk.migrate(*DEPLOY, "--retry")
    assert done.code == 0, done.err
    assert desk.migrate(*DEPLOY).code == 0
    assert attempts(desk) == 3


def test_an_edit_of_a_pending_revision_makes_a_new_attempt_and_its_comments_do_not(desk: Desk) -> None:
    build_shop(desk, ("billing", CAUSE))
    assert desk.migrate(*DEPLOY).code == 3
    file = desk.root / desk.file("billing", "b2")
    text = file.read_text(encoding="utf-8")

    file.write_text("# looked at it\n" + text, encoding="utf-8")
    assert_refused(desk.migrate(*DEPLOY))
    file.write_text(text.replace(CAUSE.sql, "UPDATE billing.invoices SET total = 0 WHERE total IS NULL"))

    done = desk.migrate(*DEPLOY)
    assert done.code == 0, done.err


def test_a_mended_helper_needs_a_retry_and_is_told_so(desk: Desk) -> None:
    build_shop(desk)
    project(desk.root, modules={"crm": {"import_paths": ["."]}, "billing": {}, "agenda": {}})
    helper = desk.root / "crm_help.py"
    helper.write_text("SQL = 'SELECT 1 / (count(*) - 20) FROM crm.customers'\n")
    write_revision(
        versions_of(desk.root, "crm"), "c3", after="c2", upgrade="import crm_help\nop.execute(crm_help.SQL)"
    )
    assert desk.migrate(*DEPLOY).code == 3
    helper.write_text("SQL = 'SELECT 1'\n")

    again = desk.migrate(*DEPLOY)
    retried = desk.migrate(*DEPLOY, "--retry")

    assert again.code == 3, again.err
    assert "run 1 tried the same plan and failed at 20" in again.said
    assert "after any other change (rows, or a file that a revision imports or reads)" in again.said
    assert "`migrate all-modules --retry`" in again.said
    assert retried.code == 0, retried.err


def test_other_heads_and_another_selection_are_new_attempts(desk: Desk) -> None:
    build_shop(desk, ("billing", CAUSE))
    assert desk.migrate(*DEPLOY).code == 3

    alone = desk.migrate(*DEPLOY, "--module", "crm")
    assert alone.code == 0, alone.err  # another selection
    assert desk.migrate(*DEPLOY).code == 3  # other heads: it is tried, and fails once more
    assert attempts(desk) == 3
    assert_refused(desk.migrate(*DEPLOY), run=3)


@pytest.mark.parametrize("command", ["plan", "status"])
def test_those_who_look_are_told_what_a_deploy_would_say(desk: Desk, command: str) -> None:
    build_shop(desk, ("billing", CAUSE))
    assert desk.migrate(*DEPLOY).code == 3

    told = desk.migrate(command)

    assert told.code == (1 if command == "plan" else 0)
    words = " ".join(f"{told.out} {told.err}".split())
    assert "failed-before" in words
    assert "`migrate all-modules --retry`" in words


def test_waiters_inherit_the_verdict_of_the_run_they_waited_for(site: Site) -> None:
    build_shop(site, ("billing", SLOW_CAUSE))
    with site.session() as gate:
        gate.execute(f"SELECT pg_advisory_lock({GATE})")
        first = site.start(*DEPLOY)
        site.await_value(
            "SELECT true FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE '%pg_advisory_xact_lock%' AND application_name LIKE 'migrate:%'"
        )
        waiters = [site.start(*DEPLOY, *more) for more in ((), ("--retry",))]
        site.await_value(
            "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'migrate:waiting%' AND query LIKE '%pg_locks%'"  # it looks who has it
        )
        gate.execute(f"SELECT pg_advisory_unlock({GATE})")
        ended = site.end(first)
        told = [site.end(each) for each in waiters]

    assert ended.code == 3, ended.err
    for each in told:
        assert "server process" in each.said, "it did not wait"
        assert_refused(each)
    assert attempts(site) == 1


def test_six_replicas_that_restart_always_make_one_attempt_until_they_are_told_to_retry(site: Site) -> None:
    build_shop(site, ("billing", CAUSE))
    for _ in range(2):  # every replica dies with its entrypoint, and is started again
        replicas = [site.start(*DEPLOY) for _ in range(6)]
        assert [site.end(each).code for each in replicas] == [3] * 6
    assert attempts(site) == 1

    site.execute(CAUSE.repair)
    assert site.migrate(*DEPLOY, "--retry").code == 0
    assert site.migrate(*DEPLOY).code == 0
    assert attempts(site) == 2


def test_a_run_that_was_interrupted_is_tried_again(site: Site) -> None:
    build_shop(site, ("billing", sleeping(30)))
    with site.running(*DEPLOY) as first:
        site.await_value(SLEEPER)
        first.terminate()
        assert site.end(first).code == 3
    assert site.value("SELECT final FROM migrate.run") is False
    file = site.root / site.file("billing", "b2")
    file.write_text(file.read_text(encoding="utf-8").replace("pg_sleep(30)", "pg_sleep(0)"))

    done = site.migrate(*DEPLOY)

    assert done.code == 0, done.err
    assert attempts(site) == 2


def test_a_run_that_lost_its_connection_or_a_deadlock_is_tried_again(site: Site) -> None:
    build_shop(site, ("billing", sleeping(30)))
    with site.running(*DEPLOY) as first:
        pid = site.await_value(SLEEPER)
        site.execute(f"SELECT pg_terminate_backend({pid})")
        ended = site.end(first)
    assert ended.code in (3, 4), ended.err
    assert site.value("SELECT final FROM migrate.run") is False


def test_a_failure_that_had_to_be_recovered_from_is_not_tried_again_either(desk: Desk) -> None:
    build_shop(desk, ("crm", NO_WAY_BACK), ("billing", CAUSE))
    failed = desk.migrate(*DEPLOY, "--atomic", "step")
    assert failed.code == 4, failed.err
    desk.execute("DELETE FROM crm.customers WHERE id = 7")  # what was in the way of its way back
    aborted = desk.migrate("recover", "--abort")
    assert aborted.code == 0, aborted.err
    before = desk.picture()

    again = desk.migrate(*DEPLOY, "--atomic", "step")

    assert_refused(again)
    assert desk.picture() == before
    desk.execute(CAUSE.repair)
    done = desk.migrate(*DEPLOY, "--atomic", "step", "--retry")
    assert done.code == 0, done.err


def test_a_failure_that_was_cut_off_on_its_way_back_is_not_tried_again_either(site: Site) -> None:
    build_shop(site, ("crm", SLOW_WAY_BACK), ("billing", CAUSE))
    with site.running(*DEPLOY, "--atomic", "step") as process:
        site.await_value(SLEEPER)
        process.kill()
        process.communicate()
    next_start = site.migrate(*DEPLOY, "--atomic", "step")
    assert next_start.code == 4, next_start.err
    assert 'column "total" of relation "invoices" contains null' in site.value(
        "SELECT error FROM migrate.run WHERE number = 1"
    )
    site.execute("TRUNCATE crm.nap")
    aborted = site.migrate("recover", "--abort")
    assert aborted.code == 0, aborted.err

    again = site.migrate(*DEPLOY, "--atomic", "step")

    assert again.code == 3, again.err
    assert "run 1 tried the same plan and failed at 20" in again.said
    assert 'column "total" of relation "invoices" contains null' in again.said


def test_a_run_whose_worker_was_killed_as_for_want_of_memory_is_tried_again(desk: Desk) -> None:
    project(desk.root, modules=("crm",))
    write_revision(
        versions_of(desk.root, "crm"),
        "c1",
        upgrade="import os, signal\n"
        "if op.get_bind().execute(sa.text('SELECT count(*) FROM pg_class')).scalar():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)",
    )

    failed = desk.migrate(*DEPLOY)

    assert failed.code == 3, failed.err
    assert "the worker's process ended (signal 9)" in failed.said
    assert desk.rows("SELECT final, category FROM migrate.run JOIN migrate.incident ON run = number") == (
        (False, "resource"),
    )

"""`migrate cancel`: the run at work is stopped from another host, in whatever it does, and how it ended is told."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from coordinator.ledger.lock import application_name
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from tests.failures.roles import make_role
from tests.failures.shop import LOCK_HOLDER, SLEEPER, build_shop, sleeping
from tests.manners.street import (
    ADD_TO_CUSTOMERS,
    NEVER_REHEARSED,
    build_street,
    reading,
    waiting_for,
    waits,
)
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

LONG = 60.0  # seconds: no test waits for its end
BUILDING = (
    "SELECT true FROM pg_stat_progress_create_index"
    " WHERE datname = current_database() AND command = 'CREATE INDEX CONCURRENTLY'"
)
OURS = "SELECT true FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'migrate:{doing}%'"


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_a_run_that_writes_is_cancelled_and_everything_is_as_before(site: Site, atomic: str) -> None:
    build_shop(site, ("billing", sleeping(LONG)))
    before = site.picture()
    with site.running("all-modules", "--atomic", atomic, "--staging", "off") as process:
        site.await_value(SLEEPER)
        cancelled = site.migrate("cancel")
        ended = site.end(process)

    assert cancelled.code == 0, cancelled.err
    assert "asked run 1 on " in cancelled.said
    assert "run 1 has stopped, and everything is as it was before it" in cancelled.said
    assert ended.code == 3, ended.err
    assert "asks this run to stop: stopping" in ended.said
    assert "the run was interrupted: postgres (`migrate cancel` on " in ended.said
    assert "Traceback" not in ended.err
    assert site.picture() == before
    assert site.run_status() == "reversed"
    report = site.migrate("history", "1", "--report", "--format", "json")
    assert report.code == 0, report.err
    cause = json.loads(report.out)["technical_summary"]["root_cause"]
    assert cause.startswith("the run was interrupted: postgres (`migrate cancel` on ")
    assert cause.endswith(") asked it to stop")


def test_a_rehearsal_is_cancelled_and_nothing_was_written(site: Site) -> None:
    build_shop(site, ("billing", sleeping(LONG)))
    before = site.picture()
    with site.running("all-modules", "--staging", "embedded") as process:
        site.await_value(OURS.format(doing="rehearse"))
        time.sleep(1.0)
        cancelled = site.migrate("cancel")
        ended = site.end(process)

    assert cancelled.code == 0, cancelled.err
    assert "it has stopped; nothing was written" in cancelled.said
    assert ended.code == 130, ended.err
    assert not site.has_ledger()
    assert site.picture() == before
    assert not site.value(LOCK_HOLDER)


def test_a_run_is_cancelled_while_it_still_plans(site: Site) -> None:
    project(site.root, modules=("crm",))
    write_revision(versions_of(site.root, "crm"), "c1", header="import time; time.sleep(30)")
    with site.running(*NEVER_REHEARSED) as process:
        site.await_value(LOCK_HOLDER)
        cancelled = site.migrate("cancel")
        ended = site.end(process)

    assert cancelled.code == 0, cancelled.err
    assert ended.code == 130, ended.err
    assert not site.has_ledger()


def test_a_run_that_waits_for_a_table_is_cancelled_between_two_tries(site: Site) -> None:
    build_street(site, ADD_TO_CUSTOMERS)
    before = site.picture()
    with reading(site, "crm.customers"), site.running(*NEVER_REHEARSED, environment=waits()) as process:
        site.await_value(waiting_for("crm.customers"))
        time.sleep(2.0)
        cancelled = site.migrate("cancel", "1")
        ended = site.end(process)

    assert cancelled.code == 0, cancelled.err
    assert ended.code == 3, ended.err
    assert site.picture() == before
    assert site.run_status() == "reversed"


def test_a_concurrent_index_build_is_cancelled_and_leaves_no_index(site: Site) -> None:
    build_street(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c1",
        after="c0",
        upgrade="with op.get_context().autocommit_block():\n"
        '    op.execute("CREATE INDEX CONCURRENTLY by_email ON crm.customers (email)")',
        downgrade='op.execute("DROP INDEX crm.by_email")',
    )
    before = site.picture()
    with site.session() as session:
        session.execute("BEGIN; UPDATE crm.customers SET email = 'new' WHERE id = 1")
        with site.running(*NEVER_REHEARSED) as process:
            site.await_value(BUILDING)
            time.sleep(1.5)
            cancel = site.start("cancel")
            site.await_value(f"SELECT NOT EXISTS ({BUILDING})")
            session.execute("ROLLBACK")  # an index is dropped as gently as it is built: it waits for this
            cancelled, ended = site.end(cancel), site.end(process)

    assert cancelled.code == 0, cancelled.err
    assert ended.code == 3, ended.err
    assert "waiting for" in ended.said
    assert "for a lock on transactions that are older than its index build, held by pid" in ended.said
    assert site.picture() == before
    assert not site.value("SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'by_email')")


def test_a_run_that_is_taking_back_goes_on_with_that_and_says_so(site: Site) -> None:
    build_street(site, ("SELECT 1", "SELECT pg_sleep(4)"), ("SELECT 1 / 0", "SELECT 1"))
    before = site.picture()
    with site.running(*NEVER_REHEARSED, "--atomic", "step") as process:
        site.await_value(SLEEPER)
        cancelled = site.migrate("cancel")
        ended = site.end(process)

    assert cancelled.code == 0, cancelled.err
    assert "is taking back what it did already" in cancelled.said
    assert "run 1 has stopped, and everything is as it was before it" in cancelled.said
    assert "asks this run to stop: it is taking back what it did already" in ended.said
    assert ended.code == 3, ended.err
    assert "division by zero" in ended.said, "the first cause is told, not the cancel"
    assert site.picture() == before


def test_nothing_to_cancel_is_no_failure(site: Site) -> None:
    build_street(site, ADD_TO_CUSTOMERS)
    idle = site.migrate("cancel")
    assert idle.code == 0, idle.err
    assert "nothing to cancel: no run is at work" in idle.said

    assert site.migrate(*NEVER_REHEARSED).code == 0
    over = site.migrate("cancel", "1", "--format", "json")
    assert over.code == 0, over.err
    document = json.loads(over.out)
    assert (document["wasAtWork"], document["run"], document["status"]) == (False, 1, "applied")

    unknown = site.migrate("cancel", "7")
    assert unknown.code == 2, unknown.err
    assert "There is no run 7: the latest is run 1. next: `migrate history` lists the runs." in unknown.said


def test_another_number_than_that_of_the_run_at_work_cancels_nothing(site: Site) -> None:
    build_shop(site, ("billing", sleeping(3.0)))
    with site.running(*NEVER_REHEARSED) as process:
        site.await_value(SLEEPER)
        wrong = site.migrate("cancel", "2")
        ended = site.end(process)

    assert wrong.code == 2, wrong.err
    assert "run 2 is not at work, run 1 is" in wrong.said
    assert "`migrate cancel 1`" in wrong.said
    assert ended.code == 0, ended.err


def test_a_role_that_may_not_stop_the_run_is_refused_and_its_lock_is_not_obeyed(
    site: Site, role: str
) -> None:
    build_shop(site, ("billing", sleeping(4.0)))
    url = make_role(site, role)
    with site.running(*NEVER_REHEARSED) as process:
        holder = site.await_value(LOCK_HOLDER)
        site.await_value(SLEEPER)
        refused = site.migrate("cancel", url=url)
        # Whoever takes the lock by hand, without the right to, is not listened to either.
        with Session(connect(url, application_name="nosy")) as session:
            session.execute(f"SELECT pg_advisory_lock_shared({0x6D696763}, {holder})")
            ended = site.end(process)

    assert refused.code == 6, refused.err
    assert "this role may not stop run 1 on " in refused.said
    assert "pg_signal_backend" in refused.said
    assert ended.code == 0, ended.err


def test_a_run_that_does_not_end_in_time_is_told_and_left_alone(site: Site) -> None:
    build_street(site)
    with site.session() as session:  # a run whose process has stopped answering
        name = application_name("12", "crm:c1")
        session.execute("SELECT set_config('application_name', %s, false)", (name,))
        session.execute(f"SELECT pg_advisory_lock({0x6D696772617465})")
        late = site.migrate("cancel", "--wait", "1s")
    assert late.code == 5, late.err
    assert "was asked to stop and has not ended" in late.said
    assert "pg_terminate_backend" in late.said

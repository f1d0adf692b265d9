"""Long readers in the way of a run: nobody waits long behind it, it is tried again, and it names who is in its way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.manners.street import (
    ADD_TO_CUSTOMERS,
    ADD_TO_NOTES,
    ADD_TO_VISITS,
    NEVER_REHEARSED,
    READER,
    REHEARSED,
    Passer,
    build_street,
    reading,
    waiting_for,
    waits,
)

if TYPE_CHECKING:
    from tests.failures.site import Site

A_LITTLE = 0.7  # seconds: two cores, and other tests


@pytest.mark.parametrize("command", [NEVER_REHEARSED, REHEARSED])
def test_nobody_waits_behind_a_waiting_run_and_it_succeeds_once_the_reader_ends(
    site: Site, command: tuple[str, ...]
) -> None:
    build_street(site, ADD_TO_NOTES, ADD_TO_CUSTOMERS)
    with Passer(site, "crm.customers").passing() as passer, Passer(site, "crm.notes").passing() as other:
        with reading(site, "crm.customers"):
            process = site.start(*command, environment=waits())
            site.await_value(waiting_for("crm.customers"))
            time.sleep(3.0)
            assert process.poll() is None, "it gave up"
        ended = site.end(process)

    assert ended.code == 0, ended.err
    assert passer.longest < 0.5 + A_LITTLE
    assert other.longest < 0.5 + A_LITTLE, "who reads what the run has changed already waits as short"
    assert "in the way: a lock on crm.customers, held by pid" in ended.said
    assert "nightly report of postgres, idle in transaction, in a transaction for" in ended.said
    assert "trying again in" in ended.said
    assert "4711" not in ended.err, "a value of somebody's query is shown"
    assert site.steps() == ("upgrade crm:c1 applied", "upgrade crm:c2 applied")


def test_a_reader_that_never_ends_is_named_and_everything_is_as_before(site: Site) -> None:
    build_street(site, ADD_TO_NOTES, ADD_TO_CUSTOMERS)
    before = site.picture()
    with reading(site, "crm.customers"):
        blocker = site.value(READER)
        ended = site.migrate(*NEVER_REHEARSED, environment=waits(patience="2s"))

    assert ended.code == 3, ended.err
    assert f"pid {blocker} (nightly report of postgres" in ended.said
    assert "SELECT count(*) FROM crm.customers WHERE id <> …" in ended.said
    assert "55P03" in ended.said
    assert site.picture() == before
    assert site.run_status() == "reversed"
    assert str(blocker) in site.value("SELECT error FROM migrate.run ORDER BY number DESC LIMIT 1")
    again = site.migrate(*NEVER_REHEARSED, environment=waits())
    assert again.code == 0, "there was nothing to mend, so nobody has to ask for another try"


def test_several_readers_make_the_run_wait_no_longer_than_one_does(site: Site) -> None:
    build_street(site, ADD_TO_CUSTOMERS, ADD_TO_NOTES, ADD_TO_VISITS)
    # The rehearsal's order is that of the steps; each table alone would be had just in time.
    with (
        Passer(site, "crm.customers").passing() as passer,
        reading(site, "crm.customers"),
        reading(site, "crm.notes"),
        reading(site, "crm.visits"),
    ):
        ended = site.migrate(*REHEARSED, environment=waits(wait="1s", patience="3s"))

    assert ended.code == 3, ended.err
    assert passer.longest < 1.0 + A_LITTLE


def test_a_step_that_waits_within_its_transaction_gives_all_of_it_back(site: Site) -> None:
    # What a DO block locks no SQL tells, so it cannot be locked up front without a rehearsal.
    hidden = (
        "DO $$ BEGIN EXECUTE 'ALTER TABLE crm.notes ADD COLUMN body text'; END $$",
        "ALTER TABLE crm.notes DROP COLUMN body",
    )
    build_street(site, ADD_TO_CUSTOMERS, hidden)
    with Passer(site, "crm.customers").passing() as passer:
        with reading(site, "crm.notes"):
            process = site.start(*NEVER_REHEARSED, environment=waits())
            site.await_value(waiting_for("crm.notes"))
            time.sleep(2.0)
        ended = site.end(process)

    assert ended.code == 0, ended.err
    assert "1 step was given back" in ended.said
    assert passer.longest < 0.5 + A_LITTLE, "who reads what was changed waits only until it is given back"
    assert site.steps() == ("upgrade crm:c1 applied", "upgrade crm:c2 applied"), "tries leave no rows"


def test_without_a_reader_nothing_is_said_of_waiting(site: Site) -> None:
    build_street(site, ADD_TO_CUSTOMERS)
    ended = site.migrate(*REHEARSED, environment=waits())
    assert ended.code == 0, ended.err
    assert "wait" not in ended.said
    assert "the longest transaction holds its locks on crm.customers for about 0." in ended.said

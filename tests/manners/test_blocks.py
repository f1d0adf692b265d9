"""Steps that commit statement by statement wait for locks as briefly as transactions do, and are tried again too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.manners.street import NEVER_REHEARSED, READER, Passer, build_street, reading, waiting_for, waits
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

A_LITTLE = 0.7  # seconds: two cores, and other tests
ADD = "op.execute('ALTER TABLE crm.customers ADD COLUMN phone text')"
DROP = "op.execute('ALTER TABLE crm.customers DROP COLUMN phone')"
BLOCK = "with op.get_context().autocommit_block():\n    "
BUILD = f"{BLOCK}op.execute('CREATE INDEX CONCURRENTLY by_customer ON crm.notes (customer)')"
UNBUILD = f"{BLOCK}op.execute('DROP INDEX CONCURRENTLY crm.by_customer')\n"
IN_A_BLOCK = (f"{BLOCK}{ADD}", DROP)
BEFORE_A_BLOCK = (f"{ADD}\n{BUILD}", f"{UNBUILD}{DROP}")


def build(site: Site, upgrade: str, downgrade: str = "pass") -> None:
    """The street, and one step that is pending."""
    build_street(site)
    write_revision(versions_of(site.root, "crm"), "c1", after="c0", upgrade=upgrade, downgrade=downgrade)


@pytest.mark.parametrize("step", [IN_A_BLOCK, BEFORE_A_BLOCK], ids=["in a block", "before a block"])
def test_nobody_waits_behind_its_statements_and_they_succeed_once_the_reader_ends(
    site: Site, step: tuple[str, str]
) -> None:
    build(site, *step)
    with Passer(site, "crm.customers").passing() as passer:
        with reading(site, "crm.customers"):
            process = site.start(*NEVER_REHEARSED, environment=waits())
            site.await_value(waiting_for("crm.customers"))
            time.sleep(3.0)
            assert process.poll() is None, "it gave up"
        ended = site.end(process)

    assert ended.code == 0, ended.err
    assert passer.longest < 0.5 + A_LITTLE
    assert site.value("SELECT count(phone) FROM crm.customers") == 0


@pytest.mark.parametrize("step", [IN_A_BLOCK, BEFORE_A_BLOCK], ids=["in a block", "before a block"])
def test_a_reader_that_never_ends_is_named_and_everything_is_as_before(
    site: Site, step: tuple[str, str]
) -> None:
    build(site, *step)
    before = site.picture()
    with reading(site, "crm.customers"):
        blocker = site.value(READER)
        ended = site.migrate(*NEVER_REHEARSED, environment=waits(patience="2s"))

    assert ended.code == 3, ended.err
    assert f"in the way: a lock on crm.customers, held by pid {blocker}" in ended.said
    assert "55P03" in ended.said
    assert site.picture() == before
    assert site.migrate(*NEVER_REHEARSED, environment=waits()).code == 0


def test_a_concurrent_build_waits_for_longer_than_lock_wait(site: Site) -> None:
    build(site, BUILD, UNBUILD)
    with site.session() as session:
        session.execute("BEGIN; UPDATE crm.notes SET customer = 1")
        process = site.start(*NEVER_REHEARSED, environment=waits(patience="1ms"))
        site.await_value("SELECT true FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted")
        time.sleep(2.0)
        session.execute("ROLLBACK")
        ended = site.end(process)
    assert ended.code == 0, ended.err
    assert site.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.by_customer'::regclass")


def test_a_limit_that_the_revision_sets_holds_for_its_build(site: Site) -> None:
    limited = f"{BLOCK}op.execute(\"SET lock_timeout = '300ms'\")\n{BUILD.removeprefix(BLOCK[:-4])}"
    build(site, limited, UNBUILD)
    with site.session() as session:
        session.execute("BEGIN; UPDATE crm.notes SET customer = 1")
        process = site.start(*NEVER_REHEARSED, environment=waits(wait="30s"))
        # What the build that was ended has left is dropped before the index is built once more.
        site.await_value(
            "SELECT true FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE 'DROP INDEX CONCURRENTLY%'"
        )
        session.execute("ROLLBACK")
        ended = site.end(process)
    assert ended.code == 0, ended.err
    assert site.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'crm.by_customer'::regclass")


def test_what_has_committed_by_itself_is_not_sent_again(site: Site) -> None:
    raises = "RAISE EXCEPTION 'later' USING ERRCODE = '40P01'"
    sql = f"DO $$ BEGIN INSERT INTO crm.notes VALUES (1, 1); COMMIT; {raises}; END $$"
    build(site, f"{BLOCK}op.execute({sql!r})")
    ended = site.migrate(*NEVER_REHEARSED, environment=waits())
    assert ended.code == 4, ended.err
    assert "later" in ended.said
    assert site.value("SELECT count(*) FROM crm.notes") == 1

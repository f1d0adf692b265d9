"""`--max-hold`: how long one transaction would keep others waiting decides how much is in it, or that it is not run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.manners.street import ADD_TO_CUSTOMERS, ADD_TO_NOTES, build_street

if TYPE_CHECKING:
    from tests.failures.site import Site

SLOW = (
    "DO $$ BEGIN PERFORM pg_sleep(0.8); EXECUTE 'ALTER TABLE crm.visits ADD COLUMN at date'; END $$",
    "ALTER TABLE crm.visits DROP COLUMN at",
)
SLOW_TOO = (
    "DO $$ BEGIN PERFORM pg_sleep(0.8); EXECUTE 'ALTER TABLE crm.notes ADD COLUMN body text'; END $$",
    "ALTER TABLE crm.notes DROP COLUMN body",
)
REHEARSED = ("all-modules", "--staging", "embedded")


def test_a_run_that_would_hold_its_locks_too_long_commits_step_by_step_instead(site: Site) -> None:
    build_street(site, SLOW, SLOW_TOO)
    ended = site.migrate(*REHEARSED, "--max-hold", "1500ms")
    assert ended.code == 0, ended.err
    assert "one transaction would hold its locks on crm.notes, crm.visits for about 1." in ended.said
    assert "--max-hold is 1s500ms: each step shall commit by itself instead" in ended.said
    assert ended.said.count("rehearsing 2 steps") == 2, "what is applied is what was rehearsed"
    assert "guarantee that held: step by step" in ended.said
    assert site.value("SELECT count(*) FROM migrate.outcome") == 2


def test_a_run_that_must_be_one_transaction_is_refused(site: Site) -> None:
    build_street(site, SLOW, SLOW_TOO)
    before = site.picture()
    ended = site.migrate(*REHEARSED, "--max-hold", "1500ms", "--atomic", "run")
    assert ended.code == 1, ended.err
    assert "--max-hold is 1s500ms" in ended.said
    assert "let each step commit by itself with --atomic step, or allow it" in ended.said
    assert "--max-hold 3s" in ended.said
    assert site.picture() == before
    assert not site.has_ledger()


def test_one_step_that_is_too_long_by_itself_is_refused(site: Site) -> None:
    build_street(site, SLOW, ADD_TO_CUSTOMERS)
    ended = site.migrate(*REHEARSED, "--max-hold", "400ms")
    assert ended.code == 1, ended.err
    assert "crm:c1 would hold its locks on crm.visits for about" in ended.said
    assert "split the revision" in ended.said
    assert not site.has_ledger()


def test_time_in_which_nobody_waits_does_not_count(site: Site) -> None:
    build_street(site, ("CREATE TABLE crm.orders AS SELECT pg_sleep(1)::text", "DROP TABLE crm.orders"))
    ended = site.migrate(*REHEARSED, "--max-hold", "500ms")
    assert ended.code == 0, ended.err
    assert "holds its locks" not in ended.said


def test_how_long_locks_are_held_is_in_the_document_too(site: Site) -> None:
    build_street(site, ADD_TO_CUSTOMERS, ADD_TO_NOTES)
    ended = site.migrate(*REHEARSED, "--format", "json")
    assert ended.code == 0, ended.err
    (locks,) = json.loads(ended.out)["rehearsal"]["locks"]
    assert locks["steps"] == ["crm:c1", "crm:c2"]
    assert locks["direction"] == "upgrade"
    assert [each["table"] for each in locks["tables"]] == ["crm.customers", "crm.notes"]
    assert {each["mode"] for each in locks["tables"]} == {"ACCESS EXCLUSIVE"}

"""Each part of a report is kept for its own time, and the whole for the longest of them; what is not settled stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from coordinator.ledger.incidents import read_expired_incidents
from coordinator.workflow.incidents import delete_expired_incidents
from tests.failures.shop import BREAKS, build_shop
from tests.failures.test_unsettled import BROKEN_WAY_BACK
from tests.incidents.form import violations

if TYPE_CHECKING:
    from tests.failures.site import Site

# As if it had happened so many days earlier; `until` is a moment in the document.
EARLIER = """
UPDATE migrate.incident SET began = began - interval '{days} days', expires = expires - interval '{days} days',
  document = jsonb_set(document, '{{data_collection,dataCategories}}', (
    SELECT jsonb_agg(each || jsonb_build_object('until', (each->>'until')::timestamptz - interval '{days} days'))
      FROM jsonb_array_elements(document->'data_collection'->'dataCategories') AS each))
"""


@pytest.mark.usefixtures("leftovers")
def test_parts_go_one_by_one_and_the_rest_with_the_longest(site: Site) -> None:
    build_shop(site, ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--staging", "off").code == 3
    before = site.picture()

    assert "nothing is left behind" in gc(site)
    site.execute(EARLIER.format(days=15))
    assert "would delete: cause, notices in the incident of run 1" in gc(site, "--dry-run")
    assert "deleted: cause, notices in the incident of run 1" in gc(site)
    assert "nothing is left behind" in gc(site)

    found = site.migrate("history", "1", "--report", "--format", "json")
    document = json.loads(found.out)
    assert violations(document) == []
    assert document["causes"][0]["statement"] == ""
    assert document["causes"][0]["sqlstate"] == "23502"
    assert document["rollback"]["steps"]
    assert {each["name"]: each["deleted"] for each in document["data_collection"]["dataCategories"]} == {
        "steps": False,
        "cause": True,
        "notices": True,
    }

    site.execute(EARLIER.format(days=80))
    assert "deleted: incident of run 1" in gc(site)
    gone = site.migrate("history", "1", "--report")
    assert gone.code == 2
    assert "the report was deleted in time" in gone.said
    assert site.migrate("history", "1").code == 0
    assert site.picture() == before


@pytest.mark.usefixtures("leftovers")
def test_a_report_whose_run_is_not_settled_stays(site: Site) -> None:
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--atomic", "step", "--staging", "off").code == 4
    site.execute(EARLIER.format(days=400))
    assert "incident of run 1" not in gc(site)
    assert site.migrate("history", "1", "--report").code == 0


def test_only_reports_of_which_something_is_due_are_read(site: Site) -> None:
    build_shop(site, ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--staging", "off").code == 3
    with site.session() as session:

        def due() -> list[int]:
            now = session.value("SELECT clock_timestamp()")
            return [each.run for each in read_expired_incidents(session, now)]

        assert due() == []
        session.execute(EARLIER.format(days=15))
        assert due() == [1]
        assert delete_expired_incidents(session) == ("cause, notices in the incident of run 1",)
        assert due() == []
        session.execute("UPDATE migrate.incident SET expires = clock_timestamp(), ended = NULL")
        assert due() == []  # a person must look at it first
        session.execute("UPDATE migrate.incident SET ended = began")
        assert due() == [1]


def gc(site: Site, *arguments: str) -> str:
    """`migrate gc` on the target; what it said. It looks at the whole machine, so only lines about reports count."""
    done = site.migrate("gc", *arguments)
    assert done.code in (0, 1), done.err
    lines = [line for line in done.out.splitlines() if "incident" in line]
    return " ".join(lines) or "nothing is left behind"

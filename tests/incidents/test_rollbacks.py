"""The report of a rollback that failed: its advice is about rolling back, and what is left of it is out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.failures.shop import BREAKS, Break, build_shop
from tests.incidents.test_report import report

if TYPE_CHECKING:
    from tests.failures.site import Site

NO_WAY_BACK = Break(
    sql="SELECT 1",
    undo="SELECT 1 / (id - 7) FROM crm.customers",
    spoil="SELECT 1",
    repair="SELECT 1",
    words=(),
)
ROLLBACK = ("rollback", "--run", "1", "--yes", "--staging", "off")


def test_a_failed_rollback_is_told_to_be_tried_again_as_one(site: Site) -> None:
    build_shop(site, ("crm", NO_WAY_BACK))
    assert site.migrate("all-modules", "--staging", "off").code == 0
    failed = site.migrate(*ROLLBACK)
    assert failed.code == 3, failed.err

    document = report(site, 2)

    assert (document["kind"], document["category"]) == ("rollback", "data")
    assert document["next_steps"] == [
        "look at the rows that the step stumbled over, mend them or the revision, then `migrate rollback`"
    ]


def test_what_is_left_of_a_rollback_is_out(site: Site) -> None:
    tightens = BREAKS["billing", "rows"]
    build_shop(site, ("crm", NO_WAY_BACK), ("billing", tightens))
    site.execute(tightens.repair)
    assert site.migrate("all-modules", "--staging", "off").code == 0
    nulls = "ALTER TABLE billing.invoices ALTER COLUMN total DROP NOT NULL;" + tightens.spoil
    site.execute(nulls)
    failed = site.migrate(*ROLLBACK, "--atomic", "step")
    assert failed.code == 4, failed.err
    assert "still out: " in failed.said

    document = report(site, 2)
    assert document["rollback"]["still_in"] == ["agenda:a1", "billing:b2"]
    assert (
        document["rollback"]["outcome"]
        == "not everything could be taken back; still out: agenda:a1, billing:b2"
    )

    assert site.migrate("recover", "--resume").code == 0
    settled = report(site, 2)
    assert settled["rollback"]["still_in"] == ["agenda:a1", "billing:b2"]
    assert settled["rollback"]["outcome"].startswith("a part of the run is out")
    assert settled["next_steps"] == [
        "`migrate status` tells what is in; `migrate rollback` goes on from there"
    ]

"""Runs that were cut off, or not taken back whole: the next command that settles them says so in their report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.environments.at_work import await_sleeper
from tests.failures.shop import BREAKS, build_shop, sleeping
from tests.failures.test_unsettled import BROKEN_WAY_BACK
from tests.incidents.test_report import report

if TYPE_CHECKING:
    from tests.failures.site import Site


def killed(site: Site, *arguments: str) -> None:
    """A run that was killed in the middle of billing:b2, and whose server process has noticed."""
    build_shop(site, ("billing", sleeping(4)))
    with site.running("all-modules", "--staging", "off", *arguments) as process:
        await_sleeper(site, process)
        process.kill()
        process.communicate()
    site.await_value(
        "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'migrate:%')"
    )


def test_a_run_that_was_cut_off_gets_its_report_from_the_next_command(site: Site) -> None:
    killed(site)
    too_early = site.migrate("history", "1", "--report")
    assert too_early.code == 2
    assert "Run 1 is not over" in too_early.said

    again = site.migrate("all-modules", "--staging", "off")
    assert again.code == 0, again.err

    document = report(site)
    assert (document["category"], document["severity"]) == ("interruption", "LOW")
    assert "was cut off" in document["technical_summary"]["root_cause"]
    assert document["rollback"]["outcome"] == "everything is as it was before the run"
    assert document["not_seen"] == "nobody was there to look when it was cut off"
    assert document["causes"][0]["step"] == "crm:c2"


def test_a_part_of_a_cut_off_run_that_is_in_is_told(site: Site) -> None:
    killed(site, "--atomic", "step")
    again = site.migrate("all-modules", "--staging", "off")
    assert again.code == 0, again.err

    document = report(site)
    assert document["severity"] == "HIGH"
    assert document["rollback"]["still_in"] == ["crm:c2"]
    assert document["causes"][0]["step"] == "billing:b2"


def test_what_was_not_taken_back_is_critical_until_recover_has_settled_it(site: Site) -> None:
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", BREAKS["billing", "rows"]))
    failed = site.migrate("all-modules", "--atomic", "step", "--staging", "off")
    assert failed.code == 4, failed.err
    assert "`migrate history 1 --report`" in failed.said

    document = report(site)
    assert (document["category"], document["severity"]) == ("data", "CRITICAL")
    assert document["end_time"] is None
    assert document["technical_summary"]["recovery_time"] is None
    assert [each["sqlstate"] for each in document["causes"]] == ["23502", "22012"]
    assert document["causes"][1]["direction"] == "downgrade"
    assert document["rollback"]["still_in"] == ["crm:c2"]
    assert "`migrate recover`" in document["next_steps"][0]

    file = site.root / site.file("crm", "c2")
    file.write_text(file.read_text(encoding="utf-8").replace("1 / (id - 7)", "NULL"), encoding="utf-8")
    assert site.migrate("recover", "--abort").code == 0

    settled = report(site)
    assert settled["incident_id"] == document["incident_id"]
    assert settled["severity"] == "HIGH"
    assert settled["end_time"] is not None
    assert settled["technical_summary"]["recovery_time"] > 0
    assert settled["rollback"]["still_in"] == []
    assert settled["causes"] == document["causes"]


def test_what_recover_keeps_is_told_too(site: Site) -> None:
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--atomic", "step", "--staging", "off").code == 4
    assert site.migrate("recover", "--resume").code == 0

    settled = report(site)
    assert settled["rollback"]["status"] == "settled"
    assert settled["rollback"]["still_in"] == ["crm:c2"]
    assert "settled as it is" in settled["rollback"]["settled_by"]
    assert "`migrate status`" in settled["next_steps"][0]

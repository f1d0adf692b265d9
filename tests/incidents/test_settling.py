"""Runs that were cut off, or not taken back whole: the next command that settles them says so in their report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.environments.at_work import await_sleeper
from tests.failures.shop import BREAKS, Break, build_shop, sleeping
from tests.failures.test_unsettled import BROKEN_WAY_BACK
from tests.incidents.test_report import report

if TYPE_CHECKING:
    from tests.failures.site import Site


def killed(site: Site, *arguments: str) -> None:
    """A run that was killed in the middle of billing:b2, and whose server process has noticed."""
    build_shop(site, ("billing", sleeping(4)))
    kill_sleeping(site, *arguments)


def kill_sleeping(site: Site, *arguments: str) -> None:
    """Kill a run in the step that sleeps."""
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
    root_cause = document["technical_summary"]["root_cause"]
    assert "was cut off" in root_cause
    assert "was ended, or lost the server, before it could write down here what it came to" in root_cause
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


SLOW_WAY_BACK = Break(
    sql="SELECT 1", undo="SELECT pg_sleep(4)", spoil="SELECT 1", repair="SELECT 1", words=()
)


def test_a_run_that_was_killed_on_its_way_back_is_told_with_what_it_failed_for(site: Site) -> None:
    build_shop(site, ("crm", SLOW_WAY_BACK), ("billing", BREAKS["billing", "rows"]))
    kill_sleeping(site, "--atomic", "step")
    refused = site.migrate("all-modules", "--staging", "off")
    assert refused.code == 4, refused.err

    document = report(site)
    place = site.place("billing", "b2", "SET NOT NULL")
    root_cause = document["technical_summary"]["root_cause"]
    assert root_cause.startswith(f"billing:b2 failed in upgrade() at {place}: ")
    assert root_cause.endswith("contains null values (SQLSTATE 23502); then the run was cut off")
    cause = document["causes"][0]
    assert (cause["step"], cause["direction"], cause["part"]) == ("billing:b2", "upgrade", "upgrade()")
    assert (cause["sqlstate"], f"{cause['file']}:{cause['line']}") == ("23502", place)
    assert (document["category"], document["severity"]) == ("data", "CRITICAL")
    assert str(site.root) not in str(document)

    assert site.migrate("recover", "--abort").code == 0
    settled = report(site)
    assert (settled["category"], settled["severity"]) == ("data", "HIGH")
    assert settled["technical_summary"]["root_cause"] == root_cause
    assert settled["technical_summary"]["rollback_scope"] == ["crm:c2"]
    assert settled["rollback"]["settled_by"].endswith("taken back by run 2")
    assert steps_of(settled) == [
        "upgrade crm:c2 applied",
        "upgrade billing:b2 failed",
        "downgrade crm:c2 reversed",
    ]
    assert settled["next_steps"][0].endswith("an unchanged attempt needs `--retry`")
    assert site.migrate("all-modules", "--staging", "off").code == 3


def test_a_step_that_recover_takes_back_of_a_run_that_was_cut_off_is_told_as_that(site: Site) -> None:
    killed(site, "--atomic", "step")
    assert site.migrate("recover", "--abort").code == 0

    document = report(site)
    assert document["rollback"]["outcome"] == "everything is as it was before the run"
    assert document["technical_summary"]["rollback_scope"] == ["crm:c2"]
    assert steps_of(document) == ["upgrade crm:c2 applied", "downgrade crm:c2 reversed"]


def test_a_recovery_that_fails_settles_nothing(site: Site) -> None:
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--atomic", "step", "--staging", "off").code == 4
    assert site.migrate("recover", "--abort").code == 4

    document = report(site)
    assert document["rollback"]["status"] == "unsettled"
    assert document["end_time"] is None
    assert "settled_by" not in document["rollback"]
    assert steps_of(document)[-2:] == ["downgrade crm:c2 failed", "downgrade crm:c2 failed"]
    assert str(site.root) not in str(document)

    own = site.migrate("history", "2", "--report")
    assert own.code == 2
    assert "Run 2 recovered earlier runs, and their reports tell what it did with their steps." in own.said
    assert "`migrate history 2` tells why it stopped" in own.said

    assert site.migrate("recover", "--resume").code == 0
    assert report(site)["rollback"]["settled_by"] == "settled as it is"


def test_an_error_that_was_not_written_down_is_not_told_as_none(site: Site) -> None:
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--atomic", "step", "--staging", "off").code == 4
    site.execute("UPDATE migrate.run SET error = NULL")
    for command in (("all-modules",), ("rollback", "--run", "1", "--yes")):
        refused = site.migrate(*command, "--staging", "off")
        assert refused.code == 4, refused.err
        assert "was not taken back whole: no error was written down" in refused.said


# The commands that write to the ledger, each with something to write.
WRITERS = (
    ("all-modules", "--staging", "off"),
    ("rollback", "crm", "--to", "c1", "--yes", "--staging", "off"),
    ("recover", "--abort"),
    ("recover", "--resume"),
    ("recover", "--end-backend"),
    ("release", "--all"),
    ("accept", "crm:c2", "--reason", "seen"),
    ("gc", "--run", "1"),
)


def test_no_command_writes_to_the_ledger_of_a_newer_program_while_a_run_is_not_over(site: Site) -> None:
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--atomic", "step", "--staging", "off").code == 4
    site.execute(
        "INSERT INTO migrate.version VALUES (99); INSERT INTO migrate.hold VALUES ('agenda', 'a1', 1)"
    )
    file = site.root / site.file("crm", "c2")
    file.write_text(file.read_text(encoding="utf-8").replace("(id - 7)", "(id - 8)"), encoding="utf-8")
    before = ledger(site)
    for command in WRITERS:
        ended = site.migrate(*command)
        assert ended.code in (1, 2, 4), f"{command}: {ended.err}"
        assert ledger(site) == before, command
    assert "written by a newer coordinator (version 99" in site.migrate("recover", "--abort").said


def ledger(site: Site) -> dict[str, tuple[object, ...]]:
    """Every row of every table of the ledger, with which transaction wrote it."""
    tables = site.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'migrate' ORDER BY 1")
    return {
        name: site.rows(f"SELECT xmin::text, t::text FROM migrate.{name} AS t ORDER BY 2")
        for (name,) in tables
    }


def steps_of(document: dict[str, Any]) -> list[str]:
    return [f"{each['direction']} {each['step']} {each['status']}" for each in document["rollback"]["steps"]]

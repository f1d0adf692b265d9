"""The report of each kind of failure on a real server: what it says, and that it keeps to the published form."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

from tests.environments.at_work import await_sleeper
from tests.failures.shop import BREAKS, SLEEPER, Break, build_shop, sleeping
from tests.incidents.form import PAGE, published, violations

if TYPE_CHECKING:
    from tests.failures.site import Site


def report(site: Site, run: int = 1) -> dict[str, Any]:
    """The run's report as JSON, which keeps to its form; its Markdown can be printed too."""
    found = site.migrate("history", str(run), "--report", "--format", "json")
    assert found.code == 0, found.err
    document: dict[str, Any] = json.loads(found.out)
    assert violations(document) == []
    markdown = site.migrate("history", str(run), "--report")
    assert markdown.code == 0, markdown.err
    for heading in (
        "# Incident in run",
        "## Root cause",
        "## Rollback",
        "## Data kept",
        "## What to do next",
    ):
        assert heading in markdown.out
    return document


def names(document: dict[str, Any]) -> set[str]:
    return {each["name"] for each in document["data_collection"]["dataCategories"]}


def test_the_page_names_every_field_once() -> None:
    fields = published()
    assert len(fields) > 70
    assert PAGE.read_text(encoding="utf-8").count("| `incident_id` |") == 1


def test_a_failure_of_data_is_told_with_place_modules_and_outcome(site: Site) -> None:
    build_shop(site, ("billing", BREAKS["billing", "rows"]))
    failed = site.migrate("all-modules", "--staging", "off")
    assert failed.code == 3, failed.err
    assert "`migrate history 1 --report`" in failed.said

    document = report(site)

    assert (document["category"], document["severity"]) == ("data", "HIGH")
    cause = document["causes"][0]
    assert cause["sqlstate"] == "23502"
    place = site.place("billing", "b2", "SET NOT NULL")
    assert f"{cause['file']}:{cause['line']}" == place
    assert place in document["technical_summary"]["root_cause"]
    assert cause["statement"] == "ALTER TABLE billing.invoices ALTER COLUMN total SET NOT NULL"
    assert document["technical_summary"]["rollback_scope"] == ["crm:c2"]
    assert document["technical_summary"]["affected_modules"][:2] == ["billing", "crm"]
    assert 0 <= document["technical_summary"]["recovery_time"] < 60
    assert document["running"]["waiting"] == ["agenda:a1"]
    assert [each["status"] for each in document["rollback"]["steps"]] == ["rolled back", "failed"]
    assert names(document) == {"steps", "cause", "notices"}
    assert document["sessions"] == document["locks"] == []


def test_a_lock_that_is_not_to_be_had_names_who_holds_it(site: Site) -> None:
    build_shop(site)
    with site.session() as holder, holder.transaction():
        holder.execute("LOCK TABLE billing.invoices IN SHARE MODE")
        failed = site.migrate(
            "all-modules",
            "--staging",
            "off",
            environment={"MIGRATE_LOCK_WAIT": "1s", "MIGRATE_LOCK_PATIENCE": "1s"},
        )
        pid = holder.pid_when_open
    assert failed.code == 3, failed.err

    document = report(site)

    assert (document["category"], document["severity"]) == ("lock", "MEDIUM")
    assert document["causes"][0]["sqlstate"] == "55P03"
    first = document["sessions"][0]
    assert (first["pid"], first["blocks_the_run"], first["application"]) == (pid, True, "test")
    assert first["query"] == "LOCK TABLE billing.invoices IN SHARE MODE"
    assert first["transaction_seconds"] >= 1
    assert any(
        each["pid"] == pid and each["table"] == "billing.invoices" and each["mode"] == "ShareLock"
        for each in document["locks"]
    )
    assert any(each["ours"] == "the run's steps" for each in document["sessions"])
    assert any("another session stood in the way" in each for each in document["lessons_learned"])
    assert document["prevention_actions"]


def test_a_connection_that_is_cut_is_told_though_the_ledgers_own_was_cut_too(site: Site) -> None:
    build_shop(site, ("billing", sleeping(60)))
    before = site.picture()
    with site.running("all-modules", "--staging", "off") as process:
        await_sleeper(site, process)
        site.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'migrate:%' AND pid <> pg_backend_pid()"
            f" AND (application_name LIKE 'migrate:ledger%' OR pid = ({SLEEPER}))"
        )
        cut = site.end(process)
    assert cut.code == 3, cut.err
    assert site.picture() == before

    document = report(site)

    assert document["category"] == "connection"
    assert document["causes"][0]["step"] == "billing:b2"
    assert any(each["name"] == "version" for each in document["server"])


def test_an_interrupted_run_tells_who_was_there(site: Site) -> None:
    build_shop(site, ("billing", sleeping(60)))
    with site.running("all-modules", "--staging", "off") as process:
        await_sleeper(site, process)
        process.send_signal(signal.SIGTERM)
        stopped = site.end(process)
    assert stopped.code == 3, stopped.err

    document = report(site)

    assert (document["category"], document["severity"]) == ("interruption", "LOW")
    assert document["causes"][0]["step"] == "billing:b2"
    assert any(each["ours"] == "the run's steps" for each in document["sessions"])


def test_a_failure_of_code_tells_the_frames_of_the_author(site: Site) -> None:
    build_shop(
        site, ("billing", Break(sql="SELECT 1", undo="SELECT 1", spoil="SELECT 1", repair="", words=()))
    )
    file = site.root / site.file("billing", "b2")
    text = file.read_text(encoding="utf-8").replace(
        "    op.execute('SELECT 1')\n",
        "    found = op.get_bind().execute(sa.text('SELECT email FROM crm.customers')).fetchone()\n"
        "    assert found is None, f'there is {found[0]} already'\n",
        1,
    )
    file.write_text(text, encoding="utf-8")
    failed = site.migrate("all-modules", "--staging", "off")
    assert failed.code == 3, failed.err
    assert "user1@example.org" in failed.said  # on the terminal, where its author looks

    document = report(site)

    assert document["category"] == "code"
    cause = document["causes"][0]
    assert cause["frames"][-1].startswith("b2.py:")
    assert cause["frames"][-1].endswith("in upgrade")
    assert "AssertionError: there is … already" in cause["message"]
    assert "example.org" not in json.dumps(document)


def test_a_run_without_a_failure_has_no_report_and_says_why(site: Site) -> None:
    build_shop(site)
    assert site.migrate("all-modules", "--staging", "off").code == 0

    applied = site.migrate("history", "1", "--report")
    unknown = site.migrate("history", "7", "--report")
    listed = site.migrate("history", "--report")

    assert (applied.code, unknown.code, listed.code) == (2, 2, 2)
    assert "Run 1 was applied, so there is no incident to report." in applied.said
    assert "There is no run 7: the latest is run 1." in unknown.said
    assert "--report with the number of a run" in listed.said


def test_a_report_goes_to_a_file_only_when_asked(site: Site) -> None:
    build_shop(site, ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--staging", "off").code == 3
    there = set(site.root.iterdir())
    written = site.migrate("history", "1", "--report", "--output", "incident.md")
    refused = site.migrate("history", "1", "--report", "--output", "no/such/folder.md")

    assert written.code == 0, written.err
    assert written.out == ""
    assert (site.root / "incident.md").read_text(encoding="utf-8").startswith("# Incident in run 1: HIGH")
    assert set(site.root.iterdir()) == {*there, site.root / "incident.md"}
    assert refused.code == 2
    assert "'no/such/folder.md' cannot be written" in refused.said

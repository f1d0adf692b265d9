"""A report when the clock is wrong, when it cannot be made, and when the server goes away just after all is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.environments.at_work import await_sleeper
from tests.failures.shop import BREAKS, build_shop, sleeping
from tests.incidents.patched import patched
from tests.incidents.test_report import report
from tests.incidents.test_retention import EARLIER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.failures.site import Site

AN_HOUR_AHEAD = """
import datetime
import psycopg  # it knows the types of the real clock

class Ahead(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(hours=1)

datetime.datetime = Ahead
"""
NO_REPORT = """
import coordinator.execution.incident

def fails(*given):
    raise ValueError("made wrong")

coordinator.execution.incident.incident_row = fails
"""
NOTHING_ANSWERS = """
import coordinator.errors
import coordinator.postgres.session

def fails(session):
    raise coordinator.errors.UnreachableError("nothing answers")

coordinator.postgres.session.Session.reopen = fails
"""
# The server ends the connection that brings a report up to date.
ENDED = """
CREATE FUNCTION public.ended() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
CREATE TRIGGER ended BEFORE INSERT OR UPDATE ON migrate.incident FOR EACH ROW EXECUTE FUNCTION public.ended();
"""


def test_the_clock_of_the_client_is_in_no_report(site: Site, tmp_path: Path) -> None:
    build_shop(site, ("billing", sleeping(60)))
    ahead = patched(tmp_path / "ahead", AN_HOUR_AHEAD)
    with site.running("all-modules", "--staging", "off", environment=ahead) as process:
        await_sleeper(site, process)
        site.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'migrate:%'"
        )
        cut = site.end(process)
    assert cut.code == 3, cut.err

    document = report(site)

    assert "the server could not be asked" in document["not_seen"]
    assert document["start_time"] <= document["end_time"]
    assert 0 <= document["technical_summary"]["recovery_time"] < 60
    assert site.value("SELECT began BETWEEN now() - interval '1 minute' AND now() FROM migrate.incident")


def test_a_report_that_cannot_be_made_leaves_no_run_unfinished(site: Site, tmp_path: Path) -> None:
    build_shop(site, ("billing", BREAKS["billing", "rows"]))
    before = site.picture()

    failed = site.migrate(
        "all-modules", "--atomic", "step", "--staging", "off", environment=patched(tmp_path / "p", NO_REPORT)
    )

    assert failed.code == 3, failed.err
    assert "the incident report could not be written: ValueError" in failed.said
    assert site.run_status() == "reversed"
    assert site.picture() == before


def test_a_server_that_goes_away_when_all_is_in_makes_no_failure_of_it(site: Site, tmp_path: Path) -> None:
    build_shop(site, ("billing", BREAKS["billing", "rows"]))
    assert site.migrate("all-modules", "--staging", "off").code == 3
    site.execute(BREAKS["billing", "rows"].repair + ";" + EARLIER.format(days=15) + ";" + ENDED)

    done = site.migrate(
        "all-modules", "--retry", "--staging", "off", environment=patched(tmp_path / "p", NOTHING_ANSWERS)
    )

    assert done.code == 0, done.err
    assert site.run_status() == "applied"
    assert site.picture().versions["billing.alembic_version"] == ("b2",)

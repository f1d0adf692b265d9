"""A right that is taken away while the run is at work: taken back whole, or told as not, and never forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.environments.at_work import await_sleeper
from tests.failures.roles import make_role
from tests.failures.shop import STEPS, build_shop, sleeping
from tests.failures.test_rights import ENOUGH

if TYPE_CHECKING:
    from tests.failures.site import Site


@pytest.mark.parametrize(
    ("schema", "told", "category"),
    [
        ("crm", "permission denied for schema crm (SQLSTATE 42501)", "permission"),
        # What goes in another module's schema while a step is at work, the check holds against the step.
        ("billing", "removes grants on schema billing", "data"),
    ],
)
def test_a_right_withdrawn_in_the_middle_takes_the_run_back(
    site: Site, role: str, schema: str, told: str, category: str
) -> None:
    build_shop(site, ("crm", sleeping(1.5)))
    url = make_role(site, role, *ENOUGH)

    process = site.start("all-modules", "--staging", "off", url=url)
    await_sleeper(site, process)
    site.execute(f"REVOKE ALL ON SCHEMA {schema} FROM {role}")
    before = site.picture()
    failed = site.end(process)

    assert failed.code == 3, failed.err
    assert told in failed.said
    assert f"somebody else, meanwhile: grants on schema {schema} is gone" in failed.said
    assert site.picture() == before
    assert site.value("SELECT category FROM migrate.incident") == category
    report = site.migrate("history", "1", "--report", url=url)
    assert ("`migrate check --rights`" in report.out) == (category == "permission")

    site.execute(f"GRANT ALL ON SCHEMA {schema} TO {role}")
    done = site.migrate("all-modules", "--retry", "--staging", "off", url=url)
    assert done.code == 0, done.err
    assert f"{len(STEPS)} steps applied" in done.said


def test_a_right_that_the_way_back_needs_is_told_and_recovered_once_given_back(site: Site, role: str) -> None:
    build_shop(site, ("billing", sleeping(1.5)))
    url = make_role(site, role, *ENOUGH)
    before = site.picture()

    process = site.start("all-modules", "--atomic", "step", "--staging", "off", url=url)
    await_sleeper(site, process)
    # crm:c2 is in by now, and agenda:a1 needs crm.customers; so does the way back of crm:c2.
    site.execute(f"REVOKE ALL ON SCHEMA crm FROM {role}")
    failed = site.end(process)

    assert failed.code == 4, failed.err
    assert "permission denied for schema crm" in failed.said
    assert "crm:c2" in failed.said
    assert "`migrate recover" in failed.said
    severity, ended = site.rows("SELECT severity, ended FROM migrate.incident")[0]
    assert (severity, ended) == ("CRITICAL", None)
    report = site.migrate("history", "1", "--report").out
    assert "What failed while taking back" in report
    assert "still in: crm:c2" in report.replace("\\", "")

    site.execute(f"GRANT ALL ON SCHEMA crm TO {role}")
    recovered = site.migrate("recover", "--abort", url=url)
    assert recovered.code == 0, recovered.err
    assert site.picture() == before
    severity, ended = site.rows("SELECT severity, ended FROM migrate.incident WHERE run = 1")[0]
    assert severity == "HIGH"
    assert ended is not None


def test_an_incident_that_cannot_be_written_changes_nothing_else(site: Site, role: str) -> None:
    build_shop(site)
    url = make_role(site, role, *ENOUGH)
    assert site.migrate("all-modules", "--staging", "off", url=url).code == 0
    site.execute("UPDATE billing.invoices SET total = NULL WHERE id = 3")
    (site.root / site.file("billing", "b3")).write_text(
        'revision = "b3"\ndown_revision = "b2"\n\nfrom alembic import op\n\n\ndef upgrade():\n'
        '    op.execute("ALTER TABLE billing.invoices ALTER COLUMN total SET NOT NULL")\n\n\ndef downgrade():\n'
        '    op.execute("ALTER TABLE billing.invoices ALTER COLUMN total DROP NOT NULL")\n',
        encoding="utf-8",
    )
    before = site.picture()
    site.execute(f"REVOKE INSERT ON migrate.incident FROM {role}")

    failed = site.migrate("all-modules", "--staging", "off", url=url)

    assert failed.code == 3, failed.err
    assert "23502" in failed.said
    assert "the incident report could not be written: permission denied for table incident" in failed.said
    assert site.picture() == before
    assert site.run_status() == "reversed"
    assert site.value("SELECT count(*) FROM migrate.incident") == 0

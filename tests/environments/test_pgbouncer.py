"""PgBouncer in front of the target: refused where it would break a run's lock, and no hindrance where it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.postgres.url import as_words
from tests.failures.shop import BREAKS, STEPS, build_shop
from tests.failures.site import REPOSITORY

if TYPE_CHECKING:
    from tests.environments.pgbouncer import PgBouncer
    from tests.failures.site import Site

COMMANDS = (
    ("all-modules", "--staging", "off"),
    ("status",),
    ("recover",),
)


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_mode_that_changes_servers_is_refused_with_the_remedy(
    site: Site, pgbouncer: PgBouncer, mode: str
) -> None:
    build_shop(site)
    before = site.picture()

    for arguments in COMMANDS:
        refused = site.migrate(*arguments, url=pgbouncer.url(mode))
        assert refused.code == 2, refused.err
        assert f"is a pooler in {mode} mode" in refused.said
        assert "MIGRATE_DATABASE_URL" in refused.said
        assert "pool_mode=session" in refused.said
        assert "Traceback" not in refused.err

    assert site.picture() == before
    assert not site.has_ledger()
    # Nothing that would be handed on to whoever gets the server process next.
    with Session(connect(pgbouncer.url(mode), application_name="test")) as pooled:
        assert pooled.value("SELECT current_setting('search_path')") == '"$user", public'


def test_a_whole_run_and_a_failing_one_pass_through_session_mode(site: Site, pgbouncer: PgBouncer) -> None:
    cause = BREAKS["billing", "rows"]
    build_shop(site, ("billing", cause))
    before, url = site.picture(), pgbouncer.url("session")

    failed = site.migrate("all-modules", url=url)
    assert failed.code == 3, failed.err
    assert site.picture() == before
    site.execute(cause.repair)
    done = site.migrate("all-modules", "--retry", url=url)
    assert done.code == 0, done.err

    assert f"{len(STEPS)} steps applied" in done.said
    assert site.migrate("status", url=url).code == 0
    report = site.migrate("history", "1", "--report", url=url)
    assert "23502" in report.out, report


def test_the_remedy_works_beside_the_pooled_address(site: Site, pgbouncer: PgBouncer) -> None:
    build_shop(site)
    (site.root / "pyproject.toml").write_text("[tool.migrate]\n", encoding="utf-8")
    pooled = {"DATABASE_URL": as_words(pgbouncer.url("transaction").parameters)}
    direct = {"MIGRATE_DATABASE_URL": as_words(site.url.parameters)}

    assert status(site, pooled).returncode == 2
    told = status(site, {**pooled, **direct})
    assert told.returncode == 0, told.stderr
    assert "3 pending revisions" in " ".join(told.stdout.split()), told.stdout


def status(site: Site, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`migrate status` whose target only the environment names."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DATABASE_"))}
    return subprocess.run(
        [sys.executable, "-m", "coordinator", "status"],
        cwd=site.root,
        env={**kept, "PYTHONPATH": str(REPOSITORY), "MIGRATE_STATE_DIR": str(site.state), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

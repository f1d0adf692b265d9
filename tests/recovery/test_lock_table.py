"""A server whose lock table is small: the plan is cut, or the run in one transaction refused with the number to raise."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from coordinator.staging import cluster, postmaster
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from tests.failures.site import Site
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TABLES = 40
SMALL = {"max_connections": "12", "max_locks_per_transaction": "10"}


def write(site: Site) -> None:
    """Steps of four tables each, with keys and sequences: about ten locks a table."""
    project(site.root, modules=("crm",))
    before = None
    for first in range(0, TABLES, 4):
        names = [f"t{first + each}" for each in range(4)]
        write_revision(
            versions_of(site.root, "crm"),
            f"r{first}",
            after=before,
            upgrade="\n".join(
                f'op.execute("CREATE TABLE {name} (id bigserial PRIMARY KEY, b text UNIQUE)")'
                for name in names
            ),
            downgrade="\n".join(f'op.execute("DROP TABLE {name}")' for name in names),
        )
        before = f"r{first}"


def test_a_plan_that_needs_more_locks_than_the_table_holds_is_cut_or_refused_with_the_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "DISPOSABLE", {**cluster.DISPOSABLE, **SMALL})
    with LocalCluster(find_binaries(environment=os.environ), tmp_path / "small") as server:
        site = Site(root=tmp_path / "project", url=server.url(), state=tmp_path / "state")
        write(site)
        refused = site.migrate("all-modules", "--atomic", "run", "--staging", "off")
        assert refused.code == 1, refused.err
        found = re.search(r"raise max_locks_per_transaction to (\d+) and restart the server", refused.said)
        assert found is not None, refused.said
        assert not site.has_ledger()

        cut = site.migrate("all-modules", "--yes", "--staging", "off")
        assert cut.code == 0, cut.err
        assert site.value("SELECT count(*) FROM migrate.outcome") > 1
        assert (
            site.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'crm' AND tablename LIKE 't%'")
            == TABLES
        )
    postmaster.stop(tmp_path / "small" / "data")

    monkeypatch.setattr(
        cluster, "DISPOSABLE", {**cluster.DISPOSABLE, "max_locks_per_transaction": found.group(1)}
    )
    with LocalCluster(find_binaries(environment=os.environ), tmp_path / "small") as server:
        site = Site(root=tmp_path / "project", url=server.url(), state=tmp_path / "state")
        for number in range(TABLES):  # one by one: all at once need more locks than there are
            site.execute(f"DROP TABLE crm.t{number}")
        site.execute("DROP SCHEMA crm CASCADE; DROP SCHEMA migrate CASCADE")
        whole = site.migrate("all-modules", "--atomic", "run", "--staging", "off")
        assert whole.code == 0, whole.err
        assert site.value("SELECT count(*) FROM migrate.outcome") == 1

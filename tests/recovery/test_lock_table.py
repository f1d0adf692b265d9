"""A server whose lock table is small: a plan is cut, and what cannot be is refused with the number to raise to."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from coordinator.staging import cluster, postmaster
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from tests.failures.site import Site
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.failures.site import Ended

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


@contextmanager
def small_site(tmp_path: Path, locks: str = "10") -> Iterator[Site]:
    """A project with the module crm on a server that has room for 12 times as many locks; to be continued with more."""
    with pytest.MonkeyPatch.context() as patch:
        settings = {**cluster.DISPOSABLE, **SMALL, "max_locks_per_transaction": locks}
        patch.setattr(cluster, "DISPOSABLE", settings)
        with LocalCluster(find_binaries(environment=os.environ), tmp_path / "small") as server:
            yield Site(root=tmp_path / "project", url=server.url(), state=tmp_path / "state")
        postmaster.stop(tmp_path / "small" / "data")


def write_step(site: Site, name: str, upgrade: str, downgrade: str, after: str | None = None) -> None:
    write_revision(
        versions_of(site.root, "crm"),
        name,
        after=after,
        upgrade=f'op.execute("""{upgrade}""")',
        downgrade=f'op.execute("""{downgrade}""")',
    )


def make_partitions(site: Site, count: int) -> None:
    """One by one: together they would need more locks than there are."""
    with site.session() as session:
        for number in range(count):
            session.execute(
                f"CREATE TABLE crm.p{number} PARTITION OF crm.p FOR VALUES FROM ({number}) TO ({number + 1})"
            )


def number_in(ended: Ended) -> str:
    """The setting that a refusal names."""
    found = re.search(r"raise max_locks_per_transaction to (\d+) and restart the server", ended.said)
    assert found is not None, ended.said
    return found.group(1)


def test_a_single_step_that_needs_more_locks_than_there_are_is_refused_with_the_number_that_is_enough(
    tmp_path: Path,
) -> None:
    numbers = range(60)
    with small_site(tmp_path) as site:
        project(site.root, modules=("crm",))
        write_step(
            site,
            "a1",
            ";".join(f"CREATE TABLE t{each} (id bigserial PRIMARY KEY, b text UNIQUE)" for each in numbers),
            ";".join(f"DROP TABLE t{each}" for each in numbers),
        )
        for atomicity in ("auto", "run"):
            refused = site.migrate("all-modules", "--yes", "--staging", "off", "--atomic", atomicity)
            assert refused.code == 1, refused.err
            assert "'crm:a1' takes about 360 entries of the server's lock table" in refused.said
            assert "the target was not touched" in refused.said
        assert not site.has_ledger()
    with small_site(tmp_path, number_in(refused)) as site:
        done = site.migrate("all-modules", "--staging", "off", "--atomic", "run")
        assert done.code == 0, done.err


def test_partitions_are_counted_and_only_the_step_that_reaches_too_many_is_refused(tmp_path: Path) -> None:
    with small_site(tmp_path) as site:
        project(site.root, modules=("crm",))
        site.execute(
            "CREATE SCHEMA crm; CREATE TABLE crm.p (k int, b int) PARTITION BY RANGE (k); CREATE TABLE crm.q (k int)"
        )
        make_partitions(site, 200)
        write_step(site, "a1", "ALTER TABLE q ADD COLUMN c int", "ALTER TABLE q DROP COLUMN c")
        write_step(site, "a2", "INSERT INTO p VALUES (1); SELECT 1 FROM p WHERE k = 1", "SELECT 1", "a1")
        done = site.migrate("all-modules", "--staging", "off", "--atomic", "run")
        assert done.code == 0, done.err

        write_step(site, "a3", "ALTER TABLE p ADD COLUMN c int", "ALTER TABLE p DROP COLUMN c", "a2")
        planned = site.migrate("plan")
        assert planned.code == 0, planned.err
        assert "lock-table" in planned.out
        refused = site.migrate("all-modules", "--yes", "--staging", "off")
        assert refused.code == 1, refused.err
        assert "'crm:a3' takes about 201 entries" in refused.said
        rehearsed = site.migrate("all-modules", "--yes")
        assert rehearsed.code == 1, rehearsed.err
        assert re.search(r"'crm:a3' takes 2\d\d entries", rehearsed.said), rehearsed.said
        assert site.value("SELECT count(*) FROM migrate.run") == 1
    with small_site(tmp_path, number_in(rehearsed)) as site:
        assert site.migrate("all-modules", "--staging", "off").code == 0


def test_what_only_a_rehearsal_sees_is_cut_where_it_can_be_and_else_refused(tmp_path: Path) -> None:
    many = "DO $$BEGIN FOR i IN 1..{count} LOOP EXECUTE 'CREATE TABLE {name}' || i || ' (id int)'; END LOOP; END$$"
    few = "DO $$BEGIN FOR i IN 1..{count} LOOP EXECUTE 'DROP TABLE {name}' || i; END LOOP; END$$"
    with small_site(tmp_path) as site:
        project(site.root, modules=("crm",))
        for name, after in (("a", None), ("b", "a1"), ("c", "b1")):
            words = {"count": 80, "name": name}
            write_step(site, f"{name}1", many.format(**words), few.format(**words), after)
        told = site.migrate("all-modules", "--yes", "--atomic", "run")
        assert told.code == 1, told.err
        assert "'crm:a1' to 'crm:c1', one transaction, take 2" in told.said
        assert "--atomic step" in told.said
        cut = site.migrate("all-modules", "--yes")
        assert cut.code == 0, cut.err
        assert "Each step shall commit by itself instead" in cut.said
        assert site.value("SELECT count(*) FROM migrate.outcome") == 3

        words = {"count": 150, "name": "d"}
        write_step(site, "d1", many.format(**words), few.format(**words), "c1")
        refused = site.migrate("all-modules", "--yes")
        assert refused.code == 1, refused.err
        assert re.search(r"'crm:d1' takes 1\d\d entries", refused.said), refused.said
        assert int(number_in(refused)) > 15
        assert site.value("SELECT count(*) FROM migrate.run") == 1


def test_a_rollback_whose_step_reaches_too_many_partitions_is_refused_with_the_number(tmp_path: Path) -> None:
    with small_site(tmp_path) as site:
        project(site.root, modules=("crm",))
        site.execute("CREATE SCHEMA crm; CREATE TABLE crm.p (k int) PARTITION BY RANGE (k)")
        write_step(site, "a1", "ALTER TABLE p ADD COLUMN c int", "ALTER TABLE p DROP COLUMN c")
        assert site.migrate("all-modules", "--staging", "off").code == 0
        make_partitions(site, 200)
        for more in (("--staging", "off"), ()):
            refused = site.migrate("rollback", "crm", "--yes", *more)
            assert refused.code == 1, refused.err
            assert "'crm:a1' takes" in refused.said
            assert number_in(refused)
        assert site.value("SELECT count(*) FROM migrate.run") == 1
    with small_site(tmp_path, number_in(refused)) as site:
        assert site.migrate("rollback", "crm", "--yes").code == 0

"""A rehearsal that is cut off says nothing about the revision: exit 6, and the same plan is tried again."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from tests.failures.test_cut_off import children_of
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

SLEEP = "SELECT pg_sleep(45)"


def _write(site: Site, *, up: str, down: str) -> None:
    write_revision(
        versions_of(site.root, "crm"),
        "a1",
        upgrade=f'op.execute("CREATE TABLE a1 (a int)")\nop.execute({up!r})',
        downgrade=f'op.execute({down!r})\nop.execute("DROP TABLE a1")',
    )


def _cut_off(site: Site, how: str) -> Ended:
    """Rehearse, and end the staging's session or the worker while the session sleeps."""
    binaries = find_binaries(environment=os.environ)
    with (
        LocalCluster(binaries, site.state / f"staging-{binaries.major}") as server,
        Session(connect(server.url(), application_name="test")) as session,
        site.running("all-modules", "--staging", "embedded") as process,
    ):
        asleep = f"SELECT pid FROM pg_stat_activity WHERE query = '{SLEEP}' AND datname LIKE 'migrate\\_{process.pid}\\_%'"
        deadline = time.monotonic() + 60
        while not (pid := session.value(asleep)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        if how == "worker":
            (worker,) = children_of(process.pid)
            os.kill(worker, signal.SIGKILL)
        # Nobody shall have to wait until it has slept enough.
        session.execute(f"SELECT pg_{'cancel' if how == 'worker' else 'terminate'}_backend({pid})")
        return site.end(process)


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("how", ["session", "worker"])
def test_what_is_lost_while_rehearsing_is_not_for_the_author_to_mend(
    site: Site, how: str, direction: str
) -> None:
    project(site.root, modules=("crm",))
    _write(site, **{"up": "SELECT 1", "down": "SELECT 1", direction: SLEEP})
    ended = _cut_off(site, how)
    assert ended.code == 6, ended.err
    assert "the rehearsal was cut off" in ended.said
    assert "this may pass by itself" in ended.said
    assert "mend the revision" not in ended.said
    assert not site.has_ledger()

    _write(site, up="SELECT 1", down="SELECT 1")
    assert site.migrate("all-modules", "--staging", "embedded").code == 0


# An extension that was given bad input, a limit that the step set itself, one of the server that it ran into.
_ITS_OWN = {
    "XX000": "DO $$ BEGIN RAISE 'bad input' USING ERRCODE = 'XX000'; END $$",
    "57014": "SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)",
    "53400": "DO $$ BEGIN RAISE 'too large' USING ERRCODE = '53400'; END $$",
}


def test_what_the_revision_itself_brings_about_is_for_the_author_to_mend(site: Site) -> None:
    project(site.root, modules=("crm",))
    for sqlstate, up in _ITS_OWN.items():
        _write(site, up=up, down="SELECT 1")
        ended = site.migrate("all-modules", "--staging", "embedded")
        assert ended.code == 1, f"{sqlstate}: {ended.err}"
        assert "mend the revision" in ended.said
        assert sqlstate in ended.said

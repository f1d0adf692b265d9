"""A gate that is stopped in any of its stages leaves nothing behind: no staging database, no process, no report."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster
from tests.failures.site import Site
from tests.gate.counter import add_phone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gate.counter import Counter


@contextmanager
def staging_server(counter: Counter) -> Iterator[Session]:
    """A session on the server that all gates of these tests rehearse on."""
    major = int(counter.desk.value("SHOW server_version_num")) // 10000
    binaries = find_binaries(environment=os.environ, major=major)
    with (
        LocalCluster(binaries, counter.desk.state / f"staging-{major}", visit=True) as cluster,
        Session(connect(cluster.url(), application_name="test")) as session,
    ):
        yield session


def staging_databases(counter: Counter, pid: int) -> int:
    """How many databases of that process there are on it; others may be at work there too."""
    with staging_server(counter) as session:
        return int(
            session.value(f"SELECT count(*) FROM pg_database WHERE datname LIKE 'migrate\\_{pid}\\_%'")
        )


def await_sleep(counter: Counter) -> None:
    """Wait until a step of the rehearsal sleeps."""
    deadline = time.monotonic() + 100
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
    with staging_server(counter) as session:
        while not session.value(asleep):
            assert time.monotonic() < deadline, "the gate never came so far"
            time.sleep(0.1)


def await_file(path: Path) -> None:
    deadline = time.monotonic() + 100
    while not path.exists():
        assert time.monotonic() < deadline, "the gate never came so far"
        time.sleep(0.05)


def await_gone(pid: str) -> None:
    """Wait until the process has ended; one without a parent stays in the table until somebody takes note of it."""
    deadline = time.monotonic() + 20
    state = Path(f"/proc/{pid}/stat")
    while state.exists() and ") Z " not in state.read_text():
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


@pytest.mark.parametrize("stage", ["setup", "rehearsal", "integration", "approval"])
def test_a_gate_that_is_stopped_leaves_nothing_behind(counter: Counter, tmp_path: Path, stage: str) -> None:
    desk, mark, pids = counter.desk, tmp_path / "begun", tmp_path / "pids"
    arguments = ["--report", f"json={tmp_path / 'gate.json'}"]
    if stage == "rehearsal":
        add_phone(
            desk.root,
            upgrade='op.execute("ALTER TABLE crm.customers ADD phone text")\n'
            'op.execute("SELECT pg_sleep(60)")',
        )
    else:
        add_phone(desk.root)
        arguments += [
            "--exec",
            f"{stage}=echo $$ > {pids}; touch {mark}; sleep 300 & echo $! >> {pids}; wait",
        ]
    site = Site(root=desk.root, url=desk.url, state=desk.state)  # a process of its own, to be signalled
    with site.running("gate", *arguments) as process:
        if stage == "rehearsal":
            await_sleep(counter)
        else:
            await_file(mark)
        process.send_signal(signal.SIGTERM)
        ended = site.end(process)
    assert ended.code == 130, ended.err
    assert "interrupted" in ended.err
    assert "Traceback" not in ended.err
    assert staging_databases(counter, process.pid) == 0
    assert sorted(path.name for path in tmp_path.iterdir() if "gate.json" in path.name) == []
    for pid in pids.read_text().split() if pids.exists() else ():
        await_gone(pid)

"""Whole processes against `psql -f` of the same work, in turn on one server.

`python -m benchmarks.apply [MODULES] [REVISIONS] [ROUNDS]` prints
seconds and the ratio to psql for: help, nothing to do, plan, apply unrehearsed, apply rehearsed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.workload import changes, write_project, write_sql
from coordinator.postgres.connect import connect
from coordinator.postgres.url import with_database
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster


def main() -> None:
    """Measure and print one table."""
    modules, revisions, rounds = (
        int(word) for word in (*sys.argv[1:], *("20", "25", "3")[len(sys.argv) - 1 :])
    )
    binaries = find_binaries(environment=os.environ)
    work = changes(modules, revisions)
    with tempfile.TemporaryDirectory(prefix="migrate-bench-") as folder:
        root = Path(folder)
        write_project(root, work)
        write_sql(root / "all.sql", work)
        with LocalCluster(binaries, root / "server", durable=True) as cluster:
            seconds = _measure(root, cluster, binaries.path / "psql", rounds)
    base = statistics.median(seconds["psql -f"])
    print(f"{modules} modules × {revisions} revisions, {rounds} rounds, PostgreSQL {binaries.version}")
    print(f"{'':34} median s     × psql -f")
    for name, each in seconds.items():
        print(f"{name:34} {statistics.median(each):8.2f} {statistics.median(each) / base:13.2f}")


def _measure(root: Path, cluster: LocalCluster, psql: Path, rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {}
    for number in range(rounds):
        for name, arguments in {
            "apply, --staging off": ["all-modules", "--staging", "off"],
            "apply, rehearsed": ["all-modules", "--staging", "embedded"],
        }.items():
            url = _database(cluster, f"bench{number}{len(arguments[-1])}")
            if name.endswith("off"):
                _time(seconds, "plan", [sys.executable, "-m", "coordinator", "plan"], root, url)
            _time(seconds, name, [sys.executable, "-m", "coordinator", *arguments], root, url)
            _time(seconds, "nothing to do", [sys.executable, "-m", "coordinator", "all-modules"], root, url)
        url = _database(cluster, f"psql{number}")
        _time(
            seconds,
            "psql -f",
            [str(psql), "-q", "-v", "ON_ERROR_STOP=1", "-f", str(root / "all.sql"), url],
            root,
            url,
        )
        _time(seconds, "--help", [sys.executable, "-m", "coordinator", "--help"], root, url)
    return seconds


def _database(cluster: LocalCluster, name: str) -> str:
    admin = cluster.url("postgres")
    with connect(admin, application_name="bench") as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return " ".join(f"{key}='{value}'" for key, value in with_database(admin, name).parameters.items())


def _time(seconds: dict[str, list[float]], name: str, command: list[str], root: Path, url: str) -> None:
    environment = {**os.environ, "MIGRATE_DATABASE_URL": url, "PYTHONPATH": str(Path(__file__).parent.parent)}
    began = time.perf_counter()
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: exit {done.returncode}\n{done.stderr[-3000:]}")
    seconds.setdefault(name, []).append(time.perf_counter() - began)


if __name__ == "__main__":
    main()

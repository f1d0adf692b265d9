"""What most starts of `migrate all-modules` cost: the look that finds nothing pending, against a start of psql.

`python -m benchmarks.look [--modules 6] [--revisions 10] [--rounds 15]`
Needs an embedded PostgreSQL and psql on the machine. Prints one line of JSON with the median times in seconds and
their ratio; both commands are started anew each time and run in turn, so that a busy machine is busy for both.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database
from coordinator.postgres.url import as_words
from coordinator.staging.binaries import find_binaries
from coordinator.staging.cluster import LocalCluster

_REVISION = '''"""Revision {name}."""

from alembic import op

revision = "{name}"
down_revision = {after!r}


def upgrade():
    op.execute("CREATE TABLE {module}.t{number} (id int PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE {module}.t{number}")
'''


def main() -> None:
    """Build a project, apply it, and time both commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=6)
    parser.add_argument("--revisions", type=int, default=10, help="of each module")
    parser.add_argument("--rounds", type=int, default=15)
    wanted = parser.parse_args()
    binaries = find_binaries(environment=os.environ)
    with tempfile.TemporaryDirectory() as folder, LocalCluster(binaries, Path(folder, "server")) as server:
        url = create_database(server.url(), "look", comment="benchmark")
        words = as_words(url.parameters)
        root = _project(Path(folder, "project"), wanted.modules, wanted.revisions)
        look = [sys.executable, "-m", "coordinator", "all-modules", "--database-url", words]
        _run([*look, "--yes", "--staging", "off"], root)
        psql = ["psql", words, "-c", "select 1"]
        look_times, psql_times = [], []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _timed(look, root)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(wanted.rounds):
            look_times.append(_timed(look, root))
            psql_times.append(_timed(psql, root))
        with connect(url, application_name="benchmark") as connection:
            version = connection.info.server_version
    took, yardstick = statistics.median(look_times), statistics.median(psql_times)
    print(
        json.dumps(
            {
                "modules": wanted.modules,
                "revisions": wanted.modules * wanted.revisions,
                "server": version,
                "python": sys.version.split()[0],
                "look": round(took, 3),
                "fastest_look": round(min(look_times), 3),
                "look_cpu": round(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, 3),
                "psql": round(yardstick, 3),
                "ratio": round(took / yardstick, 1),
            }
        )
    )


def _project(root: Path, modules: int, revisions: int) -> Path:
    for module in (f"m{number}" for number in range(modules)):
        versions = root / "modules" / module / "migrations" / "versions"
        versions.mkdir(parents=True)
        for number in range(revisions):
            after = f"r{number - 1}" if number else None
            text = _REVISION.format(name=f"r{number}", after=after, module=module, number=number)
            (versions / f"r{number}.py").write_text(text, encoding="utf-8")
    (root / "pyproject.toml").write_text("[tool.migrate]\n", encoding="utf-8")
    return root


def _run(command: list[str], root: Path) -> None:
    repository = str(Path(__file__).resolve().parents[1])
    subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": repository}, check=True, capture_output=True
    )


def _timed(command: list[str], root: Path) -> float:
    began = time.perf_counter()
    _run(command, root)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

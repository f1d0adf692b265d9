"""What the pipe to a worker costs: `python -m benchmarks.pipe` prints its start and the time of one statement.

Nobody stands behind the pipe but a recorder, so this is the pipe and SQLAlchemy, without a server.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from coordinator.model.capture import Direction
from coordinator.model.module import Module
from coordinator.revisions.capture import Recorder
from coordinator.revisions.reader import read_tree
from coordinator.worker.process import Worker

STATEMENTS = 5000
REVISION = f"""
from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    for _ in range({STATEMENTS}):
        op.execute("SELECT 1")
"""


def main() -> None:
    """Measure and print two lines."""
    with tempfile.TemporaryDirectory(prefix="migrate-bench-") as folder, Worker() as worker:
        versions = Path(folder) / "versions"
        versions.mkdir()
        (versions / "a1.py").write_text(REVISION)
        module = Module(name="m", path=Path(folder), schemas=("m",), import_paths=(Path(folder),))
        (revision,) = read_tree(module).revisions
        began = time.perf_counter()
        worker.start()
        print(f"start of a worker: {time.perf_counter() - began:.2f} s")
        worker.open_module(module, 150000)
        began = time.perf_counter()
        worker.run(module, revision, Direction.UPGRADE, Recorder(), token="bench")
        each = (time.perf_counter() - began) / STATEMENTS
        print(f"one statement: {each * 1e6:.0f} µs")


if __name__ == "__main__":
    main()

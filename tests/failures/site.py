"""A project and its target, driven through the real command line, and what the target holds at a moment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.connect import connect
from coordinator.postgres.rows import row_checksums
from coordinator.postgres.session import Session
from coordinator.postgres.url import as_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.model.target import DatabaseUrl
    from coordinator.postgres.session import Row

REPOSITORY = Path(__file__).resolve().parents[2]
_PATIENCE = 120.0  # seconds that a command may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended. `said` is its standard error with every run of white space made one blank."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return " ".join(self.err.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All that a target holds besides the ledger: catalog, order of columns, every table's rows, version rows."""

    fingerprint: str
    column_order: str
    rows: Mapping[tuple[str, str], tuple[int, str]]
    versions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A project in `root` whose target is `url`; its rehearsals share the staging server in `state`."""

    root: Path
    url: DatabaseUrl
    state: Path

    def migrate(
        self, *arguments: str, environment: Mapping[str, str] | None = None, url: DatabaseUrl | None = None
    ) -> Ended:
        """Run one command to its end, as another role when `url` is given."""
        return self.end(self.start(*arguments, environment=environment, url=url))

    def end(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for a command that was started."""
        try:
            out, err = process.communicate(timeout=_PATIENCE)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return Ended(code=process.returncode, out=out, err=err)

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None, url: DatabaseUrl | None = None
    ) -> subprocess.Popen[str]:
        """Start a command on the target (as another role, when `url` is given)."""
        words = as_words((url or self.url).parameters)
        return subprocess.Popen(
            [sys.executable, "-m", "coordinator", arguments[0], "--database-url", words, *arguments[1:]],
            cwd=self.root,
            # The embedded staging server is kept up; `auto` would start a container for each rehearsal.
            env={
                **_clean_environment(),
                "MIGRATE_STATE_DIR": str(self.state),
                "MIGRATE_STAGING": "embedded",
                # What is planted in the rows is for the run itself to meet; asking for it first is tested elsewhere.
                "MIGRATE_CHECK_BUDGET": "off",
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def running(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """A command that runs during the block; killed at its end if it still does."""
        process = self.start(*arguments, environment=environment)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def await_value(self, sql: str, *, seconds: float = 60.0) -> Any:
        """Ask again and again until the answer is neither null nor false; the answer."""
        deadline = time.monotonic() + seconds
        with self.session() as session:
            while not (found := session.value(sql)):
                assert time.monotonic() < deadline, f"never true: {sql}"
                time.sleep(0.05)
        return found

    def session(self) -> Session:
        """A session of the test's own on the target."""
        return Session(connect(self.url, application_name="test"))

    def execute(self, sql: str) -> None:
        """Run SQL on the target, committed."""
        with self.session() as session:
            session.execute(sql)

    def rows(self, sql: str) -> tuple[Row, ...]:
        """All rows of a query on the target."""
        with self.session() as session:
            return session.rows(sql)

    def value(self, sql: str) -> Any:
        """The first column of the first row of a query."""
        with self.session() as session:
            return session.value(sql)

    def picture(self) -> Picture:
        """What the target holds now."""
        with self.session() as session:
            catalog = read_catalog(session)
            versions = session.rows(
                "SELECT schemaname, tablename FROM pg_tables WHERE tablename LIKE 'alembic_version%' ORDER BY 1, 2"
            )
            return Picture(
                fingerprint=catalog.fingerprint,
                column_order=catalog.column_order_fingerprint,
                rows=row_checksums(session),
                versions={
                    f"{schema}.{table}": tuple(
                        row[0]
                        for row in session.rows(f'SELECT version_num FROM "{schema}"."{table}" ORDER BY 1')
                    )
                    for schema, table in versions
                },
            )

    def has_ledger(self) -> bool:
        return bool(self.value("SELECT to_regnamespace('migrate') IS NOT NULL"))

    def steps(self) -> tuple[str, ...]:
        """What the ledger tells of the latest run's steps, in order, like "upgrade crm:c2 rolled back"."""
        rows = self.rows(
            "SELECT direction, module, revision, status FROM migrate.step"
            " WHERE run = (SELECT max(number) FROM migrate.run) ORDER BY sequence"
        )
        return tuple(f"{row[0]} {row[1]}:{row[2]} {row[3]}" for row in rows)

    def run_status(self) -> str:
        """What the ledger says the latest run came to."""
        return str(self.value("SELECT status FROM migrate.run ORDER BY number DESC LIMIT 1"))

    def file(self, module: str, revision: str) -> str:
        """A revision's file as messages name it: relative to the project."""
        return f"modules/{module}/migrations/versions/{revision}.py"

    def place(self, module: str, revision: str, marker: str) -> str:
        """file:line of the first line of a revision that holds `marker`."""
        name = self.file(module, revision)
        lines = (self.root / name).read_text(encoding="utf-8").splitlines()
        return f"{name}:{next(number for number, line in enumerate(lines, start=1) if marker in line)}"


def _clean_environment() -> dict[str, str]:
    """Ours without anything that names a database, and with the checkout's own package first."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MIGRATE_", "PG", "DATABASE_")) or name.startswith("MIGRATE_PG_")
    }
    return {**kept, "PYTHONPATH": str(REPOSITORY)}

"""The real command line in a process of its own, and the proof that it changed nothing and betrayed nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.connect import connect
from coordinator.postgres.rows import ordinary_tables, row_checksums
from coordinator.postgres.session import Session
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "geheim+%/@:x"
_TELLTALE = "geheim"  # of every way in which the password can be written
# What a command needs of this machine; nothing else of our environment reaches it.
_PASSED = (
    "PATH",
    "HOME",
    "TMPDIR",
    "DOCKER_HOST",
    "MIGRATE_PG_BIN",
    "MIGRATE_PG_PROVIDERS",
    "MIGRATE_CACHE_DIR",
    "MIGRATE_STATE_DIR",  # only as a test has set it
    "PYTHONDONTWRITEBYTECODE",
)
URL_SETTINGS = 'environment = "test"\n[tool.migrate.environments.test]\nurl_env = "MIGRATE_DATABASE_URL"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that it wrote, on one line: where a sentence was broken does not matter."""
        return " ".join(f"{self.out}\n{self.err}".split())

    def check(self, code: int, *words: str) -> None:
        """It ended with `code` and said all of these words."""
        assert self.code == code, self
        for each in words:
            assert each in self.said, f"{each!r} is not in:\n{self.out}{self.err}"


def environment(**variables: str | None) -> dict[str, str]:
    """The variables of a command; None leaves one out."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    ours = {"PYTHONPATH": str(ROOT), "MIGRATE_STAGING": "embedded", **passed, **variables}
    return {name: value for name, value in ours.items() if value is not None}


def command(*arguments: str) -> list[str]:
    """The words that start `migrate`."""
    return [sys.executable, "-m", "coordinator", *arguments]


def migrate(folder: Path, *arguments: str, **variables: str | None) -> Done:
    """Run `migrate` in `folder`; whatever it says, it is no traceback, no password and no escape code."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return harmless(Done(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode()))


def harmless(done: Done) -> Done:
    """The same, after looking for what must never be shown."""
    for forbidden in ("Traceback", _TELLTALE, "\x1b", "a mistake in the coordinator"):
        assert forbidden not in done.out + done.err, f"{forbidden!r} is in:\n{done.out}{done.err}"
    return done


def url(database: DatabaseUrl, **changes: str) -> str:
    """The URL of a database on the tests' server, as a person would write it."""
    parameters = {**database.parameters, **changes}
    login = f"{quote(parameters['user'], safe='')}:{quote(parameters['password'], safe='')}"
    return f"postgresql://{login}@/{quote(parameters['dbname'], safe='')}?host={parameters['host']}&port={parameters['port']}"


@contextmanager
def untouched(database: DatabaseUrl) -> Iterator[None]:
    """Fails when the block leaves the catalog, a row, or the ledger's schema in the database."""
    before = _content(database)
    yield
    assert _content(database) == before
    assert "migrate" not in before[2]


def _content(database: DatabaseUrl) -> tuple[str, dict[tuple[str, str], tuple[int, str]], tuple[str, ...]]:
    with Session(connect(database, application_name="test")) as session:
        tables = ordinary_tables(session)
        schemas = session.rows("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1")
        sums = row_checksums(session, tables=tables)
        return read_catalog(session).fingerprint, sums, tuple(name for (name,) in schemas)


def small_erp(root: Path, *, settings: str = URL_SETTINGS) -> Path:
    """A project of two modules, one needing the other, and nothing wrong with it; its folder."""
    project(root, modules=("crm", "billing"), settings=settings)
    write_revision(
        versions_of(root, "crm"),
        "c1",
        upgrade="op.create_table('customers', sa.Column('id', sa.Integer, primary_key=True))",
        downgrade="op.drop_table('customers')",
    )
    write_revision(
        versions_of(root, "billing"),
        "b1",
        upgrade=(
            "op.create_table('invoices', sa.Column('id', sa.Integer, primary_key=True),"
            " sa.Column('customer', sa.Integer, sa.ForeignKey('crm.customers.id')))"
        ),
        downgrade="op.drop_table('invoices')",
    )
    return root

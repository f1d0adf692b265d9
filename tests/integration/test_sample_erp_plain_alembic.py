"""The sample ERP with plain Alembic and a hand-written order: what must hold before any planner sees it."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from coordinator.mapfile.parser import parse_map
from coordinator.staging.binaries import find_binaries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.target import DatabaseUrl

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "modules"
MAP = ROOT / "database_map.md"
SCHEMAS = ("user_management", "crm", "agendamento", "workflow", "billing", "notifications")

# libpq's parameters, and the variables by which pg_dump takes them.
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
}

# One valid order of all revisions, found by reading them. A planner may find another.
ORDER = """
user_management 1 2 3 4 5 6
crm             1 2 3 4 5 6
agendamento     1 2 3 4 5 6 7 8
user_management 7 8 9 10
crm             7 8 9 10
agendamento     9 10
workflow        1 2 3 4 5 6 7 8
billing         1 2 3 4 5 6 7 8 9
notifications   1 2 3 4 5 6 7 8
workflow        9 10
crm             11
"""


# The demonstration company comes back in twelve hours, to the system user who is made a professional for it.
VISIT = """
WITH professional AS (
    INSERT INTO agendamento.professionals (user_id)
    SELECT id FROM user_management.users WHERE email = 'system@nexus.example'
    RETURNING user_id
)
INSERT INTO agendamento.appointments (customer_id, professional_id, service_id, starts_at, ends_at)
SELECT customers.id, professional.user_id, services.id, now() + '12 hours', now() + '13 hours'
FROM professional, crm.customers, agendamento.services
WHERE customers.preferred_name = 'Nexus' AND services.code = 'follow_up'
"""


# What people look for in a map: tables, but neither partitions nor version tables.
COLUMNS = """
SELECT relnamespace::regnamespace::text, relname, attname, format_type(atttypid, atttypmod), NOT attnotnull
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'alembic_version'
    AND relnamespace::regnamespace::text = ANY(%s)
"""


@dataclass(frozen=True)
class Step:
    """One revision, named as people name it: by its module and the number its file begins with."""

    module: str
    number: int

    def __str__(self) -> str:
        return f"{self.module} {self.number:04d}"

    @property
    def config(self) -> Config:
        """The module's own settings, without alembic.ini: that one would reset pytest's logging."""
        config = Config()
        config.set_main_option("script_location", str(MODULES / self.module / "migrations"))
        return config

    @cached_property
    def revision(self) -> str:
        (file,) = (MODULES / self.module / "migrations" / "versions").glob(f"{self.number:04d}_*.py")
        found = re.search(r'^revision: str = "(\w+)"$', file.read_text(), re.MULTILINE)
        assert found, file
        return found[1]

    def apply(self) -> None:
        command.upgrade(self.config, self.revision)

    def reverse(self) -> None:
        """Reverse this one, also when a branch beside it stays: `alembic downgrade` has no word for that."""
        script = ScriptDirectory.from_config(self.config)
        step = MigrationStep.downgrade_from_script(script.revision_map, script.get_revision(self.revision))

        def only_this(_: object, context: MigrationContext) -> Iterable[MigrationStep]:
            assert isinstance(context, MigrationContext)
            return [step]

        with EnvironmentContext(self.config, script, fn=only_this):
            script.run_env()


STEPS = tuple(
    Step(module, int(number))
    for line in ORDER.strip().splitlines()
    for module, *numbers in [line.split()]
    for number in numbers
)


@dataclass(frozen=True)
class Picture:
    """A database as pg_dump shows its schema, and its rows; two pictures are equal when there is no trace."""

    schema: tuple[str, ...]
    rows: tuple[str, ...]

    def differs(self, wanted: Picture, *, rows: bool = True) -> str:
        """The lines that are not as wanted, or nothing."""
        ours, theirs = (each.schema + (each.rows if rows else ()) for each in (self, wanted))
        return "\n".join(difflib.unified_diff(theirs, ours, "wanted", "found", lineterm="", n=1))


@pytest.fixture
def url(database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> DatabaseUrl:
    """An empty database, named to env.py by the variable that it reads."""
    alchemy = URL.create("postgresql", query=dict(database.parameters))
    monkeypatch.setenv("DATABASE_URL", alchemy.render_as_string(hide_password=False))
    return database


def test_every_revision_is_in_the_hand_written_order_once() -> None:
    files = {
        Step(file.parts[-4], int(file.name[:4])) for file in MODULES.glob("*/migrations/versions/[0-9]*.py")
    }
    assert len(STEPS) >= 44
    assert sorted(map(str, files)) == sorted(map(str, STEPS))


def test_each_revision_goes_up_down_and_up_again_without_a_trace(url: DatabaseUrl) -> None:
    _prepare(url)
    before = _picture(url)
    for step in STEPS:
        step.apply()
        step.reverse()
        trace = _picture(url).differs(before)
        assert not trace, f"{step} leaves a trace when it is reversed:\n{trace}"
        step.apply()
        before = _picture(url)


def test_everything_is_reversed_to_the_beginning_and_applied_again(url: DatabaseUrl) -> None:
    _prepare(url)
    beginning = _picture(url)
    for step in STEPS:
        step.apply()
    end = _picture(url)
    for step in reversed(STEPS):
        step.reverse()
    assert not _picture(url).differs(beginning)
    for step in STEPS:
        step.apply()
    # Not the rows: the second time they have other times.
    assert not _picture(url).differs(end, rows=False)


def test_apelido_cannot_be_dropped_before_the_agenda_has_moved(url: DatabaseUrl) -> None:
    """crm says nothing of agendamento: only PostgreSQL knows, and it is what a planner must find."""
    _prepare(url)
    moved = Step("agendamento", 8)
    for step in STEPS[: STEPS.index(moved)]:
        step.apply()
    Step("crm", 7).apply()
    with pytest.raises(DBAPIError, match="other objects depend on it"):
        Step("crm", 8).apply()
    moved.apply()
    Step("crm", 8).apply()


def test_the_modules_work_together(url: DatabaseUrl) -> None:
    """One visit, from booking to the announced invoice: a trigger is compiled only when it fires."""
    for step in STEPS:
        step.apply()
    with _connect(url) as connection:
        connection.execute(VISIT)
        first, second = (
            connection.execute("SELECT notifications.queue_reminders('1 day')").fetchone() for _ in range(2)
        )
        reminder = connection.execute("SELECT recipient FROM notifications.messages").fetchall()
        connection.execute("UPDATE agendamento.appointments SET status = 'done'")
        connection.execute("UPDATE billing.invoices SET status = 'issued', issued_on = current_date")
        balance = connection.execute(
            "SELECT balance FROM billing.customer_balances WHERE balance > 0"
        ).fetchall()
        announced = connection.execute("SELECT routing_key FROM notifications.pending_outbox").fetchall()
        origin = connection.execute(
            "SELECT field, origin FROM user_management.contact_origins ORDER BY field"
        ).fetchall()
    assert (first, second) == ((1,), (0,))
    assert reminder == [("+55 11 94000-0002",)]
    assert balance == [(120,)]
    assert announced == [("notifications.invoice",)]
    assert origin == [("telefone1", "agendamento"), ("telefone2", "agendamento")]


def test_a_job_that_waits_survives_the_way_back_as_pending(url: DatabaseUrl) -> None:
    for step in STEPS:
        step.apply()
    with _connect(url) as connection:
        connection.execute(
            "INSERT INTO workflow.workflow_jobs (workflow_type, idempotency_key, status, waiting_for_event)"
            " VALUES ('demo', 'once', 'WAITING_FOR_EVENT', '{\"name\": \"paid\"}')"
        )
    Step("workflow", 10).reverse()
    Step("workflow", 9).reverse()
    with _connect(url) as connection:
        jobs = connection.execute("SELECT status::text FROM workflow.workflow_jobs").fetchall()
    assert jobs == [("PENDING",)]


def test_the_map_names_every_column_with_its_type(url: DatabaseUrl) -> None:
    for step in STEPS:
        step.apply()
    with _connect(url) as connection:
        built = connection.execute(COLUMNS, [list(SCHEMAS)]).fetchall()
    written = parse_map(MAP.read_text(encoding="utf-8"), file=MAP.name)
    assert not written.problems
    assert [module.name for module in written.modules] == list(SCHEMAS)
    assert sorted(built) == sorted(
        (module.name, table.name, column.name, column.type, column.nullable)
        for module in written.modules
        for table in module.tables
        for column in table.columns
    )


def test_plain_alembic_brings_one_module_to_its_head(url: DatabaseUrl) -> None:
    """crm's last two revisions need nothing that is not there, so crm's own team may apply them by hand."""
    for step in STEPS:
        step.apply()
    whole = _picture(url)
    Step("crm", 11).reverse()
    Step("crm", 10).reverse()
    _alembic("crm", "upgrade", "head")
    assert not _picture(url).differs(whole)


@pytest.mark.parametrize("module", SCHEMAS)
def test_plain_alembic_writes_a_module_as_sql_without_a_database(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    script = _alembic(module, "upgrade", "head", "--sql")
    assert f"CREATE TABLE {module}.alembic_version" in script
    assert script.count(f"UPDATE {module}.alembic_version") + script.count(
        f"INSERT INTO {module}.alembic_version"
    ) >= len([step for step in STEPS if step.module == module])


def test_a_script_written_offline_runs(url: DatabaseUrl) -> None:
    script = _alembic("workflow", "upgrade", f"{Step('workflow', 7).revision}", "--sql")
    with _connect(url) as connection:
        connection.autocommit = True
        connection.execute("CREATE SCHEMA workflow")
        connection.execute(script.encode())
        job = connection.execute("SELECT workflow.enqueue_job('demo', 'once', '{}')").fetchone()
        assert connection.execute("SELECT workflow.enqueue_job('demo', 'once', '{}')").fetchone() == job
        assert connection.execute("SELECT workflow.claim_next_job('me')").fetchone() == job
        history = connection.execute("SELECT attempt FROM workflow.job_execution_history").fetchall()
    assert history == [(1,)]


def _connect(url: DatabaseUrl) -> psycopg.Connection:
    return psycopg.connect(make_conninfo(**url.parameters))


def _prepare(url: DatabaseUrl) -> None:
    """Make what Alembic makes and keeps: each module's schema and its version table."""
    with _connect(url) as connection:
        for schema in SCHEMAS:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
            connection.execute(
                sql.SQL(
                    "CREATE TABLE {} (version_num varchar(32) NOT NULL,"
                    " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
                ).format(sql.Identifier(schema, "alembic_version"))
            )


def _picture(url: DatabaseUrl) -> Picture:
    with _connect(url) as connection:
        return Picture(schema=_dump(url, connection), rows=tuple(_rows(connection)))


def _rows(connection: psycopg.Connection) -> Iterable[str]:
    """Each table's rows, whatever the order of its rows and columns."""
    tables = connection.execute(
        "SELECT relnamespace::regnamespace::text, relname FROM pg_class"
        " WHERE relkind IN ('r', 'm') AND relnamespace::regnamespace::text = ANY(%s) ORDER BY 1, 2",
        [list(SCHEMAS)],
    ).fetchall()
    for schema, table in tables:
        query = sql.SQL("SELECT to_jsonb(each)::text FROM {} AS each ORDER BY 1")
        rows = connection.execute(query.format(sql.Identifier(schema, table))).fetchall()
        yield from (f"{schema}.{table} {row}" for (row,) in rows)


def _dump(url: DatabaseUrl, connection: psycopg.Connection) -> tuple[str, ...]:
    """pg_dump's lines of the schema; the order of a table's columns and of their comments is not told."""
    major = connection.info.server_version // 10000
    binaries = find_binaries(environment=os.environ, major=major)
    variables = {VARIABLES[name]: value for name, value in url.parameters.items() if name in VARIABLES}
    dump = subprocess.run(
        [binaries.path / "pg_dump", "--schema-only", "--no-owner"],
        env={**os.environ, **binaries.environment(), **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line for line in dump.splitlines() if line and not line.startswith(("--", "\\"))]
    said = sorted(line for line in lines if line.startswith("COMMENT ON COLUMN"))
    rest = "\n".join(line for line in lines if not line.startswith("COMMENT ON COLUMN"))
    return (*re.sub(r"(?<= \(\n)(.*?)(?=\n\))", _sorted_lines, rest, flags=re.DOTALL).splitlines(), *said)


def _sorted_lines(body: re.Match[str]) -> str:
    return "\n".join(sorted(line.rstrip(",") for line in body[1].splitlines()))


def _alembic(module: str, *arguments: str) -> str:
    """Run the `alembic` that a person would type, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", str(MODULES / module / "alembic.ini"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

"""Other sessions on the target while a run is at work: readers that stay, applications that come by, how long they wait."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.failures.site import Site

TABLES = """
CREATE TABLE crm.customers (id int PRIMARY KEY, email text);
CREATE TABLE crm.notes (id int PRIMARY KEY, customer int);
CREATE TABLE crm.visits (id int PRIMARY KEY, customer int);
INSERT INTO crm.customers SELECT n, 'user' || n FROM generate_series(1, 20) AS n;
"""
ADD_TO_CUSTOMERS = (
    "ALTER TABLE crm.customers ADD COLUMN phone text",
    "ALTER TABLE crm.customers DROP COLUMN phone",
)
ADD_TO_NOTES = ("ALTER TABLE crm.notes ADD COLUMN body text", "ALTER TABLE crm.notes DROP COLUMN body")
ADD_TO_VISITS = ("ALTER TABLE crm.visits ADD COLUMN at date", "ALTER TABLE crm.visits DROP COLUMN at")
NEVER_REHEARSED = ("all-modules", "--staging", "off")
REHEARSED = ("all-modules", "--staging", "embedded")
# Other tests on the same server have readers of that name too.
READER = "SELECT pid FROM pg_stat_activity WHERE application_name = 'nightly report' AND datname = current_database()"


def build_street(
    site: Site, *steps: tuple[str, str], modules: dict[str, dict[str, str]] | None = None
) -> None:
    """A module `crm` with three tables and rows, and these steps (statements there and back) pending: c1, c2 and so on."""
    project(site.root, modules=modules or ("crm",))
    folder = versions_of(site.root, "crm")
    made = [each.strip() for each in TABLES.split(";") if "CREATE" in each]
    write_revision(
        folder, "c0", upgrade=_sql(*made), downgrade=_sql("DROP TABLE crm.visits, crm.notes, crm.customers")
    )
    for number, (there, back) in enumerate(steps, start=1):
        write_revision(
            folder, f"c{number}", after=f"c{number - 1}", upgrade=_sql(there), downgrade=_sql(back)
        )
    site.execute(
        f"CREATE SCHEMA crm; {TABLES}"
        "CREATE TABLE crm.alembic_version (version_num varchar(32) PRIMARY KEY);"
        "INSERT INTO crm.alembic_version VALUES ('c0')"
    )


def _sql(*statements: str) -> str:
    return "\n".join(f"op.execute({' '.join(each.split())!r})" for each in statements)


def waits(*, wait: str = "500ms", patience: str = "30s") -> dict[str, str]:
    """The variables that make a run impatient enough for a test."""
    return {"MIGRATE_LOCK_WAIT": wait, "MIGRATE_LOCK_PATIENCE": patience}


@contextmanager
def reading(site: Site, *tables: str) -> Iterator[None]:
    """A session with an open transaction that has read these tables; it ends with the block."""
    with site.session() as session:
        session.execute("SET application_name = 'nightly report'; BEGIN")
        for table in tables:
            session.execute(f"SELECT count(*) FROM {table} WHERE id <> 4711")
        yield


@dataclass(slots=True)
class Passer:
    """Reads a table again and again, as an application does, and notes how long each reading took."""

    site: Site
    table: str
    took: list[float] = field(default_factory=list)  # seconds
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def passing(self) -> Iterator[Passer]:
        """Read during the block."""
        thread = threading.Thread(target=self._read, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join(30)

    def _read(self) -> None:
        with self.site.session() as session:
            while not self._over.is_set():
                began = time.monotonic()
                session.execute(f"SELECT count(*) FROM {self.table}")
                self.took.append(time.monotonic() - began)
                time.sleep(0.02)

    @property
    def longest(self) -> float:
        """The longest wait in seconds; there must have been readings."""
        assert len(self.took) > 5, "nobody came by"
        return max(self.took)


def waiting_for(table: str) -> str:
    """A query that is true while a connection of ours waits for that table."""
    return (
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE NOT l.granted AND a.application_name LIKE 'migrate:%'"
        f" AND l.relation = '{table}'::regclass)"
    )

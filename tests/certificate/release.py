"""A release of two modules: what is in, what is pending, and the files that the pending revisions read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

EMBEDDED = 'environment = "local"\n[tool.migrate.environments.local]\ntarget = "embedded"\n'


def write_base(root: Path, settings: str = EMBEDDED) -> None:
    """What is in before the release: crm:c1 makes customers, billing:b1 makes an unrelated table of logs."""
    project(root, modules=("crm", "billing"), settings=settings)
    write_revision(
        versions_of(root, "crm"),
        "c1",
        upgrade='op.execute("CREATE TABLE crm.customers (id int PRIMARY KEY, name text)")',
        downgrade='op.execute("DROP TABLE crm.customers")',
    )
    write_revision(
        versions_of(root, "billing"),
        "b1",
        upgrade='op.execute("CREATE TABLE billing.logs (line text)")',
        downgrade='op.execute("DROP TABLE billing.logs")',
    )


def write_release(root: Path) -> None:
    """crm:c2 adds a column by a helper and a SQL file; billing:b2 makes a view that reads it; billing:b3 stands alone."""
    helpers = root / "modules" / "crm" / "crm_helpers"
    helpers.mkdir(exist_ok=True)
    (helpers / "__init__.py").write_text("")
    (helpers / "naming.py").write_text('COLUMN = "phone"\n')
    (root / "modules" / "crm" / "sql").mkdir(exist_ok=True)
    (root / "modules" / "crm" / "sql" / "column.sql").write_text(
        "ALTER TABLE crm.customers ADD {column} text\n"
    )
    write_revision(
        versions_of(root, "crm"),
        "c2",
        after="c1",
        header="from pathlib import Path\nfrom crm_helpers.naming import COLUMN\n"
        'FILE = Path(__file__).parents[2] / "sql" / "column.sql"\n',
        upgrade="op.execute(FILE.read_text().format(column=COLUMN))",
        downgrade='op.execute(f"ALTER TABLE crm.customers DROP {COLUMN}")',
    )
    write_revision(
        versions_of(root, "billing"),
        "b2",
        after="b1",
        upgrade='op.execute("CREATE VIEW billing.phones AS SELECT id, phone FROM crm.customers")',
        downgrade='op.execute("DROP VIEW billing.phones")',
    )
    write_revision(
        versions_of(root, "billing"),
        "b3",
        after="b2",
        upgrade='op.execute("CREATE TABLE billing.invoices (id int PRIMARY KEY)")',
        downgrade='op.execute("DROP TABLE billing.invoices")',
    )

"""A module with tables and rows that ran before under plain Alembic, and pending steps that destroy something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Picture, Site

CUSTOMERS = """
CREATE TABLE crm.customers (id int PRIMARY KEY, name text NOT NULL, phone text);
INSERT INTO crm.customers SELECT n, 'name ' || n, '+1' || n FROM generate_series(1, 20) AS n;
"""
NUMBERS = """
CREATE TABLE crm.numbers (id int PRIMARY KEY, a int, b int);
INSERT INTO crm.numbers SELECT n, n, n FROM generate_series(1, 9) AS n;
"""
PARTS = """
CREATE TABLE crm.parts (id int PRIMARY KEY, name text, seen int DEFAULT 0) PARTITION BY RANGE (id);
CREATE TABLE crm.a_part PARTITION OF crm.parts FOR VALUES FROM (0) TO (5);
CREATE TABLE crm.z_part PARTITION OF crm.parts FOR VALUES FROM (5) TO (100);
INSERT INTO crm.parts SELECT n, 'Name ' || n FROM generate_series(1, 9) AS n;
"""


def all_of(*statements: str) -> str:
    """A function's body that executes these statements."""
    return "\n".join(f"op.execute({each!r})" for each in statements) or "pass"


def build(
    site: Site, tables: str = CUSTOMERS, *, settings: str = "", module: dict[str, Any] | None = None
) -> None:
    """A project with the module crm, whose first revision is in, with these tables in its schema."""
    project(
        site.root,
        modules={"crm": module or {}},
        settings='environment = "local"\n'
        + settings
        + '[tool.migrate.environments.local]\ntarget = "embedded"\n',
    )
    write_revision(versions_of(site.root, "crm"), "c1", upgrade="pass")
    site.execute("CREATE SCHEMA crm;" + tables)
    site.execute(
        "CREATE TABLE crm.alembic_version (version_num varchar(32) PRIMARY KEY);"
        "INSERT INTO crm.alembic_version VALUES ('c1')"
    )


def step(
    site: Site, revision: str, after: str, up: tuple[str, ...], down: tuple[str, ...], **names: Any
) -> None:
    """A pending revision of crm."""
    write_revision(
        versions_of(site.root, "crm"),
        revision,
        after=after,
        upgrade=all_of(*up),
        downgrade=all_of(*down),
        **names,
    )


def failing(site: Site, revision: str, after: str) -> None:
    """A step that works on an empty staging database and fails on rows."""
    step(
        site,
        revision,
        after,
        ("DO $$ BEGIN IF EXISTS (SELECT FROM crm.trap) THEN RAISE 'planted failure'; END IF; END $$",),
        ("SELECT 1",),
    )
    site.execute("CREATE TABLE crm.trap (id int PRIMARY KEY); INSERT INTO crm.trap VALUES (1)")


def same(site: Site, before: Picture) -> bool:
    """Whether the target holds what it held, the order of columns aside."""
    after = site.picture()
    assert after.fingerprint == before.fingerprint
    assert after.rows == before.rows
    assert after.versions == before.versions
    return True

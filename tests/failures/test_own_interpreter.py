"""A module under an interpreter of its own, with SQLAlchemy 1.4, in the same transaction as the others."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coordinator.staging.locks import exclusive
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from tests.failures.site import Site

PINS = ("sqlalchemy==1.4.54", "alembic==1.13.3")


@pytest.fixture(scope="session")
def old_interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the old libraries, made once for all workers of the test run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "old-interpreter"
    python = folder / "bin" / "python"
    with exclusive(shared / "old-interpreter.lock"):
        if not (folder / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *PINS]
            installed = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=240)
            if installed.returncode != 0:
                pytest.skip(f"pip cannot install {' and '.join(PINS)}: {installed.stderr.strip()[-300:]}")
            (folder / "done").touch()
    return python


def write_modules(site: Site, interpreter: Path) -> None:
    """crm:c1 → legacy:l1 (SQLAlchemy 1.4) → crm:c2, which fails when the target has two equal rows in crm.given."""
    project(site.root, modules={"crm": {}, "legacy": {"interpreter": str(interpreter)}})
    crm, legacy = versions_of(site.root, "crm"), versions_of(site.root, "legacy")
    note = "op.execute(sa.text('INSERT INTO {table} VALUES (:said)').bindparams(said=sa.__version__))"
    write_revision(
        crm,
        "c1",
        upgrade="op.create_table('customers', sa.Column('id', sa.Integer, primary_key=True, autoincrement=False))\n"
        "op.create_table('ran_with', sa.Column('version', sa.Text))\n" + note.format(table="crm.ran_with"),
        downgrade="op.drop_table('ran_with')\nop.drop_table('customers')",
    )
    write_revision(
        legacy,
        "l1",
        # Text as a statement and a list in select() are refused by SQLAlchemy 2.
        upgrade="op.create_table('orders', sa.Column('customer', sa.Integer, sa.ForeignKey('crm.customers.id')))\n"
        "ran = op.create_table('ran_with', sa.Column('version', sa.Text))\n"
        "op.bulk_insert(ran, [{'version': sa.__version__}])\n"
        "bind = op.get_bind()\n"
        "bind.execute('INSERT INTO crm.customers VALUES (7)')\n"
        "bind.execute(sa.select([ran.c.version])).fetchall()",
        downgrade="op.drop_table('ran_with')\nop.drop_table('orders')\nop.execute('DELETE FROM crm.customers')",
        requires=["crm:c1"],
        touches=["crm"],
    )
    write_revision(
        crm,
        "c2",
        after="c1",
        upgrade="op.execute('CREATE TABLE crm.once (id int PRIMARY KEY)')\n"
        "op.execute('INSERT INTO crm.once SELECT id FROM crm.given')",
        downgrade="op.execute('DROP TABLE crm.once')",
        requires=["legacy:l1"],
    )


@pytest.mark.parametrize("staging", ["embedded", "off"])
def test_modules_of_two_interpreters_share_one_transaction(
    site: Site, old_interpreter: Path, staging: str
) -> None:
    write_modules(site, old_interpreter)
    site.execute("CREATE SCHEMA crm; CREATE TABLE crm.given (id int); INSERT INTO crm.given VALUES (1), (1)")
    before = site.picture()

    failed = site.migrate("all-modules", "--atomic", "run", "--staging", staging)

    assert failed.code == 3, failed.err
    assert site.picture() == before
    assert site.steps() == (
        "upgrade crm:c1 rolled back",
        "upgrade legacy:l1 rolled back",
        "upgrade crm:c2 failed",
    )

    site.execute("DELETE FROM crm.given")
    done = site.migrate("all-modules", "--atomic", "run", "--staging", staging, "--retry")
    assert done.code == 0, done.err
    assert str(site.value("SELECT version FROM legacy.ran_with")).startswith("1.4.")
    assert str(site.value("SELECT version FROM crm.ran_with")).startswith("2.")
    assert site.value("SELECT count(*) FROM migrate.outcome WHERE run = 2") == 1

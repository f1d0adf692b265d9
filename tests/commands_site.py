"""Two small modules for the commands' tests, crm and billing that needs a column of it, driven in this process."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING
from unittest.mock import patch

from coordinator.cli.main import run
from coordinator.postgres.url import as_words
from tests.failures.site import Ended, Site
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl


class Desk(Site):
    """A site whose commands run in this process: no start of an interpreter for each."""

    def migrate(
        self, *arguments: str, environment: Mapping[str, str] | None = None, url: DatabaseUrl | None = None
    ) -> Ended:
        """Run one command to its end, as another role when `url` is given."""
        out, err = io.StringIO(), io.StringIO()
        variables = {
            "MIGRATE_STATE_DIR": str(self.state),
            "MIGRATE_STAGING": "embedded",
            "MIGRATE_CHECK_BUDGET": "off",  # as in every site
            "PATH": os.environ["PATH"],
            **(environment or {}),
        }
        words = as_words((url or self.url).parameters)
        with ExitStack() as stack:
            stack.enter_context(chdir(self.root))
            stack.enter_context(patch.dict(os.environ, variables, clear=True))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            code = run([arguments[0], "--database-url", words, *arguments[1:]])
        return Ended(code=code, out=out.getvalue(), err=err.getvalue())


def write_shop(root: Path) -> None:
    """crm:c1 makes customers, crm:c2 a phone; billing:b1 copies the phone. All pending, one transaction."""
    project(root, modules=("crm", "billing"))
    crm, billing = versions_of(root, "crm"), versions_of(root, "billing")
    write_revision(
        crm,
        "c1",
        message="create customers",
        upgrade='op.execute("CREATE TABLE crm.customers (id int PRIMARY KEY, name text)")',
        downgrade='op.execute("DROP TABLE crm.customers")',
    )
    write_revision(
        crm,
        "c2",
        after="c1",
        message="add telefone2",
        upgrade='op.execute("ALTER TABLE crm.customers ADD telefone2 text")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP telefone2")',
    )
    write_revision(
        billing,
        "b1",
        message="copy the <script>alert(1)</script> | `phone`",
        upgrade='op.execute("CREATE TABLE billing.phones AS SELECT telefone2 FROM crm.customers")',
        downgrade='op.execute("DROP TABLE billing.phones")',
    )


def add_index(root: Path, *, name: str = "c3", after: str = "c2", table: str = "crm.customers") -> None:
    """A revision of crm that builds a unique index concurrently, so it commits by itself."""
    write_revision(
        versions_of(root, "crm"),
        name,
        after=after,
        message="one customer a name",
        upgrade="with op.get_context().autocommit_block():\n"
        f'    op.execute("CREATE UNIQUE INDEX CONCURRENTLY one_name ON {table} (name)")',
        downgrade="with op.get_context().autocommit_block():\n"
        '    op.execute("DROP INDEX CONCURRENTLY crm.one_name")',
    )


def apply(site: Site, *more: str) -> None:
    """Apply everything, unrehearsed: what is tested here comes after it."""
    ended = site.migrate("all-modules", "--yes", "--staging", "off", *more)
    assert ended.code == 0, ended.err

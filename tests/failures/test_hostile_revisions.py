"""Revisions that reach for what is not theirs: each is found and named, and nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import build_shop
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """The body of an upgrade, whose last line is the guilty one, and what must be told of it.

    `rule` is the finding where it shows without any row; `line_is_told` False: a process that died or hangs
    cannot say where it is.
    """

    body: str
    words: tuple[str, ...]
    rule: str
    line_is_told: bool = True


SESSION = "from sqlalchemy.orm import Session\nsession = Session(op.get_bind())\nsession.execute(sa.text('SELECT 1'))\n"
HOSTILE = {
    "commits": Hostile(body="op.execute('COMMIT')", words=("COMMIT",), rule="own-transaction"),
    "begins": Hostile(body="op.execute('BEGIN; SELECT 1')", words=("BEGIN",), rule="own-transaction"),
    "rolls back": Hostile(body="op.execute('ROLLBACK')", words=("ROLLBACK",), rule="own-transaction"),
    "commits its connection": Hostile(
        body="op.get_bind().commit()", words=("commit",), rule="own-transaction"
    ),
    "rolls back its session": Hostile(
        body=SESSION + "session.rollback()", words=("rollback",), rule="own-transaction"
    ),
    "opens a second connection": Hostile(
        body="import psycopg\npsycopg.connect('host=127.0.0.1 dbname=postgres')",
        words=("psycopg.connect",),
        rule="own-connection",
    ),
    "opens a socket": Hostile(
        body="import socket\nsocket.create_connection(('127.0.0.1', 5432))",
        words=("socket to", "5432"),
        rule="own-connection",
    ),
    "calls exit": Hostile(body="import sys\nsys.exit(0)", words=("it called exit(0)",), rule="not-loadable"),
    "ends its process": Hostile(
        body="import os\nos._exit(0)",
        words=("the worker's process ended (exit code 0)",),
        rule="not-loadable",
        line_is_told=False,
    ),
    "hangs": Hostile(
        body="import time\ntime.sleep(600)",
        words=("it said nothing for 3 s",),
        rule="not-loadable",
        line_is_told=False,
    ),
    "reads DATABASE_URL": Hostile(
        body="import os\nos.environ['DATABASE_URL']",
        words=("DATABASE_URL",),
        rule="withheld-environment",
    ),
}
ENVIRONMENT = {"MIGRATE_WORKER_TIMEOUT": "3s", "DATABASE_URL": "postgresql://other.example/erp"}


def write_hostile(site: Site, hostile: Hostile, *, only_with_rows: bool) -> None:
    """Make billing:b2 hostile; with `only_with_rows` so that no capture and no rehearsal can see it."""
    build_shop(site)
    body = hostile.body
    if only_with_rows:
        inner = "\n".join("    " + line for line in body.splitlines())
        body = "if op.get_bind().execute(sa.text('SELECT count(*) FROM crm.customers')).scalar():\n" + inner
    write_revision(
        versions_of(site.root, "billing"),
        "b2",
        after="b1",
        upgrade="op.execute('CREATE TABLE billing.more (id int)')\n" + body,
        downgrade="op.execute('DROP TABLE billing.more')",
        requires=["crm:c2"],
    )


@pytest.mark.parametrize("staging", ["embedded", "off"])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_the_targets_rows_bring_about_is_found_and_taken_back(
    site: Site, name: str, staging: str
) -> None:
    hostile = HOSTILE[name]
    write_hostile(site, hostile, only_with_rows=True)
    before = site.picture()

    failed = site.migrate("all-modules", "--staging", staging, environment=ENVIRONMENT)

    assert failed.code == 3, failed.err
    assert site.picture() == before
    assert site.steps() == ("upgrade crm:c2 rolled back", "upgrade billing:b2 failed")
    assert f"billing:b2 failed in upgrade() at {guilty_place(site, hostile)}" in failed.said
    _tells(failed.said, hostile)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_shows_in_the_code_is_refused_before_any_write(site: Site, name: str) -> None:
    hostile = HOSTILE[name]
    write_hostile(site, hostile, only_with_rows=False)
    before = site.picture()

    refused = site.migrate("all-modules", "--staging", "off", environment=ENVIRONMENT)

    assert refused.code == 1, refused.err
    assert site.picture() == before
    assert not site.has_ledger()
    assert f"error {hostile.rule}: Revision billing:b2 ({site.file('billing', 'b2')}:" in refused.said
    _tells(refused.said, hostile)


def test_a_connection_that_is_refused_and_hidden_is_found_all_the_same(site: Site) -> None:
    hidden = Hostile(
        body="import psycopg\ntry:\n    psycopg.connect('host=127.0.0.1')\nexcept OSError:\n    pass",
        words=("it opens a connection of its own (psycopg.connect)",),
        rule="own-connection",
    )
    write_hostile(site, hidden, only_with_rows=True)
    before = site.picture()

    failed = site.migrate("all-modules", "--staging", "off", environment=ENVIRONMENT)

    assert failed.code == 3, failed.err
    assert site.picture() == before
    assert f"billing:b2 failed in upgrade() at {site.file('billing', 'b2')}:" in failed.said
    _tells(failed.said, hidden)


def test_a_block_that_only_the_targets_rows_bring_about_does_not_end_the_runs_transaction(site: Site) -> None:
    """None was seen when it was read, so its step shares the transaction of crm:c2."""
    block = "with op.get_context().autocommit_block():\n    op.execute('SELECT 1')"
    write_hostile(site, Hostile(body=block, words=(), rule=""), only_with_rows=True)
    before = site.picture()

    failed = site.migrate("all-modules", "--staging", "off")

    assert failed.code == 3, failed.err
    assert "everything is as it was before run 1" in failed.said
    assert (
        f"billing:b2 failed in upgrade() at {site.place('billing', 'b2', 'autocommit_block')}: it enters"
        " autocommit_block() here, but it did not when it was read, so its step shares a transaction"
    ) in failed.said
    assert site.picture() == before
    assert site.steps() == ("upgrade crm:c2 rolled back", "upgrade billing:b2 failed")


def guilty_place(site: Site, hostile: Hostile) -> str:
    """file:line as far as it can be told: for a process that is gone, the last statement that it sent."""
    marker = hostile.body.splitlines()[-1] if hostile.line_is_told else "SELECT count(*)"
    return site.place("billing", "b2", marker)


def _tells(said: str, hostile: Hostile) -> None:
    for words in hostile.words:
        assert words.lower() in said.lower(), said
    assert "Traceback" not in said
    assert "other.example" not in said


def test_a_look_at_the_environment_that_only_rows_bring_about_is_told(site: Site) -> None:
    curious = Hostile(body="import os\nos.environ.get('DATABASE_URL')", words=(), rule="withheld-environment")
    write_hostile(site, curious, only_with_rows=True)

    done = site.migrate("all-modules", "--staging", "off", environment=ENVIRONMENT)

    assert done.code == 0, done.err
    assert "warning withheld-environment: billing:b2 looked for DATABASE_URL" in done.said

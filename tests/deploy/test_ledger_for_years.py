"""A ledger made years ago, or by a newer program: read by everybody, written only by whoever knows its form."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from coordinator.ledger.schema import VERSION, scripts_from
from tests.commands_site import apply, write_shop
from tests.failures.roles import make_role
from tests.manners.street import Passer, waiting_for, waits
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.commands_site import Desk

DEPLOY = ("all-modules", "--yes", "--staging", "off")
READERS = (("status",), ("history",), ("history", "1"), ("plan",), ("status", "--format", "json"))
OLDER = (1, 3)
IN_THE_WAY = "BEGIN; SELECT count(*) FROM migrate.run"


def old_ledger(desk: Desk, version: int = 1) -> None:
    """crm's first revision is in, by a run of a program that knew the ledger's tables up to that version."""
    write_shop(desk.root)
    desk.execute(
        "CREATE SCHEMA crm; CREATE TABLE crm.customers (id int PRIMARY KEY, name text);"
        "CREATE TABLE crm.alembic_version (version_num varchar(255) PRIMARY KEY);"
        "INSERT INTO crm.alembic_version VALUES ('c1')"
    )
    for script in scripts_from(0)[:version]:
        desk.execute(script)
    desk.execute(
        "INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program, rehearsal, finished)"
        " VALUES ('apply', 'applied', 'abc', 'one transaction: everything or nothing', 'local', 'old', 7, '0.1.0', 'off',"
        " clock_timestamp());"
        "INSERT INTO migrate.fence (owner) VALUES (1);"
        "INSERT INTO migrate.intent (run, sequence, token, direction, transactional, steps) VALUES"
        " (1, 1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'upgrade', true, '{crm:c1}');"
        "INSERT INTO migrate.outcome (token, run) VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1);"
        "INSERT INTO migrate.step (run, sequence, module, revision, direction, status, seconds)"
        " VALUES (1, 1, 'crm', 'c1', 'upgrade', 'applied', 0.1);"
        "INSERT INTO migrate.applied (module, revision, run, digest, source, parents, file, changes, grade)"
        " VALUES ('crm', 'c1', 1, '', 'revision = ''c1''', '{}', 'c1.py', '[]', 'reversible'),"
        " ('stock', 's1', 1, '', 'revision = ''s1''', '{}', 's1.py', '[]', '')"
    )


@pytest.mark.parametrize("version", OLDER)
def test_a_role_that_may_only_read_sees_an_older_ledger(desk: Desk, role: str, version: int) -> None:
    old_ledger(desk, version)
    reader = make_role(
        desk,
        role,
        "GRANT USAGE ON SCHEMA migrate, crm TO {role}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA migrate, crm TO {role}",
    )

    for words in READERS:
        ended = desk.migrate(*words, url=reader)
        assert ended.code == 0, f"{words}: {ended.err}"
    assert "not in this checkout" in desk.migrate("status", url=reader).out
    assert desk.value("SELECT max(number) FROM migrate.version") == version


@pytest.mark.parametrize("version", OLDER)
def test_the_first_run_that_writes_brings_it_up_to_date_and_what_it_held_stays(
    desk: Desk, version: int
) -> None:
    old_ledger(desk, version)

    done = desk.migrate(*DEPLOY)

    assert done.code == 0, done.err
    assert desk.value("SELECT max(number) FROM migrate.version") == VERSION
    assert desk.value("SELECT array_agg(revision ORDER BY revision) FROM migrate.applied") == [
        "b1",
        "c1",
        "c2",
        "s1",
    ]
    assert desk.value("SELECT effects IS NULL FROM migrate.applied WHERE revision = 'c1'") is True
    assert desk.migrate("history", "1").code == 0
    assert desk.migrate(*DEPLOY).code == 0


def test_a_run_of_version_1_that_was_cut_off_is_settled_after_the_upgrade(desk: Desk) -> None:
    old_ledger(desk)
    desk.execute("UPDATE migrate.run SET status = 'running', finished = NULL")

    done = desk.migrate(*DEPLOY)

    assert done.code == 0, done.err
    assert desk.rows("SELECT number, status FROM migrate.run ORDER BY 1") == ((1, "settled"), (2, "applied"))


def test_nothing_pending_leaves_an_old_ledger_as_it_is(desk: Desk) -> None:
    old_ledger(desk)
    (versions_of(desk.root, "crm") / "c2.py").unlink()
    (versions_of(desk.root, "billing") / "b1.py").unlink()

    done = desk.migrate(*DEPLOY)

    assert done.code == 0, done.err
    assert desk.value("SELECT max(number) FROM migrate.version") == 1


def test_nobody_waits_long_for_what_waits_to_bring_it_up_to_date(desk: Desk) -> None:
    old_ledger(desk)
    with Passer(desk, "migrate.run").passing() as passer:
        with desk.session() as reader:
            reader.execute(f"SET application_name = 'nightly dump'; {IN_THE_WAY}")
            process = desk.start(*DEPLOY, environment=waits())
            desk.await_value(waiting_for("migrate.run"))
            time.sleep(1.5)
            assert process.poll() is None, "it gave up"
        ended = desk.end(process)

    assert ended.code == 0, ended.err
    assert passer.longest < 0.5 + 0.7  # two cores, and other tests
    assert "in the way: a lock on migrate." in ended.said
    assert "nightly dump of postgres, idle in transaction" in ended.said
    assert "trying again in" in ended.said
    assert desk.value("SELECT max(number) FROM migrate.version") == VERSION


def test_a_reader_of_it_that_does_not_end_is_named_and_nothing_is_touched(desk: Desk) -> None:
    old_ledger(desk)
    before = desk.picture()
    with desk.session() as reader:
        reader.execute(f"SET application_name = 'nightly dump'; {IN_THE_WAY}")
        ended = desk.migrate(*DEPLOY, environment=waits(wait="300ms", patience="1s"))
        assert desk.migrate("status").code == 0

    assert ended.code == 5, ended.err
    assert "the ledger's tables are of an older version" in ended.said
    assert f"held by pid {reader.pid_when_open} (nightly dump of postgres" in ended.said
    assert desk.picture() == before
    assert desk.value("SELECT max(number) FROM migrate.version") == 1
    assert desk.value("SELECT count(*) FROM migrate.run") == 1


@pytest.fixture
def newer(desk: Desk) -> Desk:
    """All is in, and then a program of the future kept the ledger."""
    write_shop(desk.root)
    apply(desk)
    desk.execute(
        "INSERT INTO migrate.version VALUES (99);"
        "ALTER TABLE migrate.run ADD COLUMN mood text NOT NULL DEFAULT 'sunny';"
        "ALTER TABLE migrate.applied ADD COLUMN mood text NOT NULL DEFAULT 'sunny';"
        "ALTER TABLE migrate.run DROP CONSTRAINT run_kind_check; ALTER TABLE migrate.run DROP CONSTRAINT run_status_check;"
        "ALTER TABLE migrate.step DROP CONSTRAINT step_status_check;"
        "INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program, rehearsal)"
        " VALUES ('dream', 'dreamt', '', '', 'local', 'future', 1, '9.0', '');"
        "INSERT INTO migrate.step (run, sequence, module, revision, direction, status, seconds)"
        " VALUES (2, 1, 'crm', 'c2', 'upgrade', 'imagined', 1);"
        """UPDATE migrate.applied SET effects = '{"form": 99, "dream": []}'"""
    )
    return desk


def test_an_older_program_reads_a_newer_ledger(newer: Desk) -> None:
    for words in (*READERS, ("history", "2"), ("history", "2", "--format", "json")):
        ended = newer.migrate(*words)
        assert ended.code == 0, f"{words}: {ended.err}"
    assert "dream" in newer.migrate("history").out


def test_an_older_program_with_nothing_pending_starts(newer: Desk) -> None:
    done = newer.migrate(*DEPLOY)

    assert done.code == 0, done.err
    assert "nothing to do" in done.said


def test_an_older_program_with_something_pending_refuses_in_one_sentence(newer: Desk) -> None:
    write_revision(versions_of(newer.root, "crm"), "c3", after="c2", upgrade='op.execute("SELECT 1")')
    before = newer.picture()

    refused = newer.migrate("all-modules", "--yes", "--staging", "container")

    assert refused.code == 1, refused.err
    assert "the ledger was written by a newer coordinator (version 99; this one knows" in refused.said
    assert newer.picture() == before
    assert newer.value("SELECT count(*) FROM migrate.run") == 2
    shown = newer.migrate("plan")
    assert shown.code == 1
    assert "newer-ledger" in shown.out


def test_accepting_in_a_newer_ledger_is_refused(newer: Desk) -> None:
    file = newer.root / newer.file("crm", "c2")
    file.write_text(file.read_text(encoding="utf-8").replace("telefone2 text", "telefone2 varchar"))

    refused = newer.migrate("accept", "crm:c2", "--reason", "one")

    assert refused.code == 1, refused.err
    assert "newer coordinator" in refused.said


def test_a_version_only_adds_to_the_one_before_it_or_loosens_it() -> None:
    """An older program goes on writing to the tables while a newer one does too, and reads what that one wrote."""
    harmless = re.compile(
        r"CREATE (SCHEMA|TABLE) IF NOT EXISTS |COMMENT ON |REVOKE ALL ON SCHEMA migrate FROM PUBLIC$"
        r"|ALTER TABLE migrate\.\w+ ALTER COLUMN \w+ DROP NOT NULL$"
        r"|ALTER TABLE migrate\.\w+ ADD COLUMN IF NOT EXISTS \w+ [\w ]+(\[\])?( NOT NULL DEFAULT \S+)?$"
        r"|INSERT INTO migrate\.version \(number\) VALUES \((?P<number>\d)\) ON CONFLICT DO NOTHING$"
    )
    for number, script in enumerate(scripts_from(0), start=1):
        statements = [each.strip() for each in script.split(";\n") if each.strip()]
        found = [harmless.match(each) for each in statements]
        assert None not in found, statements[found.index(None)]
        assert found[-1] is not None
        assert found[-1]["number"] == str(number)


def test_every_table_and_column_of_the_ledger_says_what_it_is(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    desk.execute(
        "INSERT INTO crm.customers VALUES (1, 'Ada'); CREATE TABLE crm.keyless AS SELECT id FROM crm.customers;"
        "CREATE TABLE crm.gone AS SELECT id FROM crm.customers"
    )
    write_revision(
        versions_of(desk.root, "crm"),
        "c3",
        after="c2",
        upgrade="op.execute('UPDATE crm.customers SET name = 1; UPDATE crm.keyless SET id = 2; DROP TABLE crm.gone')",
    )
    apply(desk)
    silent = desk.rows(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0"
        " AND NOT a.attisdropped WHERE c.relnamespace = 'migrate'::regnamespace AND c.relkind = 'r'"
        " AND c.relname NOT LIKE 'kept\\_%' AND coalesce(col_description(c.oid, a.attnum), '') = ''"
        " UNION ALL SELECT c.relname, '' FROM pg_class c WHERE c.relnamespace = 'migrate'::regnamespace"
        " AND c.relkind = 'r' AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''"
    )
    assert silent == ()
    assert (
        desk.value(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'migrate'::regnamespace AND relkind = 'r'"
        )
        > 10
    )
    assert desk.value("SELECT obj_description('migrate'::regnamespace, 'pg_namespace')")
    held = ("rows of crm.customers (name)", "table crm.gone", "rows of crm.keyless (id)")
    assert desk.rows(
        "SELECT obj_description(('migrate.' || copy)::regclass, 'pg_class') FROM migrate.kept ORDER BY number"
    ) == tuple(
        (f"Copy of {each}, made before crm:c3 (upgrade) in run 2: see number {number} of migrate.kept.",)
        for number, each in enumerate(held, start=1)
    )

"""Passwords and rows' values planted wherever a report looks: none of them is in the ledger or in any form of a report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.postgres.url import as_words
from tests.failures.roles import make_role
from tests.failures.shop import BREAKS, Break, build_shop
from tests.failures.site import REPOSITORY, Ended
from tests.failures.test_rights import ENOUGH
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

ROW = "geheim-kunde@example.org"
PASSWORD = "pw-geheim-4711"
TELLTALE = "geheim"

# A trigger and a notice that say a row's value, made before the run.
TALKATIVE = f"""
UPDATE crm.customers SET email = '{ROW}' WHERE id = 7;
CREATE FUNCTION crm.talk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'looking at %', OLD.email;
  RAISE WARNING 'customer % is odd', OLD.email;
  IF NEW.nick = 'raise' AND OLD.email LIKE '%kunde%' THEN RAISE EXCEPTION 'customer % may not change', OLD.email; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER talks BEFORE UPDATE ON crm.customers FOR EACH ROW EXECUTE FUNCTION crm.talk();
"""

# How a value of a row gets into what the server or the author says.
WAYS: dict[str, tuple[str, ...]] = {
    "a notice and a RAISE": ("UPDATE crm.customers SET nick = 'raise'",),
    "an invalid number": ("SELECT email::int FROM crm.customers ORDER BY id = 7 DESC",),
    "a unique key's DETAIL": (
        "CREATE TABLE crm.twice AS SELECT email FROM crm.customers UNION ALL SELECT email FROM crm.customers",
        "CREATE UNIQUE INDEX ON crm.twice (email)",
    ),
    "a check's DETAIL": (
        "ALTER TABLE crm.customers ADD CONSTRAINT small CHECK (email IS NULL OR length(email) < 3)",
        "INSERT INTO crm.customers SELECT 1000 + id, email FROM crm.customers WHERE id = 7",
    ),
    "dynamic SQL": (
        (
            "DO $$ BEGIN EXECUTE (SELECT 'SELECT ' || quote_ident(email) || ' FROM crm.customers'"
            " FROM crm.customers WHERE id = 7); END $$"
        ),
    ),
    "a name that holds quotes": (
        """DO $$ BEGIN EXECUTE (SELECT format('SELECT 1 FROM %I', 'a"b ' || email) FROM crm.customers WHERE id = 7); END $$""",
    ),
    "a qualified column": (
        """DO $$ BEGIN EXECUTE (SELECT format('SELECT c.%I FROM crm.customers AS c', split_part(email, '-', 1))
        FROM crm.customers WHERE id = 7); END $$""",
    ),
    "a function": (
        "DO $$ BEGIN EXECUTE (SELECT format('SELECT %I()', email) FROM crm.customers WHERE id = 7); END $$",
    ),
    "a notice about a name": (
        "DO $$ BEGIN EXECUTE (SELECT format('DROP TABLE IF EXISTS %I', email) FROM crm.customers WHERE id = 7); END $$",
        "SELECT 1 / (count(*) - 20) FROM crm.customers",
    ),
    "bytes": (
        "SELECT convert_from(convert_to(email, 'UTF8') || '\\xff', 'UTF8') FROM crm.customers WHERE id = 7",
    ),
}


def looked_everywhere(site: Site, *ended: Ended) -> None:
    """No trace in the ledger, in the reports, or in what the commands of the history say."""
    with site.session() as session:
        tables = session.rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'migrate' AND tablename !~ '^kept_'"
        )
        held = {
            name: session.value(f"SELECT string_agg(t::text, E'\\n') FROM migrate.{name} AS t")
            for (name,) in tables
        }
    for name, text in held.items():
        if name == "applied":
            continue  # the revisions' own files
        assert TELLTALE not in (text or ""), (name, text)
    for each in ended:
        assert TELLTALE not in each.out, each.out


def reports(site: Site) -> tuple[Ended, ...]:
    found = tuple(
        site.migrate("history", *arguments)
        for arguments in (("1", "--report"), ("1", "--report", "--format", "json"), ("1",), ())
    )
    for each in found:
        assert each.code == 0, each.err
        assert TELLTALE not in each.err
    return found


@pytest.mark.parametrize("way", WAYS)
def test_a_rows_value_in_the_servers_words_is_not_kept(site: Site, way: str) -> None:
    build_shop(site)
    site.execute(TALKATIVE)
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade="\n".join(f"op.execute({each!r})" for each in WAYS[way]),
    )

    failed = site.migrate("all-modules", "--staging", "off")

    assert failed.code == 3, failed.err
    found = reports(site)
    looked_everywhere(site, *found)
    assert json.loads(found[1].out)["causes"][0]["sqlstate"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT {value} FROM crm.customers",
        "UPDATE crm.customers SET nick = {value}",
        "DROP TABLE crm.{value}",
    ],
)
def test_a_rows_value_that_python_puts_into_a_statement_is_not_kept(site: Site, statement: str) -> None:
    build_shop(site)
    site.execute(TALKATIVE)
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade="query = \"SELECT split_part(email, '-', 1) FROM crm.customers WHERE id = 7\"\n"
        "value = op.get_bind().execute(sa.text(query)).scalar() or 'id'\n"
        f"op.execute({statement!r}.format(value=value))",
    )

    failed = site.migrate("all-modules", "--staging", "off")

    assert failed.code == 3, failed.err
    assert f"SQL: {statement.format(value=TELLTALE)}" in failed.err  # on the terminal, where its author looks
    found = reports(site)
    looked_everywhere(site, *found)
    assert json.loads(found[1].out)["causes"][0]["statement"] == statement.format(value="…")


def test_what_stops_a_recovery_is_kept_without_values(site: Site) -> None:
    back = "SELECT email::int FROM crm.customers WHERE id = 7"
    build_shop(
        site,
        ("crm", Break(sql="SELECT 1", undo=back, spoil="SELECT 1", repair="", words=())),
        ("billing", BREAKS["billing", "rows"]),
    )
    site.execute(TALKATIVE)

    failed = site.migrate("all-modules", "--atomic", "step", "--staging", "off")
    stopped = site.migrate("recover", "--abort")

    assert (failed.code, stopped.code) == (4, 4), failed.err + stopped.err
    assert ROW in stopped.err
    told = site.migrate("history", "2")
    assert "stopped: crm:c2 failed in downgrade()" in " ".join(told.out.split())
    looked_everywhere(site, *reports(site), told)


def test_what_a_half_done_step_says_on_its_way_back_is_kept_without_values(site: Site) -> None:
    build_shop(site)
    site.execute(TALKATIVE)
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade="op.execute('ALTER TABLE crm.customers ADD COLUMN half int')\n"
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY half_index ON crm.customers (half)')\n"
        "op.execute('SELECT 1 / (count(*) - 20) FROM crm.customers')",
        downgrade="op.execute('SELECT email::int FROM crm.customers WHERE id = 7')\n"
        "op.execute('ALTER TABLE crm.customers DROP COLUMN half')",
    )

    failed = site.migrate("all-modules", "--staging", "off")
    stopped = site.migrate("recover", "--abort")

    assert (failed.code, stopped.code) == (4, 4), failed.err + stopped.err
    told = site.migrate("history", "2")
    assert "its downgrade() was tried" in " ".join(told.out.split())
    looked_everywhere(site, *reports(site), told)


def test_what_a_report_may_hold_is_limited_and_counted(site: Site) -> None:
    build_shop(site)
    says = "FOR n IN 1..60 LOOP RAISE NOTICE 'customer % %', n, repeat('customer ', 20000); END LOOP;"
    writes = "RAISE NOTICE '%', (SELECT string_agg('w' || n, ' ') FROM generate_series(1, 30000) AS n);"
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade=f"op.execute({f'DO $$ BEGIN {writes} {says} END $$'!r})\n"
        "op.execute('SELECT ' + 'email, ' * 1000 + '1 / (id - 7) FROM crm.customers')",
    )

    failed = site.migrate("all-modules", "--staging", "off")

    assert failed.code == 3, failed.err
    document = json.loads(reports(site)[1].out)
    limits = {each["name"]: each for each in document["data_collection"]["dataCategories"]}
    assert limits["notices"]["storageLimit"] == "50 entries, 16 KiB"
    assert 10 <= len(document["notices"]) < 50
    assert limits["notices"]["leftOut"] + len(document["notices"]) >= 61
    assert len(json.dumps(document["notices"])) < 16 * 1024
    assert document["notices"][-1]["message"].startswith("customer 60 customer customer")
    assert len(json.dumps(document["causes"])) < 16 * 1024
    assert site.value("SELECT max(length(error)) FROM migrate.run") < 1500


def test_a_message_that_names_the_character_nul_has_a_report(site: Site) -> None:
    build_shop(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade="if op.get_bind().execute(sa.text('SELECT count(*) FROM crm.customers')).scalar():\n"
        "    raise RuntimeError('rows hold \\\\u0000 here')",
    )

    failed = site.migrate("all-modules", "--staging", "off")

    assert failed.code == 3, failed.err
    assert "could not be written" not in failed.said
    document = json.loads(reports(site)[1].out)
    assert "rows hold \\u0000 here" in document["causes"][0]["message"]


def test_notices_are_shown_on_the_terminal_when_asked_and_kept_without_values(site: Site) -> None:
    build_shop(
        site, ("billing", Break(sql="SELECT 1/0", undo="SELECT 1", spoil="SELECT 1", repair="", words=()))
    )
    site.execute(TALKATIVE)

    loud = loudly(site)

    assert loud.code == 3, loud.err
    assert f"notice in crm:c2: looking at {ROW}" in loud.said
    assert f"warning in crm:c2: customer {ROW} is odd" in loud.said
    found = reports(site)
    looked_everywhere(site, *found)
    document = json.loads(found[1].out)
    assert {each["severity"] for each in document["notices"]} == {"NOTICE", "WARNING"}
    assert {each["step"] for each in document["notices"]} == {"crm:c2"}
    quiet = site.migrate("all-modules", "--retry", "--staging", "off")
    assert "notice in crm:c2" not in quiet.said
    assert "warning in crm:c2" in quiet.said


def test_a_secret_of_another_session_is_not_kept(site: Site) -> None:
    build_shop(site)
    name = f"app password={PASSWORD}"
    with Session(connect(site.url, application_name=name)) as other:
        other.execute("BEGIN; LOCK TABLE billing.invoices IN SHARE MODE")
        other.execute(f"SET LOCAL app.token = {PASSWORD.replace('-', '_')}")
        other.execute(
            f"SELECT /* {PASSWORD} */ '{ROW}', $${PASSWORD}$$, E'{PASSWORD}\\'', \"id\" FROM crm.customers -- {PASSWORD}"
        )
        failed = site.migrate(
            "all-modules", "--staging", "off",
            environment={"MIGRATE_LOCK_WAIT": "1s", "MIGRATE_LOCK_PATIENCE": "1s"},
        )  # fmt: skip
    assert failed.code == 3, failed.err
    assert PASSWORD not in failed.err
    found = reports(site)
    looked_everywhere(site, *found)
    first = json.loads(found[1].out)["sessions"][0]
    assert first["blocks_the_run"]
    assert first["application"] == "…"
    assert first["query"].startswith("SELECT ")
    assert "crm.customers" in first["query"]


def test_the_targets_own_password_is_nowhere(site: Site, role: str) -> None:
    build_shop(
        site, ("billing", Break(sql="SELECT 1/0", undo="SELECT 1", spoil="SELECT 1", repair="", words=()))
    )
    url = make_role(site, role, *ENOUGH)
    failed = site.migrate("all-modules", "--staging", "off", url=url)
    assert failed.code == 3, failed.err
    secret = url.parameters["password"]
    for each in (
        site.migrate("history", "1", "--report", "--format", form, url=url) for form in ("text", "json")
    ):
        assert each.code == 0, each.err
        assert secret not in each.out + each.err
    dump = site.value("SELECT schema_to_xml('migrate', true, false, '')::text")
    assert secret not in dump


def loudly(site: Site) -> Ended:
    """`migrate -v all-modules`."""
    process = subprocess.run(
        [sys.executable, "-m", "coordinator", "-v", "all-modules", "--staging", "off"],
        cwd=site.root,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("PG", "DATABASE_"))},
            "PYTHONPATH": str(REPOSITORY),
            "MIGRATE_STATE_DIR": str(site.state),
            "MIGRATE_DATABASE_URL": as_words(site.url.parameters),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(code=process.returncode, out=process.stdout, err=process.stderr)

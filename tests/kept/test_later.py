"""Data that one run kept and a later command needs: what is held, told, limited, given up, put back and erased."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.failures.roles import make_role
from tests.kept.shelf import CUSTOMERS, build, failing, same, step

if TYPE_CHECKING:
    from tests.failures.site import Site

DROP = ("ALTER TABLE crm.customers DROP COLUMN phone",)
ADD = ("ALTER TABLE crm.customers ADD COLUMN phone text",)


def test_history_tells_what_is_kept_and_until_when(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    ended = site.migrate("all-modules")
    assert ended.code == 0, ended.err
    assert "column crm.customers.phone (20 rows" in ended.said
    shown = site.migrate("history", "1").out
    assert "crm:c2: column crm.customers.phone" in shown
    assert "held until " in shown
    (kept,) = json.loads(site.migrate("history", "1", "--format", "json").out)["kept"]
    assert (kept["rows"], kept["columns"], kept["key"], kept["ending"]) == (20, ["phone"], ["id"], None)
    held = datetime.fromisoformat(kept["expires"]) - datetime.fromisoformat(kept["kept"])
    assert round(held / timedelta(days=1), 3) == 30


def test_rows_without_a_primary_key_come_back_by_a_unique_one_without_nulls(site: Site) -> None:
    build(
        site,
        CUSTOMERS.replace("PRIMARY KEY", "UNIQUE NOT NULL") + "ALTER TABLE crm.customers ADD UNIQUE (phone)",
    )
    step(site, "c2", "c1", ("UPDATE crm.customers SET name = '?' WHERE id > 9",), ("SELECT 1",))
    before = site.picture()
    assert site.migrate("all-modules").code == 0
    assert site.rows("SELECT key, rows FROM migrate.kept") == ((["id"], 11),)
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert same(site, before)


def test_a_rollback_puts_back_what_a_run_in_one_transaction_kept_and_forward_again_too(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    step(
        site,
        "c3",
        "c2",
        ("ALTER TABLE crm.customers ADD COLUMN nick text",),
        ("ALTER TABLE crm.customers DROP COLUMN nick",),
    )
    before = site.picture()
    assert site.migrate("all-modules").code == 0
    site.execute("UPDATE crm.customers SET nick = 'n' || id WHERE id < 4")
    forward = site.picture()
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert same(site, before)
    assert site.migrate("release", "crm:c2").code == 0
    assert site.migrate("release", "crm:c3").code == 0
    ended = site.migrate("all-modules")
    assert ended.code == 0, ended.err
    assert same(site, forward)


def test_rows_changed_since_are_conflicts_that_keep_their_own_values(site: Site) -> None:
    build(site)
    step(
        site,
        "c2",
        "c1",
        ("UPDATE crm.customers SET name = upper(name)",),
        ("UPDATE crm.customers SET name = lower(name)",),
    )
    site.execute("UPDATE crm.customers SET name = 'MiXed ' || id WHERE id < 4")
    assert site.migrate("all-modules").code == 0
    site.execute(
        "UPDATE crm.customers SET name = 'Somebody Else' WHERE id = 2; DELETE FROM crm.customers WHERE id = 3"
    )
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert "1 row was changed since" in ended.said
    assert "id 2" in ended.said
    assert site.rows("SELECT id, name FROM crm.customers WHERE id IN (1, 2, 4) ORDER BY id") == (
        (1, "MiXed 1"),
        (2, "somebody else"),
        (4, "name 4"),
    )
    shown = site.migrate("history", "2").out
    assert "1 conflict: changed since" in shown
    assert "1 row deleted since" in shown
    assert site.rows("SELECT id, name FROM migrate.kept_1") == (("2", "MiXed 2"),)


def test_a_column_that_came_back_empty_is_filled_in_changed_rows_too(site: Site) -> None:
    build(site, CUSTOMERS.replace("phone text", "phone text DEFAULT '?'"))
    step(site, "c2", "c1", DROP, ("ALTER TABLE crm.customers ADD COLUMN phone text DEFAULT '?'",))
    assert site.migrate("all-modules").code == 0
    site.execute(
        "UPDATE crm.customers SET name = 'other' WHERE id = 2; INSERT INTO crm.customers VALUES (99, 'new')"
    )
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert site.rows("SELECT id, phone FROM crm.customers WHERE id IN (1, 2, 99) ORDER BY id") == (
        (1, "+11"),
        (2, "+12"),
        (99, "?"),
    )


def test_newer_rows_under_a_mandatory_column_stop_the_way_back_before_it_begins(site: Site) -> None:
    build(site, "CREATE TABLE crm.customers (id int PRIMARY KEY, phone text NOT NULL);"
          "INSERT INTO crm.customers SELECT n, '+1' || n FROM generate_series(1, 20) AS n;")  # fmt: skip
    step(site, "c2", "c1", DROP, ("ALTER TABLE crm.customers ADD COLUMN phone text NOT NULL",))
    before = site.picture()
    assert site.migrate("all-modules").code == 0
    site.execute("INSERT INTO crm.customers VALUES (98), (99)")
    there = site.picture()
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 1, ended.err
    assert "2 rows have come into crm.customers" in ended.said
    assert site.picture() == there
    site.execute("DELETE FROM crm.customers WHERE id > 90")
    assert site.migrate("rollback", "crm", "--to", "c1", "--yes").code == 0
    assert same(site, before)


def test_more_than_the_limit_is_refused_before_the_first_write_and_kept_with_a_higher_one(site: Site) -> None:
    build(site, "CREATE TABLE crm.customers (id int PRIMARY KEY, phone text);"
          "INSERT INTO crm.customers SELECT n, repeat('x', 100) FROM generate_series(1, 2000) AS n;"
          "ANALYZE crm.customers;")  # fmt: skip
    step(site, "c2", "c1", DROP, ADD)
    before = site.picture()
    ended = site.migrate("all-modules", "--keep-limit", "100KB", "--yes")
    assert ended.code == 1, ended.err
    assert "--keep-limit" in ended.said
    assert "--discard crm:c2" in ended.said
    assert site.picture() == before
    assert not site.has_ledger()
    assert site.migrate("all-modules", "--keep-limit", "1MB").code == 0
    assert site.value("SELECT rows FROM migrate.kept") == 2000


@pytest.mark.parametrize(
    ("settings", "flags", "why"),
    [
        ("", ("--keep-limit", "400KB"), "400 KB is the limit"),
        ('keep_hold = "1ms"\n', (), "0.001 s"),
    ],
    ids=["room", "time"],
)
def test_what_only_the_copy_itself_shows_to_be_too_much_stops_the_step(
    site: Site, settings: str, flags: tuple[str, ...], why: str
) -> None:
    build(site, "CREATE TABLE crm.customers (id int PRIMARY KEY, phone text) WITH (autovacuum_enabled = false);"
          "INSERT INTO crm.customers SELECT n, 'x' FROM generate_series(1, 2000) AS n; ANALYZE crm.customers;"
          "UPDATE crm.customers SET phone = repeat('x', 500);", settings=settings)  # fmt: skip
    step(site, "c2", "c1", DROP, ADD)
    before = site.picture()
    ended = site.migrate("all-modules", *flags, "--yes")
    assert ended.code == 3, ended.err
    assert why in ended.said
    assert "keep_hold allow more" in ended.said
    assert "--discard crm:c2" in ended.said
    assert same(site, before)
    assert site.value("SELECT count(*) FROM migrate.kept") == 0


def test_many_copies_together_may_not_hold_their_locks_for_longer_than_one(site: Site) -> None:
    tables = [f"crm.t{number}" for number in range(60)]
    build(
        site, "".join(f"CREATE TABLE {each} AS SELECT 1;" for each in tables), settings='keep_hold = "60ms"\n'
    )
    step(site, "c2", "c1", (f"DROP TABLE {', '.join(tables)}",), ("SELECT 1",))
    ended = site.migrate("all-modules", "--staging", "off", "--yes")
    assert ended.code == 3, ended.err
    assert "0.06 s" in ended.said
    assert site.value("SELECT count(*) FROM pg_tables WHERE tablename ~ '^t[0-9]+$'") == len(tables)


def test_discard_destroys_without_a_copy_and_is_written_down(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    ended = site.migrate("all-modules", "--discard", "crm:c2")
    assert ended.code == 0, ended.err
    assert "destroyed without a copy, as you said" in ended.said
    assert site.rows("SELECT ending, copy, columns FROM migrate.kept") == (("discarded", None, ["phone"]),)
    assert "given up with --discard" in site.migrate("history", "1").out


def test_nobody_but_the_owner_can_read_a_copy_whatever_the_default_privileges_say(
    site: Site, role: str
) -> None:
    build(site)
    make_role(site, role)
    site.execute(
        f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC, {role};"
        f"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {role}"
    )
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules").code == 0
    rights = "SELECT has_table_privilege('{}', 'migrate.kept_1', 'SELECT')"
    assert site.value(rights.format(role)) is False
    assert (
        site.rows(
            "SELECT a.grantee <> c.relowner FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.relname = 'kept_1'"
            " AND a.grantee <> c.relowner"
        )
        == ()
    )
    site.execute(f"ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC, {role};"
                 f"ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SCHEMAS FROM {role}")  # fmt: skip


def test_gc_erases_one_runs_data_at_once_and_what_has_expired(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules").code == 0
    step(
        site,
        "c3",
        "c2",
        ("ALTER TABLE crm.customers DROP COLUMN name",),
        ("ALTER TABLE crm.customers ADD name text",),
    )
    assert site.migrate("all-modules").code == 0
    ended = site.migrate("gc", "--keep", "1")
    assert ended.code == 0, ended.err
    assert "erased: what run 1 kept of column crm.customers.phone" in " ".join(ended.out.split())
    assert site.rows("SELECT number, copy, ending FROM migrate.kept ORDER BY 1") == (
        (1, None, "erased"),
        (2, "kept_2", None),
    )
    site.execute("UPDATE migrate.kept SET expires = now() - interval '1 day'")
    ended = site.migrate("gc")
    assert site.rows("SELECT ending FROM migrate.kept ORDER BY number") == (("erased",), ("expired",)), (
        ended.err
    )
    assert site.rows("SELECT relname FROM pg_class WHERE relname LIKE 'kept\\_%' AND relkind = 'r'") == ()


def test_a_later_run_erases_what_has_expired(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    assert site.migrate("all-modules").code == 0
    site.execute("UPDATE migrate.kept SET expires = now() - interval '1 day'")
    step(site, "c3", "c2", ("CREATE TABLE crm.more (id int PRIMARY KEY)",), ("DROP TABLE crm.more",))
    assert site.migrate("all-modules").code == 0
    assert site.rows("SELECT ending, copy FROM migrate.kept") == (("expired", None),)


def test_rows_that_a_policy_hides_stop_the_step_instead_of_being_lost(site: Site, role: str) -> None:
    build(site)
    url = make_role(site, role, "GRANT CREATE ON DATABASE {database} TO {role}")
    site.execute(
        f"ALTER SCHEMA crm OWNER TO {role}; ALTER TABLE crm.customers OWNER TO {role};"
        f"ALTER TABLE crm.alembic_version OWNER TO {role};"
        "ALTER TABLE crm.customers ENABLE ROW LEVEL SECURITY; ALTER TABLE crm.customers FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY half ON crm.customers USING (id > 10)"
    )
    step(site, "c2", "c1", DROP, ADD)
    before = site.picture()
    ended = site.migrate("all-modules", url=url)
    assert ended.code in {1, 3}, ended.err
    assert "42501" in ended.said or "row-level security" in ended.said
    assert same(site, before)


def test_a_module_or_project_that_keeps_nothing_is_told_no_lie(site: Site) -> None:
    build(site, module={"keep": False})
    step(site, "c2", "c1", DROP, ADD)
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step")
    assert ended.code == 1, ended.err
    assert "loss-before-commit" in ended.said
    assert "keep is off" in ended.said
    assert same(site, before)


def test_a_column_of_a_table_without_a_key_cannot_go_before_other_steps(site: Site) -> None:
    build(site, "CREATE TABLE crm.log (at date, note text); INSERT INTO crm.log VALUES ('2026-01-01', 'x');")
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.log DROP COLUMN note",),
        ("ALTER TABLE crm.log ADD COLUMN note text",),
    )
    step(site, "c3", "c2", ("SELECT 1",), ("SELECT 1",))
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step")
    assert ended.code == 1, ended.err
    assert "no key that tells its rows apart" in ended.said
    assert same(site, before)
    ended = site.migrate("all-modules")
    assert ended.code == 0, ended.err
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert "its rows have no key" in ended.said
    assert site.rows("SELECT at, note FROM migrate.kept_1") == (("2026-01-01", "x"),)
    assert "the rows have no key" in site.migrate("history", "1").out


def test_a_dropped_table_comes_back_with_its_rows_and_sequence_and_goes_again(site: Site) -> None:
    table = "CREATE TABLE crm.notes (id serial PRIMARY KEY, note text NOT NULL, doc json)"
    build(
        site,
        table
        + """; INSERT INTO crm.notes (note, doc) SELECT 'n' || n, '{"a":  1}' FROM generate_series(1, 9) n;""",
    )
    step(site, "c2", "c1", ("DROP TABLE crm.notes",), (table,))
    before = site.picture()
    assert site.migrate("all-modules").code == 0
    there = site.picture()
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert same(site, before)
    assert site.value("INSERT INTO crm.notes (note) VALUES ('new') RETURNING id") == 10
    assert site.migrate("release", "crm:c2").code == 0
    assert site.migrate("all-modules").code == 0
    assert same(site, there)
    assert site.migrate("rollback", "crm", "--to", "c1", "--yes").code == 0
    assert site.value("SELECT count(*) FROM crm.notes") == 10


PHONES = "SELECT count(*) FROM crm.customers WHERE phone = '+1' || id"


def test_a_rollback_that_fails_and_puts_in_again_keeps_what_it_had_put_back(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", ("SELECT 1",), ("SELECT 1 / (1 - count(*)::int) FROM crm.trap",))
    step(
        site,
        "c3",
        "c2",
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
    )
    site.execute("CREATE TABLE crm.trap (id int PRIMARY KEY); INSERT INTO crm.trap VALUES (1)")
    deployed = site.migrate("all-modules", "--yes")
    assert deployed.code == 0, deployed.err
    before = site.picture()

    failed = site.migrate("rollback", "--run", "1", "--yes", "--atomic", "step")
    assert failed.code == 3, failed.err
    assert same(site, before)
    site.execute("DELETE FROM crm.trap")
    done = site.migrate("rollback", "--run", "1", "--yes")

    assert done.code == 0, done.err
    assert site.value(PHONES) == 20


def test_a_deploy_that_fails_and_is_taken_back_keeps_what_it_had_put_back(site: Site) -> None:
    build(site, CUSTOMERS.replace(", phone text", "").replace(", '+1' || n", ""))
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
    )
    assert site.migrate("all-modules", "--yes").code == 0
    site.execute("UPDATE crm.customers SET phone = '+1' || id")
    assert site.migrate("rollback", "--run", "1", "--yes").code == 0
    assert site.migrate("release", "--all").code == 0
    failing(site, "c3", "c2")

    failed = site.migrate("all-modules", "--yes", "--atomic", "step")
    assert failed.code == 3, failed.err
    site.execute("DELETE FROM crm.trap")
    done = site.migrate("all-modules", "--yes", "--retry")

    assert done.code == 0, done.err
    assert site.value(PHONES) == 20

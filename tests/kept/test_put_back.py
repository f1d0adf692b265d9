"""Values go back exactly as they were, whatever the database has around them, and nobody else's work is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import build, same, step

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

DROP = ("ALTER TABLE crm.customers DROP COLUMN phone",)
ADD = ("ALTER TABLE crm.customers ADD COLUMN phone text",)
UNREHEARSED = ("--yes", "--staging", "off")


def deploy(site: Site) -> None:
    ended = site.migrate("all-modules", *UNREHEARSED)
    assert ended.code == 0, ended.err


def roll_back(site: Site, *, code: int = 0) -> Ended:
    ended = site.migrate("rollback", "crm", "--to", "c1", *UNREHEARSED)
    assert ended.code == code, ended.err
    return ended


def test_a_row_that_somebody_is_changing_when_the_way_back_begins_keeps_his_value(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", ("UPDATE crm.customers SET name = upper(name)",), ("SELECT 1",))
    deploy(site)
    with site.session() as other:
        other.execute("BEGIN; UPDATE crm.customers SET name = 'typed by a person' WHERE id = 7")
        with site.running("rollback", "crm", "--to", "c1", *UNREHEARSED) as process:
            site.await_value(
                "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND mode = 'ShareRowExclusiveLock'"
                " AND relation = 'crm.customers'::regclass"
            )
            other.execute("COMMIT")
            ended = site.end(process)
    assert ended.code == 0, ended.err
    assert "1 row was changed since crm:c2 destroyed rows of crm.customers (name)" in ended.said
    assert "id 7" in ended.said
    assert site.rows("SELECT id, name FROM crm.customers WHERE id IN (6, 7) ORDER BY id") == (
        (6, "name 6"),
        (7, "typed by a person"),
    )


def test_a_publication_of_all_tables_does_not_stand_in_the_way(site: Site) -> None:
    build(site)
    site.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    step(site, "c2", "c1", (*DROP, "UPDATE crm.customers SET name = upper(name)"), ADD)
    before = site.picture()
    deploy(site)
    site.execute("UPDATE crm.customers SET name = 'other' WHERE id = 3")
    assert "1 row was changed since" in roll_back(site).said
    site.execute("UPDATE crm.customers SET name = 'name 3' WHERE id = 3")
    assert same(site, before)


def test_a_sequence_of_a_column_that_holds_no_numbers_stays_where_it_is(site: Site) -> None:
    build(
        site,
        "CREATE SEQUENCE crm.inv; CREATE SEQUENCE crm.part;"
        "CREATE DOMAIN crm.number AS int;"
        "CREATE TABLE crm.invoices (id serial PRIMARY KEY, no text NOT NULL DEFAULT 'INV-' || nextval('crm.inv'),"
        "  part numeric NOT NULL DEFAULT nextval('crm.part'), fine crm.number);"
        "CREATE SEQUENCE crm.fine OWNED BY crm.invoices.fine;"
        "ALTER SEQUENCE crm.inv OWNED BY crm.invoices.no; ALTER SEQUENCE crm.part OWNED BY crm.invoices.part;"
        "INSERT INTO crm.invoices SELECT FROM generate_series(1, 5);"
        "UPDATE crm.invoices SET part = 7.5, fine = 8 WHERE id = 5",
    )
    step(site, "c2", "c1", ("DELETE FROM crm.invoices WHERE id > 3",), ("SELECT 1",), deletes_rows=True)
    before = site.picture()
    deploy(site)
    roll_back(site)
    assert same(site, before)
    assert site.rows("SELECT nextval('crm.inv'), nextval('crm.part'), nextval('crm.fine')") == ((6, 9, 9),)


def test_a_mandatory_column_with_a_deferred_foreign_key_and_a_trigger_comes_back(site: Site) -> None:
    table = "p int NOT NULL CONSTRAINT fk REFERENCES crm.parents DEFERRABLE INITIALLY DEFERRED"
    build(
        site,
        f"CREATE TABLE crm.parents (id int PRIMARY KEY); CREATE TABLE crm.children (id int PRIMARY KEY, {table});"
        "INSERT INTO crm.parents VALUES (1); INSERT INTO crm.children VALUES (1, 1), (2, 1);"
        "CREATE FUNCTION crm.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''fired''; END';"
        "CREATE TRIGGER refuse BEFORE UPDATE ON crm.children EXECUTE FUNCTION crm.refuse();",
    )
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.children DROP COLUMN p",),
        (f"ALTER TABLE crm.children ADD COLUMN {table}",),
    )
    before = site.picture()
    deploy(site)
    roll_back(site)
    assert same(site, before)


def test_xml_that_is_no_document_comes_back(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.pages (id int PRIMARY KEY, page xml);"
        "INSERT INTO crm.pages VALUES (1, '<a>1</a><b/>'), (2, 'text'), (3, '<?xml version=\"1.0\"?><c/>')",
    )
    site.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET xmloption = document', current_database()); END $$"
    )
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.pages DROP COLUMN page",),
        ("ALTER TABLE crm.pages ADD COLUMN page xml",),
    )
    before = site.picture()
    deploy(site)
    roll_back(site)
    assert same(site, before)


# What anybody would see: a trigger or rule that acted, and one that is in another state than before.
ACTING = """
CREATE TABLE crm.seen (what text);
CREATE FUNCTION crm.see() RETURNS trigger LANGUAGE plpgsql
  AS 'BEGIN INSERT INTO crm.seen VALUES (TG_NAME); NEW.name := ''spoilt''; RETURN NEW; END';
CREATE TRIGGER of_all BEFORE INSERT OR UPDATE ON crm.customers FOR EACH ROW EXECUTE FUNCTION crm.see();
CREATE TRIGGER of_one BEFORE INSERT OR UPDATE ON crm.low FOR EACH ROW EXECUTE FUNCTION crm.see();
CREATE TRIGGER of_leaf BEFORE UPDATE ON crm.highest FOR EACH ROW EXECUTE FUNCTION crm.see();
CREATE TRIGGER of_moves AFTER DELETE ON crm.customers EXECUTE FUNCTION crm.see();
ALTER TABLE crm.low DISABLE TRIGGER of_all;
ALTER TABLE crm.high ENABLE ALWAYS TRIGGER of_all;
ALTER TABLE ONLY crm.customers ENABLE REPLICA TRIGGER of_moves;
CREATE RULE too AS ON UPDATE TO crm.customers DO ALSO INSERT INTO crm.seen VALUES (NEW.name);
ALTER TABLE crm.customers ENABLE ALWAYS RULE too;
"""
STATES = """
SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT ev_class::regclass::text, rulename::text, ev_enabled::text FROM pg_rewrite WHERE rulename = 'too'
ORDER BY 1, 2
"""


def test_no_trigger_of_a_partition_and_no_rule_acts_and_each_is_left_as_it_was(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.customers (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);"
        "CREATE TABLE crm.low PARTITION OF crm.customers FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE crm.high PARTITION OF crm.customers FOR VALUES FROM (10) TO (100) PARTITION BY RANGE (id);"
        "CREATE TABLE crm.highest PARTITION OF crm.high DEFAULT;"
        "INSERT INTO crm.customers SELECT n, 'Name ' || n FROM generate_series(1, 20) AS n;",
    )
    ups = ("DELETE FROM crm.customers WHERE id IN (3, 15)", "UPDATE crm.customers SET name = upper(name)")
    step(site, "c2", "c1", ups, ("SELECT 1",), deletes_rows=True)
    rows = site.rows("SELECT * FROM crm.customers ORDER BY id")
    deploy(site)
    site.execute(ACTING)
    before = site.rows(STATES)
    assert len({state for _, _, state in before}) == 4
    roll_back(site)
    assert site.rows("SELECT * FROM crm.customers ORDER BY id") == rows
    assert site.rows("SELECT * FROM crm.seen") == ()
    assert site.rows(STATES) == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("UPDATE migrate.kept_1 SET phone = 'x' WHERE id = '3'", "kept_1 of column crm.customers.phone was changed by"),
        ("DROP TABLE migrate.kept_1", 'relation "migrate.kept_1" does not exist'),
    ],
)  # fmt: skip
def test_a_copy_that_somebody_has_spoilt_is_not_put_back_and_can_be_given_up(
    site: Site, spoil: str, words: str
) -> None:
    build(site)
    step(site, "c2", "c1", DROP, ADD)
    deploy(site)
    site.execute(spoil)
    there = site.picture()
    failed = roll_back(site, code=3)
    assert words in failed.said
    assert "crm:c2 failed in the putting back of what it had destroyed" in failed.said
    assert "`migrate gc --keep 1` erases all that run 1 kept" in failed.said
    assert site.picture() == there
    assert site.migrate("gc", "--keep", "1").code == 0
    roll_back(site)
    assert site.value("SELECT count(phone) FROM crm.customers") == 0


def test_rows_without_a_key_that_do_not_come_back_as_they_were_stop_the_way_back(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.log (at timestamptz, price numeric(8,2)); INSERT INTO crm.log VALUES (now(), 1.25);",
    )
    step(
        site,
        "c2",
        "c1",
        ("DROP TABLE crm.log",),
        ("CREATE TABLE crm.log (at timestamptz, price numeric(8,1))",),
    )
    deploy(site)
    there = site.picture()
    failed = roll_back(site, code=3)
    assert "not all that was kept of table crm.log went back as it was" in failed.said
    assert site.picture() == there


def test_a_refused_row_under_a_key_of_any_usual_type_is_found_by_the_index(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.prices (at timestamptz, price numeric, code char(9), note text UNIQUE,"
        " PRIMARY KEY (at, price, code));"
        "INSERT INTO crm.prices SELECT '2026-01-01'::timestamptz + n * interval '1 s', n / 8.0, 'c' || n, 'n' || n"
        " FROM generate_series(1, 3000) AS n",
    )
    step(site, "c2", "c1", ("DELETE FROM crm.prices WHERE price > 50",), ("SELECT 1",), deletes_rows=True)
    deploy(site)
    site.execute("INSERT INTO crm.prices VALUES (now(), 1, 'c', 'n2000'); ANALYZE crm.prices")
    assert "1 row kept when" in roll_back(site).said
    assert site.value("SELECT count(*) FROM crm.prices") == 3000
    assert site.value("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'prices'") < 1000


def test_a_mandatory_column_of_a_renamed_table_comes_back(site: Site) -> None:
    build(site)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers RENAME TO clients", "ALTER TABLE crm.clients DROP COLUMN name"),
        (
            "ALTER TABLE crm.clients ADD COLUMN name text NOT NULL",
            "ALTER TABLE crm.clients RENAME TO customers",
        ),
    )
    before = site.picture()
    deploy(site)
    roll_back(site)
    assert same(site, before)

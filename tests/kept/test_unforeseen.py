"""What a step destroys in a way that its SQL does not tell is seen, copied, and back after a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import CUSTOMERS, NUMBERS, PARTS, all_of, build, step
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

MAKE = "CREATE TABLE crm.customers (id int PRIMARY KEY, name text NOT NULL, phone text)"
CARTS = """
CREATE TABLE crm.carts (id int PRIMARY KEY);
CREATE TABLE crm.lines (id int PRIMARY KEY, cart int REFERENCES crm.carts, amount int);
INSERT INTO crm.carts SELECT generate_series(1, 3);
INSERT INTO crm.lines SELECT n, 1 + n % 3, n FROM generate_series(1, 9) AS n;
"""
HEIRS = """
CREATE TABLE crm.deals (id int PRIMARY KEY, amount int, name varchar(20));
CREATE TABLE crm.old_deals (year int, PRIMARY KEY (id)) INHERITS (crm.deals);
INSERT INTO crm.deals SELECT n, n, 'Name ' || n FROM generate_series(1, 4) AS n;
INSERT INTO crm.old_deals SELECT n, n, 'Name ' || n, 1990 + n FROM generate_series(5, 9) AS n;
"""
DEALS = "SELECT id, amount, name FROM crm.deals ORDER BY id"
ADDRESSES = """
CREATE TYPE crm."Addr" AS (street text, zip text);
CREATE DOMAIN crm.home AS crm."Addr";
CREATE TABLE crm.people (id int PRIMARY KEY, a crm."Addr", list crm."Addr"[], home crm.home, other int);
INSERT INTO crm.people SELECT n, ROW('s' || n, 'z' || n)::crm."Addr", ARRAY[ROW('t' || n, 'y' || n)::crm."Addr"],
  ROW('u' || n, 'x' || n)::crm."Addr"::crm.home, n FROM generate_series(1, 5) AS n;
"""
REBUILD = (
    "CREATE TABLE crm.newer (id int CONSTRAINT newer_key PRIMARY KEY, name text NOT NULL, phone text)",
    "INSERT INTO crm.newer SELECT * FROM crm.customers",
    "DROP TABLE crm.customers",
    "ALTER TABLE crm.newer RENAME TO customers",
    "ALTER INDEX crm.newer_key RENAME TO customers_pkey",
)


def function(body: str, returns: str = "int", at_end: str = "RETURN 1") -> str:
    """Make a function of that body, called crm.fix."""
    return (
        f"CREATE FUNCTION crm.fix() RETURNS {returns} LANGUAGE plpgsql AS $$ BEGIN {body}; {at_end}; END $$;"
    )


def block(*statements: str) -> str:
    """A DO block of these statements."""
    return f"DO $$ BEGIN {'; '.join(statements)}; END $$"


@pytest.mark.parametrize(
    ("tables", "up", "down", "query"),
    [
        pytest.param(
            CUSTOMERS,
            (block("DROP TABLE crm.customers", MAKE),),
            ("SELECT 1",),
            "SELECT * FROM crm.customers ORDER BY id",
            id="a table that a block drops and makes anew",
        ),
        pytest.param(
            CUSTOMERS,
            (
                block(
                    "ALTER TABLE crm.customers DROP COLUMN phone",
                    "ALTER TABLE crm.customers ADD COLUMN phone text",
                ),
            ),
            ("SELECT 1",),
            "SELECT * FROM crm.customers ORDER BY id",
            id="a column that a block drops and makes anew",
        ),
        pytest.param(
            NUMBERS,
            (
                block(
                    "ALTER TABLE crm.numbers DROP COLUMN b",
                    "ALTER TABLE crm.numbers RENAME a TO b",
                ),
            ),
            ("ALTER TABLE crm.numbers RENAME b TO a", "ALTER TABLE crm.numbers ADD COLUMN b int"),
            "SELECT id, a, b FROM crm.numbers ORDER BY id",
            id="a column whose name a block gives to another one",
        ),
        pytest.param(
            NUMBERS,
            (
                block(
                    "ALTER TABLE crm.numbers ALTER b TYPE smallint USING b / 2",
                    "ALTER TABLE crm.numbers RENAME b TO c",
                ),
            ),
            ("ALTER TABLE crm.numbers RENAME c TO b", "ALTER TABLE crm.numbers ALTER b TYPE int"),
            "SELECT id, a, b FROM crm.numbers ORDER BY id",
            id="a column that a block renames and gives a type that holds less",
        ),
        pytest.param(
            CUSTOMERS
            + MAKE.replace("customers", "shadow")
            + "; INSERT INTO crm.shadow SELECT * FROM crm.customers",
            (
                "ALTER TABLE crm.customers RENAME TO gone",
                "ALTER TABLE crm.shadow RENAME TO customers",
                "DROP TABLE crm.gone",
            ),
            ("ALTER TABLE crm.customers RENAME TO shadow", MAKE),
            "SELECT * FROM crm.customers ORDER BY id",
            id="a table that another one with equal rows takes the place of",
        ),
        pytest.param(
            CUSTOMERS,
            REBUILD,
            ("DROP TABLE crm.customers", MAKE),
            "SELECT * FROM crm.customers ORDER BY id",
            id="a table that is built anew with its rows",
        ),
        pytest.param(
            NUMBERS + function("UPDATE crm.numbers SET b = 0"),
            ("UPDATE crm.numbers SET a = a + 100", "SELECT crm.fix()"),
            ("UPDATE crm.numbers SET a = a - 100",),
            "SELECT * FROM crm.numbers ORDER BY id",
            id="another column that a function changes in the same rows",
        ),
        pytest.param(
            NUMBERS
            + function(
                "IF pg_trigger_depth() = 1 THEN UPDATE crm.numbers SET b = 0 WHERE id = NEW.id; END IF",
                "trigger",
                "RETURN NULL",
            )
            + "CREATE TRIGGER fix AFTER UPDATE ON crm.numbers FOR EACH ROW EXECUTE FUNCTION crm.fix()",
            ("ALTER TABLE crm.numbers ADD COLUMN c int", "UPDATE crm.numbers SET c = a"),
            ("ALTER TABLE crm.numbers DROP COLUMN c",),
            "SELECT * FROM crm.numbers ORDER BY id",
            id="an old column that a trigger changes when a new one is filled",
        ),
        pytest.param(
            NUMBERS
            + "CREATE TABLE crm.log (id int); "
            + function("UPDATE crm.numbers SET b = 0", "trigger", "RETURN NULL")
            + "CREATE TRIGGER fix AFTER INSERT ON crm.log FOR EACH ROW EXECUTE FUNCTION crm.fix()",
            ("UPDATE crm.numbers SET a = a + 100", "INSERT INTO crm.log VALUES (1)"),
            ("SELECT 1",),
            "SELECT * FROM crm.numbers ORDER BY id",
            id="another column that the trigger of another table changes",
        ),
        pytest.param(
            NUMBERS + "CREATE TABLE crm.bosses (id int PRIMARY KEY); INSERT INTO crm.bosses VALUES (1), (2);"
            "ALTER TABLE crm.numbers ADD boss int DEFAULT 1 REFERENCES crm.bosses ON DELETE SET NULL",
            ("UPDATE crm.numbers SET a = a + 100", "DELETE FROM crm.bosses"),
            ("SELECT 1",),
            "SELECT * FROM crm.numbers ORDER BY id",
            id="another column that a key empties",
        ),
        pytest.param(
            PARTS
            + function("NEW.seen := NEW.seen + 1", "trigger", "RETURN NEW")
            + "CREATE TRIGGER fix BEFORE UPDATE ON crm.z_part FOR EACH ROW EXECUTE FUNCTION crm.fix()",
            ("UPDATE crm.parts SET name = upper(name)",),
            ("ALTER TABLE crm.z_part DISABLE TRIGGER fix",),
            "SELECT * FROM crm.parts ORDER BY id",
            id="another column that the trigger of a partition changes",
        ),
        pytest.param(
            PARTS,
            ("UPDATE crm.parts SET name = upper(name)", "DROP TABLE crm.z_part"),
            ("CREATE TABLE crm.z_part PARTITION OF crm.parts FOR VALUES FROM (5) TO (100)",),
            "SELECT * FROM crm.parts ORDER BY id",
            id="a partition that is dropped when the others are changed",
        ),
        pytest.param(
            CUSTOMERS + function("TRUNCATE crm.customers"),
            ("SELECT crm.fix()", "ALTER TABLE crm.customers ADD COLUMN extra int"),
            ("ALTER TABLE crm.customers DROP COLUMN extra",),
            "SELECT * FROM crm.customers ORDER BY id",
            id="a table that a function empties and that gets a column",
        ),
        pytest.param(
            NUMBERS,
            (block("ALTER TABLE crm.numbers ALTER COLUMN a TYPE bigint USING a * 0"),),
            ("ALTER TABLE crm.numbers ALTER COLUMN a TYPE int",),
            "SELECT * FROM crm.numbers ORDER BY id",
            id="a column that a block computes anew in a type that holds more",
        ),
        pytest.param(
            ADDRESSES,
            ('ALTER TYPE crm."Addr" DROP ATTRIBUTE zip',),
            ('ALTER TYPE crm."Addr" ADD ATTRIBUTE zip text',),
            "SELECT id, a::text, list::text, home::text FROM crm.people ORDER BY id",
            id="an attribute of a type that columns, arrays and domains use",
        ),
        pytest.param(
            ADDRESSES,
            (
                block(
                    'ALTER TYPE crm."Addr" DROP ATTRIBUTE zip', 'ALTER TYPE crm."Addr" ADD ATTRIBUTE zip text'
                ),
            ),
            ("SELECT 1",),
            "SELECT id, a::text, list::text, home::text FROM crm.people ORDER BY id",
            id="an attribute that a block drops and makes anew",
        ),
        pytest.param(
            CARTS,
            ("TRUNCATE crm.carts CASCADE", "ALTER TABLE crm.lines ADD COLUMN product int NOT NULL"),
            ("ALTER TABLE crm.lines DROP COLUMN product",),
            "SELECT * FROM crm.carts JOIN crm.lines ON cart = carts.id ORDER BY lines.id",
            id="a table that is emptied by its key and gets a column",
        ),
        pytest.param(
            HEIRS,
            ("TRUNCATE crm.deals", "ALTER TABLE crm.deals ADD COLUMN extra int"),
            ("ALTER TABLE crm.deals DROP COLUMN extra",),
            DEALS,
            id="an heir that is emptied and gets a column",
        ),
        pytest.param(
            HEIRS,
            (
                "ALTER TABLE crm.deals ADD COLUMN extra int, ALTER amount TYPE int USING amount * 100",
                "ALTER TABLE crm.deals ALTER name TYPE text USING lower(name)",
            ),
            ("ALTER TABLE crm.deals DROP COLUMN extra, ALTER name TYPE varchar(20)",),
            DEALS,
            id="an heir whose columns are computed anew in types that hold as much",
        ),
        pytest.param(
            HEIRS,
            ("UPDATE crm.deals SET amount = 0", "UPDATE crm.old_deals SET name = upper(name)"),
            ("SELECT 1",),
            DEALS,
            id="another column that is changed in the rows of an heir",
        ),
        pytest.param(
            CUSTOMERS + "CREATE VIEW crm.shown AS SELECT id, phone FROM crm.customers",
            (
                "ALTER TABLE crm.customers ADD COLUMN nick text",
                "UPDATE crm.customers SET nick = name",
                "UPDATE crm.shown SET phone = NULL",
            ),
            ("ALTER TABLE crm.customers DROP COLUMN nick",),
            "SELECT * FROM crm.customers ORDER BY id",
            id="another column that is changed through a view",
        ),
    ],
)
def test_what_no_sql_tells_is_kept_and_back(
    site: Site, tables: str, up: tuple[str, ...], down: tuple[str, ...], query: str
) -> None:
    build(site, tables)
    step(site, "c2", "c1", up, down, deletes_rows=True)
    before = site.rows(query)
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 0, ended.err
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert site.rows(query) == before


def test_a_table_that_was_built_anew_counts_as_there_for_the_next_step(site: Site) -> None:
    build(site)
    step(site, "c2", "c1", REBUILD, ("SELECT 1",))
    step(
        site,
        "c3",
        "c2",
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
    )
    before = site.picture().rows
    assert site.migrate("all-modules", "--staging", "off").code == 0
    assert site.rows("SELECT table_name, columns FROM migrate.kept WHERE revision = 'c3'") == (
        ("customers", ["phone"]),
    )
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert site.picture().rows == before


def test_a_table_that_was_empty_at_the_first_try_is_kept_when_it_is_not_at_the_next(site: Site) -> None:
    build(site, CUSTOMERS + "CREATE TABLE crm.small (id int PRIMARY KEY);" + function("TRUNCATE crm.small"))
    step(site, "c2", "c1", ("SELECT crm.fix()",), ("SELECT 1",), deletes_rows=True)
    step(site, "c3", "c2", ("UPDATE crm.customers SET name = upper(name)",), ("SELECT 1",))
    other = site.session()
    other.execute("BEGIN")
    other.execute("INSERT INTO crm.customers VALUES (99, 'new')")
    process = site.start("all-modules", "--staging", "off")
    site.await_value(
        "SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
        " WHERE c.relname = 'customers' AND NOT granted"
    )
    # Waits for the first try, which holds the table, and is in before the next one.
    site.execute("INSERT INTO crm.small VALUES (1), (2)")
    other.execute("COMMIT")
    other.close()
    ended = site.end(process)
    assert ended.code == 0, ended.err
    assert site.rows("SELECT table_name, rows FROM migrate.kept WHERE revision = 'c2'") == (("small", 2),)


def test_a_known_change_takes_one_try_and_copies_only_what_it_changes(site: Site) -> None:
    build(
        site,
        NUMBERS + PARTS + "CREATE SEQUENCE crm.tries; CREATE TABLE crm.other (id int PRIMARY KEY);"
        "INSERT INTO crm.other VALUES (1);"
        "CREATE TABLE crm.more PARTITION OF crm.parts FOR VALUES FROM (100) TO (300) PARTITION BY RANGE (id);"
        "CREATE TABLE crm.most PARTITION OF crm.more FOR VALUES FROM (200) TO (300);"
        "INSERT INTO crm.parts SELECT n, 'Name ' || n FROM generate_series(200, 209) AS n",
    )
    step(
        site,
        "c2",
        "c1",
        (
            "SELECT nextval('crm.tries')",
            "UPDATE crm.numbers SET a = abs(a) + 1",
            "ALTER TABLE crm.parts ADD COLUMN tag text",
            "UPDATE crm.parts SET tag = 'x'",
        ),
        ("ALTER TABLE crm.parts DROP COLUMN tag",),
    )
    commits = all_of("ALTER TABLE crm.parts ADD COLUMN mark text", "UPDATE crm.more SET mark = 'y'")
    commits += "\nwith op.get_context().autocommit_block():\n    op.execute('ANALYZE crm.parts')"
    down = all_of("ALTER TABLE crm.parts DROP COLUMN mark")
    write_revision(versions_of(site.root, "crm"), "c3", after="c2", upgrade=commits, downgrade=down)
    before = site.picture().rows
    ended = site.migrate("all-modules", "--staging", "off", "--keep-limit", "20KB")
    assert ended.code == 0, ended.err
    assert "changed without a copy" not in ended.said
    assert site.rows("SELECT revision, table_name, columns FROM migrate.kept") == (("c2", "numbers", ["a"]),)
    assert site.value("SELECT last_value FROM crm.tries") == 1
    assert site.rows("SELECT count(tag), count(mark) FROM crm.parts") == ((19, 10),)
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert "do not come back" not in ended.said
    assert site.picture().rows == before

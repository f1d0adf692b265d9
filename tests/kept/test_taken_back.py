"""A run that commits step by step fails after a step that destroyed data: the data is back, value for value."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import build, failing, same, step
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

# Every type whose values are easily spoilt on their way through text.
ODD = """
CREATE SCHEMA "Odd Shop";
CREATE TYPE crm.mood AS ENUM ('sad', 'so so', 'glad');
CREATE TABLE crm.odd (a int, "B c" text, doc json, num float8, small float4, at timestamptz, day date, raw bytea,
  list text[], grid int[], mood crm.mood, moods crm.mood[], price numeric(12,4), code char(5), took interval,
  bits bit varying(9), net inet, flag bool, one "char", span tstzrange, PRIMARY KEY (a, "B c"));
INSERT INTO crm.odd VALUES
 (1, 'x y', '{"b":1,  "a":  2, "a": 3}', 'NaN', 0.1, '2026-03-29 01:30:00.123456+01', 'infinity', '\\x00ff10',
  ARRAY['a,b', NULL, '{"', ''], '[0:1][2:3]={{1,2},{3,4}}', 'so so', ARRAY['glad','sad']::crm.mood[], 12345678.1200,
  'ab', '1 year 2 mons 3 days 04:05:06.7', '10110', '10.0.0.0/8', true, 'z', '[2026-01-01,infinity)'),
 (1, 'x  y', '[]', '-0', '-Infinity', '-infinity', '0044-03-15 BC', '', '{}', NULL, NULL, '{}', -0.0001, '     ',
  '-00:00:01', '', '::1/128', false, '', 'empty'),
 (2, E'tab\\tnew\\nline "quoted" \\\\ back', 'null', 1e-310, 3.4028235e38, 'infinity', NULL, NULL, NULL, NULL, 'sad',
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (3, '', '"\\u00e9"', 0.1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL);
"""
_COLUMNS = (
    *("doc json", "num float8", "small float4", "at timestamptz", "day date", "raw bytea", "list text[]"),
    *(
        "grid int[]",
        "mood crm.mood",
        "moods crm.mood[]",
        "price numeric(12,4)",
        "code char(5)",
        "took interval",
    ),
    *("bits bit varying(9)", "net inet", "flag bool", 'one "char"', "span tstzrange"),
)


def test_a_dropped_column_has_its_values_again_when_a_later_step_fails(site: Site) -> None:
    build(site)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
    )
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step")
    assert ended.code == 3, ended.err
    assert same(site, before)
    assert site.value("SELECT ending FROM migrate.kept") == "put back"
    assert site.value("SELECT to_regclass('migrate.kept_1')") is None
    told = json.loads(site.migrate("history", "1", "--report", "--format", "json").out)["kept"]
    assert [(each["step"], each["what"], each["rows"], each["state"]) for each in told] == [
        ("crm:c2", "column crm.customers.phone", site.value("SELECT count(*) FROM crm.customers"), "put back")
    ]


def test_a_dropped_column_of_numbers_comes_back_with_a_sequence_that_is_ahead_of_them(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.tickets (code text PRIMARY KEY, id int GENERATED ALWAYS AS IDENTITY);"
        "INSERT INTO crm.tickets (code) SELECT 'a' || n FROM generate_series(1, 10) AS n;"
        "UPDATE crm.tickets SET id = DEFAULT",  # 11 to 20: numbering the rows anew ends at 10
    )
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.tickets DROP COLUMN id",),
        ("ALTER TABLE crm.tickets ADD COLUMN id int GENERATED ALWAYS AS IDENTITY",),
    )
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step")
    assert ended.code == 3, ended.err
    assert same(site, before)
    site.execute("INSERT INTO crm.tickets (code) VALUES ('new')")
    assert site.value("SELECT id FROM crm.tickets WHERE code = 'new'") == 21


def test_values_of_every_type_come_back_exactly_also_with_the_type_that_went(site: Site) -> None:
    build(site, ODD)
    names = ", ".join(f"DROP COLUMN {each.split()[0]}" for each in _COLUMNS)
    columns = ", ".join(f"ADD COLUMN {each}" for each in _COLUMNS)
    step(
        site,
        "c2",
        "c1",
        (f"ALTER TABLE crm.odd {names}", "DROP TYPE crm.mood"),
        ("CREATE TYPE crm.mood AS ENUM ('sad', 'so so', 'glad')", f"ALTER TABLE crm.odd {columns}"),
    )
    failing(site, "c3", "c2")
    before = site.picture()
    texts = site.rows("SELECT t::text FROM crm.odd AS t ORDER BY a, 1")
    ended = site.migrate("all-modules", "--atomic", "step")
    assert ended.code == 3, ended.err
    assert same(site, before)
    assert site.rows("SELECT t::text FROM crm.odd AS t ORDER BY a, 1") == texts


@pytest.mark.parametrize(
    ("tables", "up", "down"),
    [
        pytest.param(
            """CREATE TABLE crm.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, net numeric NOT NULL,
                 gross numeric GENERATED ALWAYS AS (net * 1.2) STORED);
               CREATE TABLE crm.lines ("Order" int REFERENCES crm.orders, "no" int, PRIMARY KEY ("Order", "no"));
               INSERT INTO crm.orders (net) SELECT n FROM generate_series(1, 9) AS n;
               INSERT INTO crm.lines SELECT n, m FROM generate_series(1, 9) AS n, generate_series(1, 2) AS m;""",
            ("DROP TABLE crm.lines", "DROP TABLE crm.orders"),
            (
                """CREATE TABLE crm.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, net numeric NOT NULL,
                     gross numeric GENERATED ALWAYS AS (net * 1.2) STORED)""",
                'CREATE TABLE crm.lines ("Order" int REFERENCES crm.orders, "no" int, PRIMARY KEY ("Order", "no"))',
            ),
            id="two tables with identity, generated column and a key between them",
        ),
        pytest.param(
            """CREATE TABLE crm."Log %s" ("at %" timestamptz, "we""ird" text);
               INSERT INTO crm."Log %s" SELECT '2026-01-01', '%(x)s' FROM generate_series(1, 3);""",
            ('DROP TABLE crm."Log %s"',),
            ('CREATE TABLE crm."Log %s" ("at %" timestamptz, "we""ird" text)',),
            id="a table without a key, with odd names and equal rows",
        ),
        pytest.param(
            "CREATE TABLE crm.prices (id int PRIMARY KEY, amount numeric NOT NULL);"
            "INSERT INTO crm.prices SELECT n, n + 0.99 FROM generate_series(1, 9) AS n;",
            ("ALTER TABLE crm.prices ALTER COLUMN amount TYPE int USING floor(amount)::int",),
            ("ALTER TABLE crm.prices ALTER COLUMN amount TYPE numeric",),
            id="a column whose new type holds less",
        ),
        pytest.param(
            "CREATE TABLE crm.things (id int PRIMARY KEY, a text NOT NULL, b text NOT NULL);"
            "INSERT INTO crm.things SELECT n, 'a' || n, 'b' || n FROM generate_series(1, 9) AS n;",
            (
                "UPDATE crm.things SET a = upper(a) WHERE id > 3",
                "DELETE FROM crm.things WHERE id = 1",
                "ALTER TABLE crm.things DROP COLUMN b",
            ),
            ("ALTER TABLE crm.things ADD COLUMN b text NOT NULL",),
            id="rows changed and deleted, and a mandatory column dropped, in one step",
        ),
        pytest.param(
            """CREATE TABLE crm.parents (id int PRIMARY KEY);
               CREATE TABLE crm.children (id int PRIMARY KEY, parent int REFERENCES crm.parents ON DELETE CASCADE);
               INSERT INTO crm.parents SELECT n FROM generate_series(1, 5) AS n;
               INSERT INTO crm.children SELECT n, n FROM generate_series(1, 5) AS n;""",
            ("DELETE FROM crm.parents WHERE id > 2",),
            ("SELECT 1",),
            id="rows deleted by a key that cascades",
        ),
        pytest.param(
            """CREATE TABLE crm.parents (id int PRIMARY KEY);
               CREATE TABLE crm.children (id int PRIMARY KEY, parent int REFERENCES crm.parents);
               INSERT INTO crm.parents SELECT n FROM generate_series(1, 5) AS n;
               INSERT INTO crm.children SELECT n, n FROM generate_series(1, 5) AS n;""",
            ("TRUNCATE crm.parents CASCADE",),
            ("SELECT 1",),
            id="tables emptied by TRUNCATE CASCADE",
        ),
        pytest.param(
            """CREATE TABLE crm.things (id int PRIMARY KEY, name text, changed timestamptz);
               INSERT INTO crm.things SELECT n, 'n' || n, '2026-01-01' FROM generate_series(1, 5) AS n;
               CREATE FUNCTION crm.touch() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN NEW.changed := now(); RETURN NEW; END $$;
               CREATE TRIGGER touch BEFORE UPDATE ON crm.things FOR EACH ROW EXECUTE FUNCTION crm.touch();""",
            ("ALTER TABLE crm.things ADD COLUMN short text", "UPDATE crm.things SET short = left(name, 1)"),
            ("ALTER TABLE crm.things DROP COLUMN short",),
            id="a value that a trigger changed along",
        ),
        pytest.param(
            "CREATE TABLE crm.things (id int PRIMARY KEY, name text);"
            "INSERT INTO crm.things SELECT n, 'n' || n FROM generate_series(1, 5) AS n;",
            ("DO $$ BEGIN EXECUTE 'DROP TABLE crm.' || 'things'; END $$",),
            ("CREATE TABLE crm.things (id int PRIMARY KEY, name text)",),
            id="a table dropped by a statement that nobody can read",
        ),
        pytest.param(
            """CREATE TABLE crm.events (id int, at date, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
               CREATE TABLE crm.events_25 PARTITION OF crm.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
               CREATE TABLE crm.events_26 PARTITION OF crm.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
               INSERT INTO crm.events SELECT n, '2025-12-25'::date + n, 'n' || n FROM generate_series(1, 12) AS n;""",
            ("ALTER TABLE crm.events DROP COLUMN note",),
            ("ALTER TABLE crm.events ADD COLUMN note text",),
            id="a column of a partitioned table",
        ),
    ],
)
def test_what_a_committed_step_destroyed_is_back(
    site: Site, tables: str, up: tuple[str, ...], down: tuple[str, ...]
) -> None:
    build(site, tables)
    step(site, "c2", "c1", up, down, deletes_rows=True)
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step")
    assert ended.code == 3, ended.err
    assert same(site, before)
    assert set(site.rows("SELECT ending FROM migrate.kept WHERE direction = 'upgrade'")) == {("put back",)}


def test_a_step_with_a_concurrent_index_keeps_what_it_drops_before_and_after_it(site: Site) -> None:
    build(
        site,
        """CREATE TABLE crm.customers (id int PRIMARY KEY, a text, b text, c text);
        INSERT INTO crm.customers SELECT n, 'a' || n, 'b' || n, 'c' || n FROM generate_series(1, 20) AS n;""",
    )
    write_revision(
        versions_of(site.root, "crm"),
        "c2",
        after="c1",
        upgrade="op.execute('ALTER TABLE crm.customers DROP COLUMN a')\n"
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY by_c ON crm.customers (c)')\n"
        "op.execute('ALTER TABLE crm.customers DROP COLUMN b')",
        downgrade="op.execute('DROP INDEX crm.by_c')\n"
        "op.execute('ALTER TABLE crm.customers ADD COLUMN a text, ADD COLUMN b text')",
    )
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step")
    assert ended.code == 3, ended.err
    assert same(site, before)


def test_what_a_step_with_a_concurrent_index_cuts_off_before_and_after_it_is_back_and_goes_again(
    site: Site,
) -> None:
    """Also where the type stays and an expression makes the values, or only length or precision is another one."""
    build(
        site,
        """CREATE TABLE crm.goods (id int PRIMARY KEY, name varchar(20), price numeric(10, 4), a text, b text, c text);
        INSERT INTO crm.goods SELECT n, 'name ' || n, n + n / 1000.0, 'a' || n, 'b' || n, 'c' || n
          FROM generate_series(1, 20) AS n;""",
    )
    write_revision(
        versions_of(site.root, "crm"),
        "c2",
        after="c1",
        upgrade="op.execute('ALTER TABLE crm.goods ALTER name TYPE varchar(4) USING left(name, 4),'\n"
        "  ' ALTER price TYPE numeric(10, 2), ALTER a TYPE text USING upper(a), DROP COLUMN c')\n"
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY by_id ON crm.goods (id)')\n"
        "op.execute('ALTER TABLE crm.goods ALTER b TYPE text USING upper(b)')",
        downgrade="with op.get_context().autocommit_block():\n"
        "    op.execute('DROP INDEX CONCURRENTLY crm.by_id')\n"
        "op.execute('ALTER TABLE crm.goods ALTER name TYPE varchar(20), ALTER price TYPE numeric(10, 4),'\n"
        "  ' ADD COLUMN c text')",
    )
    before = site.picture()
    assert site.migrate("all-modules", "--staging", "off").code == 0
    after = site.picture()
    assert site.rows("SELECT name, price, a, b FROM crm.goods WHERE id = 7") == (
        ("name", Decimal("7.01"), "A7", "B7"),
    )
    assert site.rows("SELECT columns, rows FROM migrate.kept ORDER BY number") == (
        (["a", "c", "name", "price"], 20),
        (["b"], 20),
    )
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 0, ended.err
    assert "kept-data" not in ended.said
    assert same(site, before)
    assert site.migrate("release", "--all").code == 0
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 0, ended.err
    assert same(site, after)


def test_a_drop_in_an_autocommit_block_is_refused_since_nothing_can_be_kept_there(site: Site) -> None:
    build(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c2",
        after="c1",
        upgrade="with op.get_context().autocommit_block():\n"
        "    op.execute('ALTER TABLE crm.customers DROP COLUMN phone')",
        downgrade="op.execute('ALTER TABLE crm.customers ADD COLUMN phone text')",
    )
    before = site.picture()
    ended = site.migrate("all-modules")
    assert ended.code == 3, ended.err
    assert "destroys column crm.customers.phone in autocommit_block()" in ended.said
    assert same(site, before)

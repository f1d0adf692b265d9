"""The fingerprint tells apart whatever a downgrade can leave behind, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.model.catalog import DATABASE_WIDE, Address
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.catalog import Catalog
    from coordinator.model.target import DatabaseUrl

pytestmark = pytest.mark.postgres

BEFORE = """
CREATE SCHEMA crm;
CREATE TYPE crm.status AS ENUM ('new', 'old');
CREATE DOMAIN crm.email AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE crm.point AS (x integer, y integer);
CREATE TYPE crm.period AS RANGE (subtype = timestamp);
CREATE SEQUENCE crm.tickets;
CREATE TABLE crm.customers (
    id bigserial PRIMARY KEY,
    name varchar(20) NOT NULL DEFAULT 'x',
    phone text,
    mail crm.email,
    state crm.status,
    born date DEFAULT '2001-02-03',
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
    CONSTRAINT name_is_there CHECK (name <> ''));
CREATE TABLE crm.orders (id integer PRIMARY KEY, customer_id bigint REFERENCES crm.customers);
CREATE TABLE crm.tags (tag varchar(20));
CREATE INDEX customers_phone ON crm.customers (phone);
CREATE VIEW crm.phones AS SELECT id, phone FROM crm.customers;
CREATE MATERIALIZED VIEW crm.counted AS SELECT count(*) AS n FROM crm.customers;
CREATE FUNCTION crm.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name := 'a  b';
    RETURN NEW;
END $$;
CREATE FUNCTION crm.twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n * 2';
CREATE PROCEDURE crm.nothing() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE crm.total (integer) (sfunc = int4pl, stype = integer, initcond = '0');
CREATE TRIGGER stamped BEFORE UPDATE ON crm.customers FOR EACH ROW EXECUTE FUNCTION crm.stamp();
CREATE RULE silent AS ON DELETE TO crm.orders DO INSTEAD NOTHING;
CREATE POLICY mine ON crm.customers FOR SELECT USING (true);
CREATE STATISTICS crm.pairs ON name, phone FROM crm.customers;
CREATE TABLE crm.events (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE crm.events_2026 PARTITION OF crm.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE COLLATION crm.plain (locale = 'C');
CREATE TEXT SEARCH CONFIGURATION crm.words (COPY = pg_catalog.simple);
CREATE PUBLICATION news FOR TABLE crm.orders;
"""

SET_A_SECRET = """DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET app.secret = ''s3cret''', current_database());
END $$"""

# What a downgrade may leave behind, and the line that says so.
TRACES = {
    "a column": ("ALTER TABLE crm.orders ADD note text", "column crm.orders.note was not there before"),
    "a column that is gone": (
        "ALTER TABLE crm.customers DROP phone CASCADE",
        "column crm.customers.phone is gone",
    ),
    "a type": (
        "ALTER TABLE crm.orders ALTER id TYPE bigint",
        "column crm.orders.id had “integer” and now has “bigint”",
    ),
    "a type's modifier": (
        "ALTER TABLE crm.tags ALTER tag TYPE varchar(40)",
        "column crm.tags.tag had “character varying(20)” and now has “character varying(40)”",
    ),
    "a default": (
        "ALTER TABLE crm.customers ALTER name SET DEFAULT 'y'",
        (
            "column crm.customers.name had “default 'x'::character varying” "
            "and now has “default 'y'::character varying”"
        ),
    ),
    "a default that is gone": (
        "ALTER TABLE crm.customers ALTER name DROP DEFAULT",
        "column crm.customers.name no longer has “default 'x'::character varying”",
    ),
    "not null": (
        "ALTER TABLE crm.customers ALTER state SET NOT NULL",
        "column crm.customers.state now has “not null”",
    ),
    "a collation": (
        'ALTER TABLE crm.tags ALTER tag TYPE varchar(20) COLLATE "C"',
        'column crm.tags.tag now has “collate "C"”',
    ),
    "an identity": (
        "ALTER TABLE crm.orders ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        "column crm.orders.id now has “generated always as identity”",
    ),
    "a storage": (
        "ALTER TABLE crm.customers ALTER phone SET STORAGE external",
        "column crm.customers.phone now has “storage external”",
    ),
    "a generated column's expression": (
        "ALTER TABLE crm.customers ALTER upper_name DROP EXPRESSION",
        "column crm.customers.upper_name no longer has “generated always as (upper((name)::text)) stored”",
    ),
    "an enum type": ("CREATE TYPE crm.kind AS ENUM ('a')", "enum crm.kind was not there before"),
    "an enum label": ("ALTER TYPE crm.status ADD VALUE 'lost'", "enum crm.status now has “label 'lost'”"),
    "a domain's constraint": (
        "ALTER DOMAIN crm.email ADD CONSTRAINT short CHECK (length(VALUE) < 9)",
        "domain crm.email now has “constraint short CHECK ((length(VALUE) < 9))”",
    ),
    "a composite type's attribute": (
        "ALTER TYPE crm.point ADD ATTRIBUTE z integer",
        "composite type crm.point now has “attribute z integer”",
    ),
    "a range type": ("DROP TYPE crm.period", "range type crm.period is gone"),
    "a unique constraint": (
        "ALTER TABLE crm.orders ADD CONSTRAINT once UNIQUE (customer_id)",
        "constraint crm.orders.once was not there before",
    ),
    "a check that is gone": (
        "ALTER TABLE crm.customers DROP CONSTRAINT name_is_there",
        "constraint crm.customers.name_is_there is gone",
    ),
    "a foreign key's action": (
        (
            "ALTER TABLE crm.orders DROP CONSTRAINT orders_customer_id_fkey, ADD CONSTRAINT "
            "orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES crm.customers NOT VALID"
        ),
        (
            "constraint crm.orders.orders_customer_id_fkey had "
            "“FOREIGN KEY (customer_id) REFERENCES crm.customers(id)” and now has "
            "“FOREIGN KEY (customer_id) REFERENCES crm.customers(id) NOT VALID”, “not validated”"
        ),
    ),
    "an index": (
        "CREATE INDEX more ON crm.customers (name)",
        "index crm.customers.more was not there before",
    ),
    "an index that is gone": (
        "DROP INDEX crm.customers_phone",
        "index crm.customers.customers_phone is gone",
    ),
    "a clustered index": (
        "CLUSTER crm.customers USING customers_phone",
        "index crm.customers.customers_phone now has “clustered”",
    ),
    "a function": (
        "CREATE FUNCTION crm.twice(n text) RETURNS text LANGUAGE sql AS 'SELECT n'",
        "function crm.twice(text) was not there before",
    ),
    "a function's body": (
        "CREATE OR REPLACE FUNCTION crm.twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n * 3'",
        "function crm.twice(integer) had “SELECT n * 2” and now has “SELECT n * 3”",
    ),
    "white space inside a function's quotes": (
        (
            "CREATE OR REPLACE FUNCTION crm.stamp() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN NEW.name := 'a b'; RETURN NEW; END $$"
        ),
        "function crm.stamp() had",
    ),
    "a function's volatility": (
        "ALTER FUNCTION crm.twice(integer) IMMUTABLE",
        "function crm.twice(integer) had “volatile” and now has “immutable”",
    ),
    "a function's settings": (
        "ALTER FUNCTION crm.twice(integer) SET search_path = crm",
        "function crm.twice(integer) now has “set search_path=crm”",
    ),
    "a procedure": ("DROP PROCEDURE crm.nothing()", "procedure crm.nothing() is gone"),
    "an aggregate": ("DROP AGGREGATE crm.total(integer)", "aggregate crm.total(integer) is gone"),
    "an operator": (
        "CREATE OPERATOR crm.=== (leftarg = integer, rightarg = integer, function = int4eq)",
        "operator crm.===.integer, integer was not there before",
    ),
    "an extension": ("DROP EXTENSION plpgsql CASCADE", "extension plpgsql is gone"),
    "a sequence": ("CREATE SEQUENCE crm.more", "sequence crm.more was not there before"),
    "a sequence's step": (
        "ALTER SEQUENCE crm.tickets INCREMENT 5",
        "sequence crm.tickets had “bigint from 1 by 1 between",
    ),
    "a sequence's owner": (
        "ALTER SEQUENCE crm.tickets OWNED BY crm.customers.id",
        "sequence crm.tickets now has “owned by crm.customers.id”",
    ),
    "a trigger": (
        "CREATE TRIGGER more BEFORE INSERT ON crm.customers FOR EACH ROW EXECUTE FUNCTION crm.stamp()",
        "trigger crm.customers.more was not there before",
    ),
    "a disabled trigger": (
        "ALTER TABLE crm.customers DISABLE TRIGGER stamped",
        "trigger crm.customers.stamped now has “disabled”",
    ),
    "a rule": ("DROP RULE silent ON crm.orders", "rule crm.orders.silent is gone"),
    "a view": ("CREATE VIEW crm.more AS SELECT 1", "view crm.more was not there before"),
    "a view's query": (
        "CREATE OR REPLACE VIEW crm.phones AS SELECT id, phone FROM crm.customers WHERE id > 1",
        # The rest of the line differs between the versions of PostgreSQL.
        "view crm.phones had “FROM crm.customers;” and now has “FROM crm.customers”, “WHERE (",
    ),
    "an empty materialized view": (
        "REFRESH MATERIALIZED VIEW crm.counted WITH NO DATA",
        "materialized view crm.counted now has “not populated”",
    ),
    "a policy": ("DROP POLICY mine ON crm.customers", "policy crm.customers.mine is gone"),
    "row level security": (
        "ALTER TABLE crm.customers ENABLE ROW LEVEL SECURITY",
        "table crm.customers now has “row level security enabled”",
    ),
    "an option": (
        "ALTER TABLE crm.customers SET (fillfactor = 70)",
        "table crm.customers now has “options fillfactor=70”",
    ),
    "an unlogged table": ("ALTER TABLE crm.tags SET UNLOGGED", "table crm.tags now has “unlogged”"),
    "a replica identity": (
        "ALTER TABLE crm.orders REPLICA IDENTITY FULL",
        "table crm.orders now has “replica identity full”",
    ),
    "a partition that was let go": (
        "ALTER TABLE crm.events DETACH PARTITION crm.events_2026",
        (
            "table crm.events_2026 no longer has “child of crm.events”, "
            "“FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')”"
        ),
    ),
    "a grant": (
        "GRANT SELECT ON crm.customers TO pg_monitor",
        "grants on table crm.customers was not there before",
    ),
    "a grant on a column": (
        "GRANT UPDATE (phone) ON crm.customers TO pg_monitor",
        "grants on column crm.customers.phone was not there before",
    ),
    "a grant on a schema": (
        "GRANT USAGE ON SCHEMA crm TO pg_monitor",
        "grants on schema crm was not there before",
    ),
    "a right that was taken from everybody": (
        "REVOKE EXECUTE ON FUNCTION crm.twice FROM PUBLIC",
        "grants on function crm.twice(integer) was not there before",
    ),
    "default privileges": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO pg_monitor",
        "default privileges crm.",
    ),
    "an owner": (
        "ALTER TABLE crm.orders OWNER TO pg_monitor",
        "table crm.orders had “owner",
    ),
    "a comment on a column": (
        "COMMENT ON COLUMN crm.customers.phone IS 'with area code'",
        "column crm.customers.phone now has “comment with area code”",
    ),
    "a comment on a constraint": (
        "COMMENT ON CONSTRAINT name_is_there ON crm.customers IS 'why'",
        "constraint crm.customers.name_is_there now has “comment why”",
    ),
    "a comment on a schema": ("COMMENT ON SCHEMA crm IS 'people'", "schema crm now has “comment people”"),
    "extended statistics": ("DROP STATISTICS crm.pairs", "statistics crm.pairs is gone"),
    "a statistics target": (
        "ALTER TABLE crm.customers ALTER phone SET STATISTICS 7",
        "column crm.customers.phone now has “statistics target 7”",
    ),
    "a schema": ("CREATE SCHEMA left_over", "schema left_over was not there before"),
    "a cast": (
        "CREATE CAST (crm.status AS integer) WITH INOUT AS ASSIGNMENT",
        "cast crm.status as integer was not there before",
    ),
    "an event trigger": (
        (
            "CREATE FUNCTION crm.seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
            "CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION crm.seen()"
        ),
        "event trigger watcher was not there before",
    ),
    "a publication": ("DROP PUBLICATION news", "publication news is gone"),
    "a published table": (
        "ALTER PUBLICATION news ADD TABLE crm.customers",
        "published table crm.customers.news was not there before",
    ),
    "a collation of one's own": ("DROP COLLATION crm.plain", "collation crm.plain is gone"),
    "a text search configuration": (
        "ALTER TEXT SEARCH CONFIGURATION crm.words DROP MAPPING FOR word",
        "text search configuration crm.words no longer has “token 2 simple”",
    ),
    "a setting of the database": (
        SET_A_SECRET,
        "database setting of everybody.app.secret was not there before",
    ),
}


@pytest.fixture
def session(database: DatabaseUrl) -> Iterator[Session]:
    with Session(connect(database, application_name="tests")) as opened:
        yield opened


@pytest.fixture
def crm(session: Session) -> Session:
    session.execute(BEFORE)
    return session


@pytest.mark.parametrize(("sql", "sentence"), TRACES.values(), ids=TRACES.keys())
def test_each_kind_of_trace_is_named(crm: Session, sql: str, sentence: str) -> None:
    before = read_catalog(crm)
    crm.execute(sql)
    after = read_catalog(crm)
    assert after.fingerprint != before.fingerprint
    sentences = after.difference(before).sentences()
    assert any(each.startswith(sentence) for each in sentences), "\n".join(sentences)
    # The other way round the same difference is seen too.
    assert before.difference(after)


def test_two_readings_of_an_unchanged_database_are_equal(crm: Session) -> None:
    first, second = read_catalog(crm), read_catalog(crm)
    assert len(first.definitions) > 45
    assert first == second
    assert first.fingerprint == second.fingerprint
    assert not first.difference(second)
    assert first.difference(second).sentences() == ()


def test_everything_made_again_has_the_same_fingerprint(crm: Session) -> None:
    """OIDs, internal trigger names, places of dropped columns and positions of sequences are all others."""
    before = read_catalog(crm)
    crm.execute(
        "DROP PUBLICATION news; DROP SCHEMA crm CASCADE; CREATE TABLE public.x(); DROP TABLE public.x"
    )
    crm.execute(BEFORE)
    crm.execute("SELECT nextval('crm.tickets'); ANALYZE crm.customers")
    after = read_catalog(crm)
    assert after.difference(before).sentences() == ()
    assert after.fingerprint == before.fingerprint
    assert after.column_order_fingerprint == before.column_order_fingerprint


def test_a_column_dropped_and_added_again_changes_only_the_order(crm: Session) -> None:
    before = read_catalog(crm)
    crm.execute("ALTER TABLE crm.orders ADD last text")
    middle = read_catalog(crm)
    crm.execute("ALTER TABLE crm.orders DROP customer_id, ADD customer_id bigint REFERENCES crm.customers")
    after = read_catalog(crm)
    assert after.fingerprint == middle.fingerprint
    assert after.column_order_fingerprint != middle.column_order_fingerprint
    difference = after.difference(middle)
    assert not difference
    assert difference.column_order_changed == (Address("table", "crm", "orders"),)
    assert difference.sentences() == ("the columns of table crm.orders stand in another order",)
    # An added column alone does not move the others.
    assert middle.difference(before).column_order_changed == ()


def test_a_function_put_back_with_another_indentation_is_the_same(crm: Session) -> None:
    before = read_catalog(crm)
    crm.execute(
        """CREATE OR REPLACE FUNCTION crm.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN NEW.name := 'a  b';
                    RETURN NEW; END $$"""
    )
    assert read_catalog(crm).fingerprint == before.fingerprint


def test_an_explicit_default_privilege_is_the_same_as_none(crm: Session) -> None:
    before = read_catalog(crm)
    crm.execute("GRANT SELECT ON crm.customers TO pg_monitor; REVOKE SELECT ON crm.customers FROM pg_monitor")
    crm.execute("GRANT USAGE ON SCHEMA crm TO pg_monitor; REVOKE USAGE ON SCHEMA crm FROM pg_monitor")
    assert crm.value("SELECT relacl IS NOT NULL FROM pg_class WHERE oid = 'crm.customers'::regclass")
    assert read_catalog(crm).fingerprint == before.fingerprint


def test_the_order_in_which_rights_were_granted_does_not_count(crm: Session) -> None:
    crm.execute("GRANT SELECT ON crm.orders TO pg_monitor; GRANT SELECT ON crm.orders TO pg_read_all_data")
    before = read_catalog(crm)
    crm.execute("REVOKE ALL ON crm.orders FROM pg_monitor; GRANT SELECT ON crm.orders TO pg_monitor")
    assert read_catalog(crm).fingerprint == before.fingerprint


def test_rights_are_written_with_role_and_grantor(crm: Session) -> None:
    crm.execute(
        "GRANT SELECT, INSERT ON crm.orders TO pg_monitor WITH GRANT OPTION;"
        "REVOKE ALL ON crm.phones FROM CURRENT_USER"
    )
    definitions = read_catalog(crm).definitions
    rights = definitions[Address("grants on table", "crm", "orders")]
    assert "pg_monitor: INSERT with grant option, SELECT with grant option" in rights
    assert definitions[Address("grants on table", "crm", "phones")] == "nobody"


@pytest.mark.parametrize("setting", ["search_path = crm", "search_path = ''", "quote_all_identifiers = on",
                                     "DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Tokyo'"])  # fmt: skip
def test_settings_of_the_session_do_not_show(crm: Session, setting: str) -> None:
    crm.execute(
        "CREATE VIEW crm.recent AS SELECT * FROM crm.customers WHERE born > '2020-02-01'::timestamptz"
    )
    before = read_catalog(crm)
    crm.execute(f"SET {setting}")
    assert read_catalog(crm).difference(before).sentences() == ()


def test_reading_leaves_the_transaction_and_its_settings_alone(crm: Session) -> None:
    crm.execute("SET search_path = crm")
    with crm.transaction():
        crm.execute(
            "SET LOCAL search_path = public; SET LOCAL DateStyle = 'SQL, DMY'; CREATE TABLE crm.fresh()"
        )
        transaction = crm.value("SELECT pg_current_xact_id()")
        catalog = read_catalog(crm)
        assert Address("table", "crm", "fresh") in catalog.definitions
        assert crm.value("SHOW search_path") == "public"
        assert crm.value("SHOW DateStyle") == "SQL, DMY"
        assert crm.value("SELECT pg_current_xact_id()") == transaction
        held = crm.value(
            "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'crm.orders'::regclass"
        )
        assert held == 0
    assert crm.value("SHOW search_path") == "crm"
    assert crm.value("SELECT to_regclass('crm.fresh') IS NOT NULL")
    read_catalog(crm)
    assert crm.value("SHOW search_path") == "crm"
    assert not crm.in_transaction


def test_a_reading_that_fails_leaves_the_transaction_usable(crm: Session, database: DatabaseUrl) -> None:
    with (
        Session(connect(database, application_name="tests")) as other,
        other.transaction(),
        crm.transaction(),
    ):
        other.execute("LOCK TABLE pg_publication IN ACCESS EXCLUSIVE MODE")
        crm.execute("CREATE TABLE crm.fresh(); SET LOCAL search_path = crm; SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(StatementError, match="lock timeout"):
            read_catalog(crm)
        assert crm.value("SHOW search_path") == "crm"
        assert crm.value("SELECT to_regclass('crm.fresh') IS NOT NULL")


def test_reading_in_a_read_only_transaction_works(crm: Session) -> None:
    outside = read_catalog(crm)
    with crm.transaction(read_only=True):
        assert read_catalog(crm) == outside


def test_a_role_without_any_rights_reads_the_same_catalog(crm: Session) -> None:
    before = read_catalog(crm)
    role = f"nobody_{crm.value('SELECT pg_backend_pid()')}"
    crm.execute(f"CREATE ROLE {role}; SET ROLE {role}")
    try:
        assert read_catalog(crm) == before
    finally:
        crm.execute(f"RESET ROLE; DROP ROLE {role}")


def test_only_the_wanted_schemas_are_read_and_the_ledger_is_not(crm: Session) -> None:
    crm.execute(
        "CREATE SCHEMA migrate; CREATE TABLE migrate.run();"
        "CREATE SCHEMA billing; CREATE TABLE billing.t(id integer)"
    )
    whole = read_catalog(crm)
    assert {each.schema for each in whole.definitions} == {"crm", "billing", "public", DATABASE_WIDE}
    part = read_catalog(crm, ("billing",))
    assert {each.schema for each in part.definitions} == {"billing", DATABASE_WIDE}
    assert part == whole.in_schemas(("billing", DATABASE_WIDE))
    assert Address("table", "migrate", "run") in read_catalog(crm, ("migrate",)).definitions


def test_version_tables_can_be_left_out_with_all_that_is_theirs(crm: Session) -> None:
    before = read_catalog(crm)
    crm.execute("CREATE TABLE crm.alembic_version (version_num varchar(32) PRIMARY KEY); "
                "GRANT SELECT ON crm.alembic_version TO pg_monitor")  # fmt: skip
    assert read_catalog(crm, ignore={("crm", "alembic_version")}) == before
    assert read_catalog(crm) != before


def test_names_with_quotes_and_spaces_are_read(session: Session) -> None:
    session.execute("""CREATE SCHEMA "o'dd {name}"; CREATE TABLE "o'dd {name}"."<t %s>" ("a ""b" integer)""")
    catalog = read_catalog(session, ("o'dd {name}",))
    assert Address("column", "o'dd {name}", "<t %s>", 'a "b') in catalog.definitions


def test_a_renamed_column_is_told_apart_from_the_view_that_only_mentions_it(crm: Session) -> None:
    crm.execute("CREATE SCHEMA billing; CREATE VIEW billing.phones AS SELECT phone FROM crm.customers;"
                "CREATE TABLE billing.invoices (customer bigint REFERENCES crm.customers (id))")  # fmt: skip
    before = read_catalog(crm)
    crm.execute(
        "ALTER TABLE crm.customers RENAME phone TO telephone; ALTER TABLE crm.customers RENAME id TO number"
    )
    difference = read_catalog(crm).difference(before)
    abroad = [each for each in difference.changed if each.address.schema == "billing"]
    assert [(str(each.address), each.rewritten) for each in abroad] == [
        ("constraint billing.invoices.invoices_customer_fkey", False),
        ("view billing.phones", False),
    ]
    assert not any(schema == "billing" for schema, _ in difference.relations)
    crm.execute("CREATE OR REPLACE VIEW billing.phones AS SELECT telephone || '' AS phone FROM crm.customers")
    written = read_catalog(crm).difference(before).changed
    assert [each.rewritten for each in written if each.address == Address("view", "billing", "phones")] == [
        True
    ]


def test_not_null_is_a_property_of_the_column_on_every_version(crm: Session) -> None:
    definitions = read_catalog(crm).definitions
    assert "not null" in definitions[Address("column", "crm", "customers", "name")].split("\n")
    named = {each.part for each in definitions if each.kind == "constraint" and each.name == "customers"}
    assert named == {"customers_pkey", "name_is_there"}


def test_an_unproved_not_null_is_another_definition(crm: Session) -> None:
    if crm.server_version < 180000:
        pytest.skip(f"NOT NULL can be NOT VALID from PostgreSQL 18 on; this server is {crm.server_version}")
    crm.execute("ALTER TABLE crm.customers ADD CONSTRAINT there NOT NULL phone NOT VALID")
    column = read_catalog(crm).definitions[Address("column", "crm", "customers", "phone")]
    assert column.split("\n")[-2:] == ["not null", "not null was not validated"]


def test_what_postgresql_derives_for_partitions_belongs_to_the_parents_key(crm: Session) -> None:
    crm.execute("""CREATE TABLE crm.parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE crm.uses (part integer REFERENCES crm.parts)""")
    before = read_catalog(crm)
    crm.execute("CREATE TABLE crm.parts_1 PARTITION OF crm.parts FOR VALUES FROM (1) TO (9)")
    difference = read_catalog(crm).difference(before)
    assert {each.name for each in difference.addresses} == {"parts_1"}


def test_secrets_in_settings_and_servers_are_not_read(crm: Session) -> None:
    crm.execute(SET_A_SECRET)
    crm.execute(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (key 's3cret')"
    )
    catalog = read_catalog(crm)
    assert Address("foreign server", DATABASE_WIDE, "far") in catalog.definitions
    assert not any("s3cret" in f"{address}{text}" for address, text in catalog.definitions.items())


def test_a_table_that_is_gone_is_one_sentence(crm: Session) -> None:
    before = read_catalog(crm)
    crm.execute("DROP TABLE crm.orders")
    assert read_catalog(crm).difference(before).sentences() == (
        "published table crm.orders.news is gone",
        "table crm.orders is gone",
    )


def restored(session: Session, before: Catalog) -> bool:
    return read_catalog(session).fingerprint == before.fingerprint


def test_a_rollback_to_a_savepoint_restores_the_fingerprint(crm: Session) -> None:
    before = read_catalog(crm)
    with crm.transaction():
        crm.execute("SAVEPOINT step; DROP TABLE crm.orders; CREATE TABLE crm.orders (id integer)")
        assert not restored(crm, before)
        crm.execute("ROLLBACK TO SAVEPOINT step")
        assert restored(crm, before)

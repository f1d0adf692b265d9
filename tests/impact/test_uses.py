"""Every lasting use in a database is found: by its catalog, and by the bodies that the catalog does not follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.impact.from_catalog import known_in
from coordinator.model.effect import Holding, LastingUse, ObjectKind, ObjectName
from coordinator.model.overload import Overload
from coordinator.model.unique_key import UniqueKey
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.workflow.uses import read_uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

MADE = """
CREATE SCHEMA crm; CREATE SCHEMA billing;
CREATE TYPE crm.mood AS ENUM ('happy', 'sad');
CREATE DOMAIN crm.email AS text CHECK (value LIKE '%@%');
CREATE FUNCTION crm.next_code() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION crm.good(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 <> '''' ';
CREATE TABLE crm.customers (
    id int PRIMARY KEY,
    phone text,
    mail crm.email,
    moods crm.mood[],
    code int DEFAULT crm.next_code(),
    loud text GENERATED ALWAYS AS (upper(phone)) STORED,
    CONSTRAINT has_phone CHECK (crm.good(phone)));
CREATE INDEX by_phone ON crm.customers (lower(phone));
CREATE TABLE billing.invoices (id int PRIMARY KEY, customer_id int CONSTRAINT payer REFERENCES crm.customers, note text);
CREATE VIEW billing.payers AS SELECT c.phone, count(*) FROM crm.customers c JOIN billing.invoices i ON i.customer_id = c.id
    GROUP BY 1;
CREATE MATERIALIZED VIEW billing.everybody AS SELECT * FROM crm.customers;
CREATE POLICY own ON billing.invoices USING (note IN (SELECT phone FROM crm.customers));
CREATE RULE quiet AS ON DELETE TO billing.invoices DO INSTEAD UPDATE billing.invoices SET note = 'x';
CREATE FUNCTION billing.touch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE crm.customers SET code = new.id WHERE phone = new.note; RETURN new; END $$;
CREATE TRIGGER touches AFTER UPDATE OF note ON billing.invoices FOR EACH ROW EXECUTE FUNCTION billing.touch();
CREATE FUNCTION billing.add() RETURNS void LANGUAGE sql SET search_path = crm AS
    $$ INSERT INTO customers (id, phone) VALUES (1, 'x') $$;
CREATE FUNCTION billing.odd(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP TABLE ' || t; END $$;
CREATE FUNCTION billing.whole() RETURNS SETOF crm.customers LANGUAGE sql AS $$ SELECT * FROM crm.customers $$;
CREATE FUNCTION billing.kept() RETURNS bigint BEGIN ATOMIC SELECT max(code) FROM crm.customers; END;
CREATE TABLE billing.keys (id int, note text, CONSTRAINT noted UNIQUE (note, id), CONSTRAINT later UNIQUE (id) DEFERRABLE);
CREATE UNIQUE INDEX certain ON billing.keys (lower(note), id) WHERE id > 0;
CREATE FUNCTION billing.upsert() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO billing.keys (id, note) VALUES (1, 'x') ON CONFLICT (id, note) DO NOTHING; END $$;
CREATE FUNCTION crm.clean(text, also text DEFAULT '') RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION crm.clean(int, VARIADIC varchar[]) RETURNS SETOF crm.mood LANGUAGE sql AS 'SELECT NULL::crm.mood';
CREATE VIEW billing.cleaned AS SELECT crm.clean(note) FROM billing.keys;
CREATE FUNCTION billing.cleans() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN crm.clean('a'); END $$;
CREATE TABLE crm.parted (id int) PARTITION BY RANGE (id);
CREATE TABLE crm.parted_1 PARTITION OF crm.parted DEFAULT;
"""


@pytest.fixture
def session(database: DatabaseUrl) -> Iterator[Session]:
    with Session(connect(database, application_name="test")) as opened:
        opened.execute(MADE)
        yield opened


def shown(uses: tuple[LastingUse, ...]) -> set[str]:
    return {f"{each.holder.shown} {each.used.shown}" for each in uses if each.holding is Holding.FIRM}


def test_the_catalog_tells_every_kind_of_lasting_use(session: Session) -> None:
    found = shown(read_uses(session))
    assert {
        "constraint 'billing.invoices.payer' column 'crm.customers.id'",
        "constraint 'billing.invoices.payer' relation 'crm.customers'",
        "constraint 'billing.invoices.payer' constraint 'crm.customers.customers_pkey'",
        "relation 'billing.payers' column 'crm.customers.phone'",
        "relation 'billing.payers' relation 'billing.invoices'",
        "relation 'billing.everybody' column 'crm.customers.moods'",
        "policy 'billing.invoices.own' column 'crm.customers.phone'",
        "rule 'billing.invoices.quiet' column 'billing.invoices.note'",
        "trigger 'billing.invoices.touches' column 'billing.invoices.note'",
        "trigger 'billing.invoices.touches' function 'billing.touch'",
        "index 'crm.by_phone' column 'crm.customers.phone'",
        "constraint 'crm.customers.has_phone' column 'crm.customers.phone'",
        "constraint 'crm.customers.has_phone' function 'crm.good'",
        "default 'crm.customers.code' function 'crm.next_code'",
        "column 'crm.customers.loud' column 'crm.customers.phone'",
        "column 'crm.customers.moods' type 'crm.mood'",
        "column 'crm.customers.mail' type 'crm.email'",
        "function 'billing.whole' relation 'crm.customers'",
        "function 'billing.kept' column 'crm.customers.code'",
        "relation 'crm.parted_1' relation 'crm.parted'",
    } <= found


def test_bodies_of_text_are_read_and_their_names_resolved(session: Session) -> None:
    by_text = [each for each in read_uses(session) if each.holding is not Holding.FIRM]
    told = {
        (str(each.holder), str(each.used)): each for each in by_text if not each.writes and not each.every
    }
    assert ("billing.touch", "crm.customers.phone") in told
    assert ("billing.touch", "billing.invoices.note") in told  # NEW.note of the trigger that fires it
    assert told["billing.touch", "crm.customers.phone"].holding is Holding.LATE
    assert told["billing.add", "crm.customers"].holding is Holding.TEXT  # by the function's own search_path
    writes = {
        (str(each.holder), str(each.used), each.inserts): each.columns for each in by_text if each.writes
    }
    assert writes["billing.touch", "crm.customers", False] == ("code",)
    assert writes["billing.add", "crm.customers", True] == ("id", "phone")


def test_a_star_and_dynamic_sql_are_told_apart_from_what_is_known(session: Session) -> None:
    uses = read_uses(session)
    assert [str(each.used) for each in uses if each.every] == ["crm.customers"]
    anything = ObjectName(ObjectKind.FUNCTION, "", "")
    assert [str(each.holder) for each in uses if each.used == anything] == ["billing.odd"]


def test_unique_keys_and_who_relies_on_them_are_read(session: Session) -> None:
    keys = known_in(read_catalog(session)).keys["billing", "keys"]
    assert {name.shown: key for name, key in keys.items()} == {
        "constraint 'billing.keys.noted'": UniqueKey(columns=frozenset({"id", "note"})),
        "index 'billing.certain'": UniqueKey(columns=frozenset({"id"}), computed=True, partial=True),
    }
    wanted = {str(each.holder): each.conflict for each in read_uses(session) if each.conflict is not None}
    assert list(wanted) == ["billing.upsert"]
    serving = [name.part for name, key in keys.items() if key.serves(wanted["billing.upsert"])]
    assert serving == ["noted"]


def test_the_functions_of_a_name_are_told_apart_by_what_they_take(session: Session) -> None:
    found = known_in(read_catalog(session)).overloads["crm", "clean"]
    assert set(found) == {
        Overload(arguments=("text", "text"), needed=1, result="text"),
        Overload(arguments=("int4", "varchar[]"), needed=1, variadic=True, result="setof crm.mood"),
    }
    given = {str(each.holder): each.arguments for each in read_uses(session) if each.used.name == "clean"}
    assert given == {"billing.cleaned": ("text", "text"), "billing.cleans": ("",)}


def test_nothing_of_postgresql_nor_of_the_ledger_is_among_them(session: Session) -> None:
    session.execute(
        "CREATE SCHEMA migrate; CREATE TABLE migrate.run (id int PRIMARY KEY, of int REFERENCES migrate.run)"
    )
    schemas = {name.schema for each in read_uses(session) for name in (each.holder, each.used)}
    assert schemas == {"crm", "billing", ""}

"""A firm whose database has a bit of everything, made by three modules: crm, billing that reads it, and hr beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

CRM = """
CREATE TYPE crm.state AS ENUM ('new', 'old');
CREATE DOMAIN crm.email AS text CHECK (VALUE LIKE '%@%');
CREATE SEQUENCE crm.tickets START 7;
CREATE TABLE crm.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(40) NOT NULL DEFAULT 'x',
    "Straße & Nr." text,
    mail crm.email,
    state crm.state DEFAULT 'new',
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
    CONSTRAINT named CHECK (name <> ''));
COMMENT ON TABLE crm.customers IS 'who buys: ''us'', mostly – ü';
CREATE TABLE crm."Kunden – ""alt"" %" (id bigint REFERENCES crm.customers, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE crm.old_2026 PARTITION OF crm."Kunden – ""alt"" %" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX by_mail ON crm.customers (lower(mail));
CREATE VIEW crm.names AS SELECT id, name FROM crm.customers;
CREATE MATERIALIZED VIEW crm.counted AS SELECT count(*) AS n FROM crm.customers;
CREATE FUNCTION crm.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := 'a  b'; RETURN NEW; END $$;
CREATE TRIGGER stamped BEFORE UPDATE ON crm.customers FOR EACH ROW EXECUTE FUNCTION crm.stamp();
ALTER TABLE crm.customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON crm.customers FOR SELECT USING (true)
"""
BILLING = """
CREATE TABLE billing.invoices (id int PRIMARY KEY, customer bigint NOT NULL REFERENCES crm.customers);
CREATE VIEW billing.buyers AS SELECT c.name FROM billing.invoices i JOIN crm.customers c ON c.id = i.customer;
CREATE FUNCTION billing.name_of(bigint) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN RETURN (SELECT name FROM crm.customers WHERE id = $1); END $$
"""
HR = "CREATE TABLE hr.people (id int PRIMARY KEY)"


def revise(
    root: Path,
    module: str,
    revision: str,
    sql: str,
    *,
    after: str | None = None,
    back: str = "",
    **names: Any,
) -> Path:
    """A revision that runs this SQL."""
    return write_revision(
        versions_of(root, module),
        revision,
        after=after,
        upgrade=f"op.execute({sql!r})",
        downgrade=f"op.execute({back!r})" if back else "pass",
        **names,
    )


def write_firm(root: Path) -> Path:
    """All three modules in one checkout."""
    project(root, modules=("crm", "billing", "hr"))
    revise(root, "crm", "c1", CRM, back="DROP TABLE crm.customers CASCADE")
    revise(root, "billing", "b1", BILLING, back="DROP TABLE billing.invoices CASCADE", requires=["crm:c1"])
    revise(root, "hr", "h1", HR, back="DROP TABLE hr.people")
    return root

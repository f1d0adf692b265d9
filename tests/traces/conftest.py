"""A session on a database with tables of two modules, and the harness of the failing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from coordinator.postgres.databases import create_database, drop_database
from coordinator.postgres.session import Session
from coordinator.staging.names import new_database_name, new_mark
from tests.failures.conftest import role, site, state_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl
    from coordinator.staging.cluster import LocalCluster

__all__ = ["role", "site", "state_directory"]

TABLES = """
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS crm CASCADE; DROP SCHEMA IF EXISTS billing CASCADE;
CREATE SCHEMA crm; CREATE SCHEMA billing;
CREATE TABLE crm.customers (id int PRIMARY KEY, email text, age int);
CREATE INDEX mails ON crm.customers (email);
CREATE TABLE crm.notes (id int PRIMARY KEY, customer int, body text);
CREATE TABLE billing.invoices (id int PRIMARY KEY, customer int REFERENCES crm.customers);
CREATE VIEW billing.all_notes AS SELECT id FROM crm.notes;
CREATE TABLE crm.log (at date, k int, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE crm.log_20 PARTITION OF crm.log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE crm.base (id int); CREATE TABLE crm.special (x int) INHERITS (crm.base);
CREATE FUNCTION crm.charge() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN INSERT INTO billing.invoices VALUES (NEW.id, NULL); RETURN NEW; END';
CREATE TRIGGER charging AFTER INSERT ON crm.notes FOR EACH ROW EXECUTE FUNCTION crm.charge();
"""


@pytest.fixture(scope="package")
def shared(server: LocalCluster) -> Iterator[DatabaseUrl]:
    """One database for all tests of this folder."""
    name = new_database_name()
    yield create_database(server.url(), name, comment=new_mark())
    drop_database(server.url(), name)


@pytest.fixture
def session(shared: DatabaseUrl) -> Iterator[Session]:
    """A session on a database with the tables as they are above, all of them empty."""
    with Session(connect(shared, application_name="test")) as session:
        session.execute(TABLES)
        yield session

"""Runs a step's SQL the way the executor does, and asks the integrity checks about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.checks.integrity.registry import INTEGRITY_CHECKS
from coordinator.model.capture import Direction
from coordinator.model.check import StepFacts
from coordinator.model.module import Module
from coordinator.model.names import Place, RevisionKey
from coordinator.model.plan import Step
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.rows import table_marks, written_since

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session

CRM = Module(name="crm", path=Path("modules/crm/migrations"), schemas=("crm",))
BILLING = Module(name="billing", path=Path("modules/billing/migrations"), schemas=("billing",))
KEY = RevisionKey("crm", "a1")

# Two modules as an operator finds them: keys, views and functions across, rights for an application's role.
HEALTHY = """
CREATE SCHEMA crm;
CREATE SCHEMA billing;
CREATE TABLE crm.customers (id bigserial PRIMARY KEY, name text NOT NULL, phone text);
CREATE TABLE crm.visits (id bigserial PRIMARY KEY, customer_id bigint REFERENCES crm.customers ON DELETE CASCADE);
CREATE TABLE billing.invoices (
    id bigserial PRIMARY KEY, customer_id bigint CONSTRAINT invoices_customer REFERENCES crm.customers);
CREATE VIEW billing.phones AS SELECT id, phone FROM crm.customers;
CREATE FUNCTION billing.phone_of(n bigint) RETURNS text LANGUAGE sql AS
    'SELECT phone FROM crm.customers WHERE id = n';
CREATE FUNCTION billing.greet(n bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    SELECT c.name INTO found FROM crm.customers AS c WHERE c.id = n;
    RETURN 'Hello ' || found;
END $$;
INSERT INTO crm.customers (name) SELECT 'customer ' || n FROM generate_series(1, 10) AS n;
INSERT INTO crm.visits (customer_id) SELECT id FROM crm.customers;
INSERT INTO billing.invoices (customer_id) SELECT id FROM crm.customers;
"""


def step_of(sql: str, session: Session, **details: Any) -> tuple[Finding, ...]:
    """Run `sql` as a step of module crm and give what all checks say; the step stays in the database.

    `details` are fields of the step or of the facts; `touches`, `deletes_rows` and `direction` are the step's;
    `checks` are others than all.
    """
    checks = details.pop("checks", INTEGRITY_CHECKS)
    of_step = {
        name: details.pop(name) for name in ("touches", "deletes_rows", "direction") if name in details
    }
    step = Step(
        position=1,
        key=KEY,
        direction=of_step.pop("direction", Direction.UPGRADE),
        message="a step",
        place=Place("a1_step.py", 1),
        **of_step,
    )
    facts: dict[str, Any] = {"step": step, "module": CRM, "modules": (CRM, BILLING)}
    facts["owners"] = {"crm": "crm", "billing": "billing"}
    with session.transaction():
        before = read_catalog(session)
        marks = table_marks(session)
        session.execute(f"SAVEPOINT step; {sql}; SET LOCAL search_path = pg_catalog")
        after = read_catalog(session)
        facts["written"] = written_since(session, marks)
        told = StepFacts(**facts | details)
        findings = tuple(each for check in checks for each in check.run(session, told, before, after))
        assert session.value("SHOW search_path") == "pg_catalog", "a check has left its own search_path"
        session.execute("RELEASE SAVEPOINT step")
    return findings


def only(findings: tuple[Finding, ...]) -> Finding:
    """The one finding there is."""
    assert len(findings) == 1, "\n".join(each.message for each in findings) or "nothing was found"
    return findings[0]

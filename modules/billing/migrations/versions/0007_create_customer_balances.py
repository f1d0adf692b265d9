"""create the balance of each customer

What was issued, less what was paid or credited. Customers who never bought anything owe nothing, and are
shown.
"""

from alembic import op

revision: str = "c90340c5395f"
down_revision: str | None = "0ebfa54ec131"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE VIEW billing.customer_balances AS
        WITH settled AS (
            SELECT invoice_id, amount FROM billing.payments
            UNION ALL
            SELECT invoice_id, amount FROM billing.credit_notes
        ), owed AS (
            SELECT
                invoices.customer_id,
                invoices.total - coalesce(
                    (SELECT sum(settled.amount) FROM settled WHERE settled.invoice_id = invoices.id), 0
                ) AS open_amount
            FROM billing.invoices
            WHERE invoices.status IN ('issued', 'paid')
        )
        SELECT customers.id AS customer_id, customers.name, coalesce(sum(owed.open_amount), 0) AS balance
        FROM crm.customers LEFT JOIN owed ON owed.customer_id = customers.id
        GROUP BY customers.id, customers.name
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW billing.customer_balances")
